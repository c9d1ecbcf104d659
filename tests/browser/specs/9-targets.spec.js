// Everything that can be a target: groups, a host name, addresses that another system pushes.
import { expect, looked, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

test('a scanner group', async ({ page }) => {
  await page.goto('/config/scanner-groups');
  await page.getByRole('link', { name: 'Add a scanner group' }).first().click();
  await page.getByRole('textbox', { name: /^Name/ }).fill('vantages');
  await page.getByRole('checkbox', { name: 'local', exact: true }).check();
  await looked(page, 'scanner-group-new', `
    - heading "Add a scanner group" [level=1]
    - group "General":
      - textbox /Name/: vantages
    - group "Scanners":
      - group "Scanners":
        - table:
          - rowgroup
          - rowgroup:
            - row /local/:
              - cell "local":
                - checkbox "local" [checked]
    - button "Add scanner group"
  `);
  await page.getByRole('button', { name: 'Add scanner group' }).click();
  await expect(page.getByRole('heading', { name: 'vantages', level: 1 })).toBeVisible();
  await page.goto('/config/scanner-groups');
  await looked(page, 'scanner-groups', `
    - heading "Scanner groups" [level=1]
    - region "Scanner groups":
      - group "Scanner groups":
        - table:
          - rowgroup
          - rowgroup:
            - row /vantages/:
              - rowheader "vantages"
  `);
});

test('a subnet of the group, in a subnet group', async ({ page }) => {
  await page.goto('/config/subnets/new');
  await page.getByRole('textbox', { name: /^Name/ }).fill('loop-net');
  await page.getByLabel('Network').fill('127.0.0.1/32');
  await page.getByRole('checkbox', { name: 'vantages' }).check();
  await page.getByRole('button', { name: 'Add subnet' }).click();
  await expect(page.getByRole('row', { name: /loop-net/ })).toContainText('vantages');

  await page.goto('/config/subnet-groups/new');
  await page.getByRole('textbox', { name: /^Name/ }).fill('loop-nets');
  await page.getByRole('checkbox', { name: 'loop-net' }).check();
  await page.getByRole('button', { name: 'Add subnet group' }).click();
  await looked(page, 'subnet-group', `
    - heading "loop-nets" [level=1]
    - link "Clone"
    - link "Delete…"
    - group "General"
    - group "Subnets"
    - button "Save"
    - region "Subnet group":
      - term: Holds
      - definition:
        - link "loop-net"
  `);
});

test('a host name is resolved', async ({ page }) => {
  await page.goto('/config/fqdns/new');
  await page.locator('#f-name').fill('this-host');
  await page.locator('#f-hostname').fill('localhost');
  await page.locator('#f-allowedCidrs').fill('127.0.0.0/8');
  await page.getByRole('checkbox', { name: 'vantages' }).check();
  await page.getByRole('button', { name: 'Add FQDN' }).click();
  await expect(page.getByRole('heading', { name: 'this-host', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: 'Resolve now' }).click();
  await expect(page.getByRole('region', { name: 'FQDN' })).toContainText('127.0.0.1');
  await looked(page, 'fqdn', `
    - heading "this-host" [level=1]
    - button "Resolve now"
    - link "Clone"
    - link "Delete…"
    - group "General"
    - group "Scanners"
    - button "Save"
    - region "FQDN":
      - term: Host name
      - definition: localhost
  `);

  await page.goto('/config/fqdn-groups/new');
  await page.getByRole('textbox', { name: /^Name/ }).fill('hosts-by-name');
  await page.getByRole('checkbox', { name: 'this-host' }).check();
  await page.getByRole('button', { name: 'Add FQDN group' }).click();
  await expect(page.getByRole('heading', { name: 'hosts-by-name', level: 1 })).toBeVisible();
});

test('another system pushes addresses', async ({ page, request }) => {
  await page.goto('/config/discovery/new');
  await page.getByRole('textbox', { name: /^Name/ }).fill('inventory');
  await page.getByRole('button', { name: /Add source/ }).click();
  await expect(page.getByRole('heading', { name: /key of inventory/i, level: 2 })).toBeVisible();
  const key = (await page.locator('#key').innerText()).trim();
  expect(key).toMatch(/^mipo_dk_/);
  await looked(page, 'discovery-key', `
    - heading "Key of inventory" [level=1]
    - link "Open the source"
    - region "The key of inventory"
    - region "Make a list"
    - region "Push addresses"
  `);
  await page.getByRole('link', { name: 'Open the source' }).click();
  await expect(page.locator('#lists')).toContainText('No list yet');

  // The page is open and hears what is pushed.
  const headers = { 'X-API-Key': key };
  const made = await request.post('/discovery/lists', { headers, data: { name: 'machines', scannerGroupName: 'vantages' } });
  expect(made.status()).toBe(201);
  await expect(page.locator('#lists')).toContainText('machines');
  const data = { ips: ['127.0.0.1', '127.0.0.0/8'] };
  const pushed = await (await request.post('/discovery/lists/machines/ips', { headers, data })).json();
  expect([pushed.inserted, pushed.refreshed, pushed.rejected.map((one) => one.value)]).toEqual([1, 0, ['127.0.0.0/8']]);
  await page.getByRole('link', { name: 'machines' }).click();
  await looked(page, 'discovery-list', `
    - heading "machines" [level=1]
    - link "Delete…"
    - region "Addresses":
      - group "Addresses":
        - table:
          - rowgroup
          - rowgroup:
            - row /127\\.0\\.0\\.1/
    - region "List":
      - term: Source
      - definition:
        - link "inventory"
  `);
});
