// From a template to a schedule, and the lists of configuration by keyboard, with their filters.
import { expect, looked, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

test('a template runs by a schedule, whose next starts show before it is saved', async ({ page }) => {
  await page.goto('/config/port-lists/new');
  await page.getByLabel('Name').fill('remote-access');
  await page.getByLabel('Import from the catalog').fill('ssh, telnet');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('region', { name: 'As it is read' })).toContainText('22');
  await page.getByRole('button', { name: 'Add port list' }).click();
  await expect(page.getByRole('row', { name: /remote-access/ })).toContainText('22-23');

  await page.goto('/config/scan-templates/new');
  await page.getByLabel('Name').fill('doors');
  await page.getByRole('checkbox', { name: 'this-machine' }).check();
  await page.getByRole('checkbox', { name: 'remote-access' }).check();
  await page.getByRole('button', { name: 'Add template' }).click();
  await expect(page.getByRole('heading', { name: 'doors', level: 1 })).toBeVisible();

  await page.goto('/scans/schedules/new');
  await page.getByLabel('Name').fill('doors-nightly');
  await page.getByRole('checkbox', { name: 'doors' }).check();
  await page.getByRole('textbox', { name: /^Hour/ }).fill('3');
  await page.getByRole('textbox', { name: /^Minute/ }).fill('30');
  await page.keyboard.press('Tab');
  const preview = page.getByRole('region', { name: 'What it would do' });
  await expect(preview).toContainText('every day at 03:30 (UTC)');
  await expect(preview.getByRole('list', { name: 'Next starts' }).getByRole('listitem')).toHaveCount(5);
  await page.getByRole('button', { name: 'Add schedule' }).click();
  await expect(page.getByRole('heading', { name: 'doors-nightly', level: 1 })).toBeVisible();
  await page.goto('/scans/schedules?q=doors-nightly');
  await looked(page, 'schedules', `
    - heading "Schedules" [level=1]
    - region "Schedules":
      - group "Schedules":
        - table:
          - rowgroup
          - rowgroup:
            - row /doors-nightly every day at 03:30 \\(UTC\\) doors .*03:30/
  `);
});

/** Every list of configuration: its path, something in it, and a chip (or a choice behind Filters) with its address. */
const lists = [
  ['/config/scanners', 'local', 'Active', 'status=active'],
  ['/config/subnets', 'this-machine', 'IPv4', 'family=ipv4'],
  ['/config/port-catalog', 'ssh', 'TCP', 'protocol=tcp'],
  ['/config/port-lists', 'remote-access', 'Own', 'builtIn=false'],
  ['/config/scan-templates', 'doors', null, 'builtIn=false'],
  ['/config/exclusions', 'loopback-v4', 'Built in', 'builtIn=true'],
  ['/scans/schedules', 'doors-nightly', null, 'timezone=UTC'],
];

for (const [path, name, filter, address] of lists) {
  test(`${path} by keyboard, and its filters`, async ({ page }) => {
    await page.goto(path);
    await page.getByRole('searchbox').focus();
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(new RegExp(`q=${name}`));
    const link = page.getByRole('link', { name, exact: true });
    await expect(link).toBeVisible();
    const actions = page.getByRole('button', { name: new RegExp(`^Actions of ${name}$`) });
    await actions.focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('link', { name: 'Open', exact: true }).locator('visible=true')).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('link', { name: 'Open', exact: true }).locator('visible=true')).toHaveCount(0);
    if (filter) {
      await page.getByRole('link', { name: filter, exact: true }).first().focus();
    } else {
      await page.getByRole('button', { name: 'Filters' }).focus();
      await page.keyboard.press('Enter');
      const [column, value] = address.split('=');
      await page.locator(`select[name="${column}"]`).selectOption(value);
      await page.getByRole('button', { name: 'Apply' }).focus();
    }
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(new RegExp(address));
    await expect(link).toBeVisible();
    await link.focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
    await page.goBack();
    await expect(page).toHaveURL(new RegExp(address));
  });
}
