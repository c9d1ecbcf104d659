// Signing in and out.
import { expect, looked, owner, signedIn, test } from '../stack/test.js';

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
    await looked(page, 'login-refused');
  });
});

test('the owner signs in and sees what to do first', async ({ page, context }) => {
  await page.goto('/');
  await expect(page).toHaveURL(/\/login/);
  await expect(page.locator('main')).toMatchAriaSnapshot(`
    - heading "Sign in" [level=1]
    - textbox /User name/
    - textbox /Password/
    - button "Sign in"
  `);
  await looked(page, 'login');
  await page.getByLabel('User name').fill(owner.username);
  await page.getByLabel('Password').fill(owner.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Home', level: 1 })).toBeVisible();
  await expect(page.locator('main')).toMatchAriaSnapshot(`
    - heading "Home" [level=1]
    - link "Run a scan"
    - region "First steps":
      - heading "First steps" [level=2]
  `);
  await context.storageState({ path: signedIn });
  await looked(page, 'home');
});
