// From a template to a schedule to a scan; a blackout window that holds it and lets it go on; and the lists of
// configuration by keyboard, with their filters and with editing in the row.
import { sql } from '../stack/database.js';
import { audit, expect, looked, onPhone, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

test('a template runs by a schedule, whose next starts show before it is saved', async ({ page }) => {
  await page.goto('/config/port-lists/new');
  await page.getByLabel('Name').fill('remote-access');
  await page.getByLabel('Import from the catalog').fill('ssh, telnet');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('region', { name: 'As it is read' })).toContainText('22');
  await page.getByRole('button', { name: 'Add port list' }).click();
  await expect(page.getByRole('row', { name: /remote-access/ })).toContainText('22, 23');

  await page.goto('/config/scan-templates/new');
  await page.getByLabel('Name').fill('doors');
  await page.getByRole('checkbox', { name: 'this-machine' }).check();
  await page.getByRole('checkbox', { name: 'remote-access' }).check();
  await page.getByRole('button', { name: 'Add template' }).click();
  await expect(page.getByRole('heading', { name: 'doors', level: 1 })).toBeVisible();

  await page.goto('/scans/schedules/new');
  await page.getByLabel('Name').fill('doors-nightly');
  await page.getByRole('checkbox', { name: 'doors' }).check();
  await page.getByLabel('Hour').fill('3');
  await page.getByLabel('Minute').fill('30');
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

test('a blackout window holds its scan at once, and its end lets it go on', async ({ page }) => {
  const at = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
  await page.goto('/config/blackouts');
  await looked(page, 'blackouts-none', `
    - heading "Blackout windows" [level=1]
    - region "Blackout windows":
      - text: /There is no blackout window/
  `);
  await page.goto('/config/blackouts/new');
  await page.getByLabel('Name').fill('move');
  await page.getByLabel('Reason').fill('the rack is being moved');
  await page.getByLabel('Holds').selectOption('once');
  await page.getByLabel('From').fill(at(-1));
  await page.getByLabel('To', { exact: true }).fill(at(2));
  await page.getByRole('checkbox', { name: 'this-machine' }).check();
  await looked(page, 'blackout-new', `
    - heading "Add a blackout window" [level=1]
    - group "General"
    - group "When":
      - combobox "Holds"
      - textbox "From"
      - textbox "To"
    - group "What it holds"
    - button "Add blackout window"
  `);
  await page.getByRole('button', { name: 'Add blackout window' }).click();
  await expect(page.getByRole('row', { name: /move/ })).toContainText('Holds now');
  await page.goto('/scans/run');
  await expect(page.getByRole('table', { name: 'Templates that can be run' })).toContainText('Blackout window move until');

  await page.goto('/scans/schedules');
  await page.getByRole('link', { name: 'doors-nightly', exact: true }).click();
  await page.getByRole('button', { name: 'Run now' }).click();
  await expect(page).toHaveURL(/\/scans\/\d+$/);
  const main = page.locator('main');
  await expect(main).toContainText('Held by blackout move until', { timeout: 30_000 });
  await expect(main.getByRole('heading', { level: 1 })).toContainText('Pending');
  await audit(page, 'a scan that is held');
  await onPhone(page, () => audit(page, 'a scan that is held at 360 px'));
  // The window is over in a moment; nobody does anything then.
  await sql("update config.blackout_windows set once_to = now() + interval '2 seconds' where name = 'move'");
  await expect(main.getByRole('heading', { level: 1 })).toContainText('Completed', { timeout: 60_000 });
  await expect(main).not.toContainText('Held by blackout');
  await page.goto('/config/blackouts');
  await looked(page, 'blackouts', `
    - heading "Blackout windows" [level=1]
    - search "Find a blackout window"
    - region "Blackout windows":
      - group "Blackout windows":
        - table:
          - rowgroup
          - rowgroup:
            - row /move subnet this-machine once, from .* the rack is being moved .*Over/
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
  ['/config/blackouts', 'move', 'Once', 'type=once'],
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

test.describe('editing in the row', () => {
  test.use({ refuses: true });

  test('is done by keyboard: Escape leaves it, a refusal keeps what was typed, Enter saves', async ({ page }) => {
    const open = async () => {
      await page.getByRole('button', { name: /^Actions of this-machine/ }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'Edit in the row' }).locator('visible=true').focus();
      await page.keyboard.press('Enter');
      await expect(page.getByRole('textbox', { name: 'Name' })).toBeFocused();
    };
    await page.goto('/config/subnets?family=ipv4');
    await open();
    await page.keyboard.type('-x');
    await page.keyboard.press('Escape');
    await expect(page).toHaveURL(/\/config\/subnets\?family=ipv4/);
    await expect(page.getByRole('link', { name: 'this-machine', exact: true })).toBeVisible();

    await open();
    await page.getByRole('textbox', { name: 'Name' }).fill('two words');
    await page.getByRole('textbox', { name: 'Rate limit' }).fill('fast');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('two words');
    await expect(page.getByRole('textbox', { name: 'Name' })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByRole('textbox', { name: 'Rate limit' })).toHaveAttribute('aria-invalid', 'true');
    await audit(page, 'a row that was refused');
    await onPhone(page, () => audit(page, 'a row that was refused at 360 px'));

    await page.getByRole('textbox', { name: 'Name' }).fill('this-machine');
    await page.getByRole('textbox', { name: 'Rate limit' }).fill('');
    await page.getByRole('textbox', { name: 'Description' }).fill('where mipo runs');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/config\/subnets\?family=ipv4/);
    await looked(page, 'subnets', `
      - heading "Subnets" [level=1]
      - region "Subnets":
        - group "Subnets":
          - table:
            - rowgroup
            - rowgroup:
              - row /this-machine 127\\.0\\.0\\.1\\/32 1 where mipo runs no limit local/
    `);
  });
});
