// The command on the page works as shown, and the page shows by itself that it did.
import { execFile, spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, looked, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });

const binaries = path.dirname(process.env.MIPO_BIN ?? path.resolve(import.meta.dirname, '../../../target/debug/mipo'));

test('a new scanner turns from pending to active on the page', async ({ page }) => {
  await page.goto('/config/scanners/new');
  await page.getByLabel('Name').fill('second-scanner');
  await looked(page, 'scanner-new', `
    - heading "Add a scanner" [level=1]
    - group "Scanner":
      - textbox /Name/: second-scanner
    - group "Limits"
    - group "Trust"
    - button /Add scanner/
  `);
  await page.getByRole('button', { name: /Add scanner/ }).click();
  await expect(page.getByRole('heading', { name: /On the scanner's host/ })).toBeVisible();
  await expect(page.locator('#standing')).toContainText(/pending/i);
  await expect(page.locator('#command')).toContainText('/scanner/install.sh');
  await looked(page, 'scanner-token', `
    - heading "Start second-scanner" [level=1]
    - region "On the scanner's host, run":
      - heading "On the scanner's host, run" [level=2]
      - button "Copy the command"
    - region "Standing":
      - term: Status
      - definition: /Pending/
    - region "What is checked"
  `);

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
    await looked(page, 'scanners', `
      - heading "Scanners" [level=1]
      - region "Scanners":
        - group "Scanners":
          - table:
            - rowgroup
            - rowgroup:
              - row /local/
              - row /second-scanner Active/:
                - rowheader "second-scanner"
                - cell "Active"
                - cell "Actions of second-scanner":
                  - button "Actions of second-scanner"
    `);
  } finally {
    scanner.kill('SIGTERM');
    await new Promise((resolve) => scanner.once('exit', resolve));
    await rm(home, { recursive: true, force: true });
  }
});

test('the shown install command installs, enrols and starts a scanner', async ({ page }) => {
  await page.goto('/config/scanners/new');
  await page.getByLabel('Name').fill('third-scanner');
  await page.getByRole('button', { name: /Add scanner/ }).click();
  const command = (await page.locator('#command').innerText()).trim();
  expect(command).toMatch(/^curl -fsSL http:\/\/127\.0\.0\.1:\d+\/scanner\/install\.sh \| sh -s -- /);

  // As it stands, on a host without mipo-scanner; only the folder is chosen, so that this machine stays as it is.
  const prefix = await mkdtemp(path.join(tmpdir(), 'mipo-installed-'));
  const env = { HOME: prefix, PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', MIPO_SCANNER_PREFIX: prefix };
  let process_id = 0;
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
    expect(stdout).toContain('Hash and signature checked');
    process_id = Number(/process (\d+)/.exec(stdout)?.[1]);
    expect(process_id, stdout).toBeGreaterThan(1);
    await access(path.join(prefix, 'bin/mipo-scanner'));
    await expect(page.locator('#standing')).toContainText('Active', { timeout: 20_000 });
    await looked(page, 'scanner-installed', `
      - heading "Start third-scanner" [level=1]
      - region "Standing":
        - term: Status
        - definition: /Active/
    `);
  } finally {
    if (process_id > 1) process.kill(process_id, 'SIGTERM');
    await rm(prefix, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
});
