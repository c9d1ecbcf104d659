// The command on the page works as shown, and the page shows by itself that it did.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, looked, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });

const binaries = path.dirname(process.env.MIPO_BIN ?? path.resolve(import.meta.dirname, '../../../target/debug/mipo'));

test('a new scanner turns from pending to active on the page', async ({ page }) => {
  await page.goto('/config/scanners/new');
  await page.getByLabel('Name').fill('second-scanner');
  await looked(page, 'scanner-new');
  await page.getByRole('button', { name: /Add scanner/ }).click();
  await expect(page.getByRole('heading', { name: /On the scanner's host/ })).toBeVisible();
  await expect(page.locator('#standing')).toContainText(/pending/i);
  await expect(page.locator('#command')).toContainText('/scanner/install.sh');
  await looked(page, 'scanner-token');

  const home = await mkdtemp(path.join(tmpdir(), 'mipo-scanner-'));
  const env = { HOME: home, PATH: `${binaries}:/usr/bin:/bin`, MIPO_SCANNER_KEY_FILE: path.join(home, 'key.json') };
  await page.getByText('mipo-scanner is on that host already').click();
  const command = (await page.locator('#enrol').innerText()).trim();
  await promisify(execFile)('sh', ['-c', command], { env });
  const scanner = spawn(path.join(binaries, 'mipo-scanner'), ['run'], { env, stdio: 'ignore' });
  try {
    // "becomes active" stands there before; the state itself is the first word.
    await expect(page.locator('#standing')).toContainText('Active', { timeout: 20_000 });
    await expect(page.locator('#standing')).toMatchAriaSnapshot(`
      - region "Standing":
        - heading "Standing" [level=2]
        - term: Status
        - definition: /Active/
        - term: Last heartbeat
    `);
    await page.goto('/config/scanners');
    await expect(page.getByRole('row', { name: /second-scanner.*Active/ })).toHaveCount(1);
    await looked(page, 'scanners');
  } finally {
    scanner.kill('SIGTERM');
    await new Promise((resolve) => scanner.once('exit', resolve));
    await rm(home, { recursive: true, force: true });
  }
});
