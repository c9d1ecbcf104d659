// A list is shaped by its reader: columns, filters and what can be done with a row, all in the address.
import { audit, expect, looked, onPhone, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });

test('columns are chosen and stay', async ({ page }) => {
  await page.goto('/config/exclusions');
  await page.getByRole('button', { name: 'Columns' }).click();
  await audit(page, 'the choice of columns');
  await onPhone(page, () => audit(page, 'the choice of columns at 360 px'));
  await page.getByRole('checkbox', { name: 'Reason' }).uncheck();
  await page.getByRole('checkbox', { name: 'Created' }).check();
  await page.getByRole('button', { name: 'Show these' }).click();
  await expect(page.getByRole('columnheader', { name: 'Created' })).toBeVisible();
  await page.getByRole('columnheader', { name: 'CIDR' }).getByRole('link').click();
  await expect(page.getByRole('columnheader', { name: 'CIDR' })).toHaveAttribute('aria-sort', 'ascending');
  await expect(page.getByRole('columnheader', { name: 'Reason' })).toHaveCount(0);
  await looked(page, 'exclusions', `
    - heading "Exclusions" [level=1]
    - search "Find an exclusion"
    - button "Columns"
    - region "Exclusions":
      - group "Exclusions":
        - table:
          - rowgroup:
            - row /Name CIDR Ports Owner Expires State Created Actions/
  `);
});

test('a row says what can be done with it, and a filter what it left out', async ({ page }) => {
  await page.goto('/scans/recent');
  await page.getByRole('button', { name: 'Filters' }).click();
  await audit(page, 'the filters');
  await page.getByLabel('Template').selectOption('daily');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByRole('link', { name: /Take away: Template: daily/ })).toBeVisible();
  const rows = page.getByRole('row', { name: /daily/ });
  await expect(rows).toHaveCount(2);
  await rows.first().getByRole('button', { name: /Actions of scan/ }).click();
  await audit(page, 'the menu of a row');
  await onPhone(page, () => audit(page, 'the menu of a row at 360 px'));
  await page.getByRole('button', { name: 'Run again' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Completed', { timeout: 30_000 });
  await page.goto('/scans/history?template=daily&status=completed');
  await looked(page, 'history', `
    - heading "Scan history" [level=1]
    - search "Find a scan":
      - searchbox "Find a scan"
      - link "Completed"
      - link /Template. daily/
      - link "Show all"
    - region "Scans":
      - group "Scans":
        - table:
          - rowgroup
          - rowgroup:
            - row /daily/
            - row /daily/
            - row /daily/
  `);
});
