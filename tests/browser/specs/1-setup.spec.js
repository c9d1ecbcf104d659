// The one-time link creates the owner, and then there is no such page any more.
import { expect, looked, owner, test } from '../stack/test.js';

test.describe.configure({ mode: 'serial' });

test.describe('input that is not right', () => {
  test.use({ refuses: true });

  test('is refused with the field named, and the link stays good', async ({ page }) => {
    await page.goto(process.env.MIPO_SETUP_LINK);
    await page.getByLabel('User name').fill('o');
    await page.locator('[name=password]').fill('short');
    await page.locator('[name=repeat]').fill('short');
    await page.getByRole('button', { name: 'Create the owner' }).click();
    await expect(page.getByRole('heading', { name: 'Create the owner' })).toBeVisible();
    await expect(page.locator('[name=username]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('[name=password]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Token')).not.toHaveValue('');
    await looked(page, 'setup-refused', `
      - heading "Create the owner" [level=1]
      - textbox /User name/: o
      - textbox /E-mail/
      - button "Create the owner"
    `);
  });
});

test('the link creates the owner', async ({ page }) => {
  await page.goto(process.env.MIPO_SETUP_LINK);
  await looked(page, 'setup', `
    - heading "Create the owner" [level=1]
    - textbox /Token/: /.+/
    - textbox /User name/
    - textbox /E-mail/
    - textbox /^Password required/
    - textbox /Password again/
    - button "Create the owner"
  `);
  await page.getByLabel('User name').fill(owner.username);
  await page.getByLabel('E-mail').fill(owner.email);
  await page.locator('[name=password]').fill(owner.password);
  await page.locator('[name=repeat]').fill(owner.password);
  await page.getByRole('button', { name: 'Create the owner' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test.describe('afterwards', () => {
  test.use({ refuses: true });

  test('the page is gone', async ({ page }) => {
    const answer = await page.goto('/setup');
    expect(answer.status()).toBe(404);
    await looked(page, 'setup-gone', `
      - heading "Not found" [level=1]
    `);
  });
});
