// Signing in and out.
import { audit, expect, looked, onPhone, owner, signedIn, test } from '../stack/test.js';

test.describe('a wrong password', () => {
  test.use({ refuses: true });

  test('is refused without saying whether the user exists', async ({ page }) => {
    await page.goto('/login');
    await page.getByLabel('User name').fill('nobody-here');
    await page.getByLabel('Password').fill('this is not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const unknown = await page.locator('main').innerText();
    await page.goto('/login');
    await page.getByLabel('User name').fill(owner.username);
    await page.getByLabel('Password').fill('this is not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.locator('main').innerText()).toBe(unknown);
    await looked(page, 'login-refused', `
      - heading "Sign in" [level=1]
      - textbox /User name/
      - textbox /Password/
      - button "Sign in"
    `);
  });
});

test('the owner signs in and sees what to do first', async ({ page, context }) => {
  await page.goto('/');
  await expect(page).toHaveURL(/\/login/);
  await looked(page, 'login', `
    - heading "Sign in" [level=1]
    - textbox /User name/
    - textbox /Password/
    - button "Sign in"
  `);
  await page.getByLabel('User name').fill(owner.username);
  await page.getByLabel('Password').fill(owner.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Home', level: 1 })).toBeVisible();
  await context.storageState({ path: signedIn });
  await looked(page, 'home', `
    - heading "Home" [level=1]
    - link "Run a scan"
    - region "First steps":
      - heading "First steps" [level=2]
    - group: About this page
  `);
});

test.describe('signed in', () => {
  test.use({ storageState: signedIn });

  test('the palette finds a page by its name, with the keyboard alone', async ({ page }) => {
    await page.goto('/');
    await page.keyboard.press('Control+k');
    const field = page.getByRole('combobox', { name: /Find a page/ });
    await expect(field).toBeFocused();
    await field.fill('scan');
    await expect(page.getByRole('option').first()).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('option').nth(1)).toHaveAttribute('aria-selected', 'true');
    await expect(field).toHaveAttribute('aria-activedescendant', 'hit-1');
    await audit(page, 'the palette');
    await onPhone(page, () => audit(page, 'the palette at 360 px'));
    await field.fill('exclu');
    await expect(page.getByRole('dialog')).toMatchAriaSnapshot(`
      - dialog:
        - combobox "Find a page or a scan by its number": exclu
        - listbox "Pages":
          - option /Exclusions/ [selected]
    `);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Exclusions', level: 1 })).toBeVisible();
  });

  test('the navigation opens on a phone and leads on', async ({ page }) => {
    await page.goto('/');
    await page.setViewportSize({ width: 360, height: 780 });
    await page.getByRole('button', { name: 'Areas' }).click();
    await page.locator('#nav summary', { hasText: 'Configuration' }).click();
    await audit(page, 'the open navigation');
    await expect(page.locator('#nav')).toMatchAriaSnapshot(`
      - navigation "Areas":
        - list:
          - listitem:
            - link "Home"
    `);
    await page.locator('#nav').getByRole('link', { name: 'Scanners' }).click();
    await looked(page, 'scanners-first', `
      - heading "Scanners" [level=1]
      - search "Find a scanner":
        - searchbox "Find a scanner"
        - button "Find"
        - link "Active"
        - button "Filters"
      - button "Columns"
      - region "Scanners":
        - group "Scanners":
          - table "Scanners, with their status":
            - rowgroup:
              - row /Name Status Description Last heartbeat/
            - rowgroup:
              - row /local/:
                - rowheader "local"
    `);
  });
});
