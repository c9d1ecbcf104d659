// A target, a port list, a template, a scan that is watched, and what changed in the next one.
import { createServer } from 'node:net';
import { expect, looked, signedIn, test } from '../stack/test.js';

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
  await looked(page, 'subnet-new');
  await page.getByRole('button', { name: 'Add subnet' }).click();
  await expect(page.getByRole('row', { name: /this-machine/ })).toBeVisible();

  await page.goto('/config/port-lists/new');
  await page.getByLabel('Name').fill('two-ports');
  await page.locator('#f-ports').fill(`${first},${second}`);
  await looked(page, 'port-list-new');
  await page.getByRole('button', { name: 'Add port list' }).click();
  await expect(page.getByRole('row', { name: /two-ports/ })).toBeVisible();

  await page.goto('/config/scan-templates/new');
  await page.getByLabel('Name').fill('daily');
  await page.getByRole('checkbox', { name: 'this-machine' }).check();
  await page.getByRole('checkbox', { name: 'two-ports' }).check();
  await looked(page, 'scan-template-new');
  await page.getByRole('button', { name: 'Add template' }).click();
  await expect(page.getByRole('heading', { name: /daily/, level: 1 })).toBeVisible();
});

async function run(page) {
  await page.goto('/scans/run');
  await page.getByRole('row', { name: /daily/ }).getByRole('button', { name: /Run/ }).click();
  await expect(page).toHaveURL(/\/scans\/\d+$/);
  // No reload: the page hears it.
  await expect(page.locator('main').getByText('Completed').first()).toBeVisible({ timeout: 30_000 });
}

test('a scan is run, watched without reloading, and read', async ({ page }) => {
  await page.goto('/scans/run');
  await expect(page.locator('main')).toMatchAriaSnapshot(`
    - heading "Run a scan" [level=1]
    - region "Templates"
    - region "Look at something once":
      - textbox /Targets/
      - textbox /Ports/
      - button "Scan now"
  `);
  await looked(page, 'scans-run');
  await run(page);
  await looked(page, 'scan');
  await page.getByRole('link', { name: /^Findings/ }).click();
  const row = page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${first}`) });
  await expect(row).toHaveCount(1);
  await expect(page.getByRole('row', { name: new RegExp(`${second}`) })).toHaveCount(0);
  await looked(page, 'scan-results');
});

test('the next scan shows what opened', async ({ page }) => {
  const server = createServer((socket) => socket.destroy());
  await new Promise((resolve) => server.listen(second, '127.0.0.1', resolve));
  listeners.push(server);
  await run(page);
  await page.getByRole('link', { name: /^Changes/ }).click();
  await expect(page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${second}`) })).toHaveCount(1);
  await expect(page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1.*${first}`) })).toHaveCount(0);
  await looked(page, 'scan-changes');
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
    await looked(page, 'scans-run-refused');
    await page.goto('/scans/recent');
    expect(await page.getByRole('row').count()).toBe(before);
  });
});
