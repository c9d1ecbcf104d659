// A target, a port list, a template, a scan that is watched, and what changed in the next one.
import { createServer } from 'node:net';
import { audit, expect, looked, onPhone, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

const listeners = [];

async function listen() {
  const server = createServer((socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  listeners.push(server);
  return server.address().port;
}

let first;
let second;

test.beforeAll(async () => {
  first = await listen();
  second = await listen();
  // Known to be free and closed until the last test opens it again.
  await new Promise((resolve) => listeners.pop().close(resolve));
});

test.afterAll(() => listeners.forEach((server) => server.close()));

test('a target, ports and a template', async ({ page }) => {
  await page.goto('/config/subnets/new');
  await page.getByLabel('Name').fill('this-machine');
  await page.getByLabel('Network').fill('127.0.0.1/32');
  await page.getByRole('checkbox', { name: 'local' }).check();
  await looked(page, 'subnet-new', `
    - heading "Add a subnet" [level=1]
    - group "General":
      - textbox /Name/: this-machine
      - textbox /Network/
    - group "Scanners":
      - group "Scanners":
        - table:
          - rowgroup
          - rowgroup:
            - row /local/:
              - cell "local":
                - checkbox "local" [checked]
    - button "Add subnet"
  `);
  await page.getByRole('button', { name: 'Add subnet' }).click();
  await expect(page.getByRole('row', { name: /this-machine/ })).toBeVisible();

  await page.goto('/config/port-lists/new');
  await page.getByLabel('Name').fill('two-ports');
  await page.locator('#f-ports').fill(`${first},${second}`);
  await looked(page, 'port-list-new', `
    - heading "Add a port list" [level=1]
    - group "General":
      - textbox /Name/: two-ports
    - group "Ports":
      - textbox /Ports/
    - button "Add port list"
  `);
  await page.getByRole('button', { name: 'Add port list' }).click();
  await expect(page.getByRole('row', { name: /two-ports/ })).toBeVisible();

  await page.goto('/config/scan-templates/new');
  await page.getByLabel('Name').fill('daily');
  await page.getByRole('checkbox', { name: 'this-machine' }).check();
  await page.getByRole('checkbox', { name: 'two-ports' }).check();
  await looked(page, 'scan-template-new', `
    - heading "Add a scan template" [level=1]
    - group "General":
      - textbox /Name/: daily
    - group "Targets"
    - group "Ports"
    - button "Add template"
  `);
  await page.getByRole('button', { name: 'Add template' }).click();
  await expect(page.getByRole('heading', { name: /daily/, level: 1 })).toBeVisible();
  await expect(page.locator('main')).toMatchAriaSnapshot(`
    - heading "daily" [level=1]
    - button "Run now"
    - link "Clone"
  `);
});

async function start(page) {
  await page.goto('/scans/run');
  await page.getByRole('row', { name: /daily/ }).getByRole('button', { name: /Run/ }).click();
  await expect(page).toHaveURL(/\/scans\/\d+$/);
}

/** No reload: whichever part of the scan is open hears that it has ended. A job of it may have ended before. */
async function completed(page) {
  await expect(page.getByRole('heading', { name: /daily Completed/, level: 1 })).toBeVisible({ timeout: 30_000 });
}

test('a scan is run, watched without reloading, and read', async ({ page }) => {
  await page.goto('/scans/run');
  await looked(page, 'scans-run', `
    - heading "Run a scan" [level=1]
    - region "Templates"
    - region "Look at something once":
      - textbox /Targets/
      - textbox /Ports/
      - button "Scan now"
  `);
  await start(page);
  await page.getByRole('link', { name: /^Findings/ }).click();
  await completed(page);
  const row = page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${first}`) });
  await expect(row).toHaveCount(1);
  await expect(page.getByRole('row', { name: new RegExp(`${second}`) })).toHaveCount(0);
  await looked(page, 'scan-results', `
    - heading /daily Completed/ [level=1]
    - navigation "Parts of the scan":
      - link /Findings 1/
    - region "Open ports":
      - group "Open ports":
        - table:
          - rowgroup:
            - row /At Address Port Protocol State Service Version Seen from Test RTT Since/
          - rowgroup:
            - row /127\\.0\\.0\\.1 .*\\d+ tcp/
  `);
});

test('the next scan shows what opened', async ({ page }) => {
  const server = createServer((socket) => socket.destroy());
  await new Promise((resolve) => server.listen(second, '127.0.0.1', resolve));
  listeners.push(server);
  await start(page);
  await page.getByRole('link', { name: /^Changes/ }).click();
  await completed(page);
  await expect(page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${second}`) })).toHaveCount(1);
  await expect(page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${first}`) })).toHaveCount(0);
  await looked(page, 'scan-changes', `
    - heading /daily Completed/ [level=1]
    - textbox "Compared with scan"
    - region "Opened":
      - heading "Opened" [level=2]
      - group "Opened":
        - table:
          - rowgroup
          - rowgroup:
            - row /Opened 127\\.0\\.0\\.1/
  `);
});

/** The limit of the trial's own scanner, in probes per second; empty for none. */
async function limitTo(page, rate) {
  await page.goto('/config/scanners');
  await page.getByRole('link', { name: 'local', exact: true }).click();
  await page.getByLabel('Rate limit').fill(rate);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: 'local', level: 1 })).toBeVisible();
}

test('a slow scan is watched as it moves, without reloading', async ({ page }) => {
  test.setTimeout(240_000);
  // Spread over the scan by its random order, so that some are found early and some late.
  const open = [];
  for (let n = 0; n < 12; n += 1) open.push(await listen());
  await limitTo(page, '60');
  await page.goto('/scans/run');
  await page.getByLabel('Targets').fill('127.0.0.1');
  await page.getByLabel('Ports').fill(`1-2000,${open.join(',')}`);
  await page.getByRole('button', { name: 'Scan now' }).click();
  await expect(page).toHaveURL(/\/scans\/\d+$/);
  await page.evaluate(() => { window.opened = true; });

  const main = page.locator('main');
  const progress = page.locator('.prog.big');
  await expect(main.getByRole('heading', { level: 1 })).toContainText('Running', { timeout: 30_000 });
  const done = async () => Number(await progress.locator('progress').getAttribute('value'));
  await expect.poll(done, { timeout: 60_000 }).toBeGreaterThan(0);
  await expect(progress).toContainText(/\d+(\.\d)? % of 2,012 probes/);
  await expect(progress).toContainText(/ends about \d\d:\d\d, in \d+/, { timeout: 60_000 });
  const found = page.getByRole('region', { name: 'Open ports, as they appear' }).getByRole('row', { name: /127\.0\.0\.1/ });
  await expect(found.first()).toBeVisible({ timeout: 60_000 });
  await expect(progress).toContainText(/[1-9]\d* open/);
  const [before, ports] = [await done(), await found.count()];
  await expect.poll(done, { timeout: 60_000 }).toBeGreaterThan(before);
  await expect.poll(() => found.count(), { timeout: 60_000 }).toBeGreaterThan(ports);
  await expect(page.locator('.toasts')).toContainText(/open ports? added/, { timeout: 30_000 });
  await expect(main.getByRole('heading', { level: 1 })).toContainText('Running');

  const beside = [];
  for (const part of ['results', 'changes', 'jobs']) {
    const tab = await page.context().newPage();
    await tab.goto(`${page.url()}/${part}`);
    await expect(tab.getByRole('heading', { level: 1 })).toContainText('Running');
    beside.push(tab);
  }

  await page.getByRole('link', { name: 'Cancel scan…' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await audit(page, 'the question whether to cancel');
  await onPhone(page, () => audit(page, 'that question at 360 px'));
  await page.keyboard.press('Escape');

  await expect(main.getByRole('heading', { level: 1 })).toContainText('Completed', { timeout: 90_000 });
  await expect(progress).toContainText('100 % of 2,012 probes');
  await expect(page.locator('.toasts')).toContainText(/is completed: \d+ open ports/);
  expect(await page.evaluate(() => window.opened), 'the page was never loaded anew').toBe(true);
  for (const tab of beside) {
    await expect(tab.getByRole('heading', { level: 1 }), tab.url()).toContainText('Completed');
    await expect(tab.getByRole('link', { name: 'Cancel scan…' }), tab.url()).toHaveCount(0);
    await tab.close();
  }
  await looked(page, 'scan', `
    - heading /adhoc-\\d+ Completed/ [level=1]
    - button "Run again"
    - navigation "Parts of the scan":
      - link "Overview"
      - link /Findings \\d+/
      - link /Changes/
      - link /Jobs \\d+/
    - progressbar /Probes done of 2,012/
    - region "Progress per scanner"
    - region "Timeline"
    - region "Open ports"
    - region "Frozen scope"
    - region "Verdicts"
  `);
  await limitTo(page, '');
});

test.describe('a wrong ad-hoc scan', () => {
  test.use({ refuses: true });

  test('is refused with both fields named, and nothing is scanned', async ({ page }) => {
    await page.goto('/scans/recent');
    const before = await page.getByRole('row').count();
    await page.goto('/scans/run');
    await page.getByLabel('Targets').fill('10.0.0.1/8');
    await page.getByLabel('Ports').fill('22/icmp');
    await page.getByRole('button', { name: 'Scan now' }).click();
    await expect(page.getByLabel('Targets')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Ports')).toHaveAttribute('aria-invalid', 'true');
    const refused = `
      - heading "Run a scan" [level=1]
      - group /Not saved/:
        - list:
          - listitem:
            - link
          - listitem:
            - link
    `;
    await looked(page, 'scans-run-refused', refused);
    await page.goto('/scans/recent');
    expect(await page.getByRole('row').count()).toBe(before);
    await expect(page.locator('main')).toMatchAriaSnapshot(`
      - heading "Recent scans" [level=1]
    `);
  });
});
