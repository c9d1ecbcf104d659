// Starts `mipo up` in a data directory of its own on a free port, waits for its address and its one-time setup link, and
// hands both to the tests by environment variables. Returns the function that stops it.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');
const mipo = process.env.MIPO_BIN ?? path.join(root, 'target/debug/mipo');

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function untilPrinted(child, what, pattern, seconds) {
  return new Promise((resolve, reject) => {
    let seen = '';
    const timer = setTimeout(() => reject(new Error(`mipo up did not print ${what} within ${seconds} s:\n${seen}`)), seconds * 1000);
    child.stdout.on('data', (chunk) => {
      seen += chunk;
      const match = seen.match(pattern);
      if (match) {
        clearTimeout(timer);
        resolve(match[1]);
      }
    });
    child.once('exit', (code) => reject(new Error(`mipo up ended with ${code} before it printed ${what}:\n${seen}`)));
  });
}

export default async function start() {
  const port = await freePort();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'mipo-browser-'));
  const child = spawn(mipo, ['up'], {
    cwd: root,
    env: { ...process.env, MIPO_LISTEN: `127.0.0.1:${port}`, MIPO_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-20_000);
  });
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    const reset = spawn(mipo, ['reset', '--yes'], { env: { ...process.env, MIPO_DATA_DIR: dataDir }, stdio: 'ignore' });
    await new Promise((resolve) => reset.once('exit', resolve));
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const link = await untilPrinted(child, 'the setup link', /(http:\/\/127\.0\.0\.1:\d+\/setup#token=\S+)/, 90);
    process.env.MIPO_URL = `http://127.0.0.1:${port}`;
    process.env.MIPO_SETUP_LINK = link;
    process.env.MIPO_DATA = dataDir;
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n--- stderr ---\n${errors}`);
  }
  return stop;
}
