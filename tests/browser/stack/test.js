// What every page test has: a page that fails the test on any console error, `looked()` which ends a test with an ARIA
// snapshot, an axe audit in light and dark, and pictures for the docs.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect } from '@playwright/test';

export { expect };

export const owner = { username: 'owner', email: 'owner@example.org', password: 'a-long-enough-phrase-for-tests' };
export const signedIn = path.resolve(import.meta.dirname, '../test-results/.signed-in.json');
const pictures = path.resolve(import.meta.dirname, '../../../docs/screenshots');

export const test = base.extend({
  // eslint-disable-next-line no-empty-pattern
  baseURL: async ({}, use) => use(process.env.MIPO_URL),
  // True in tests of refused input: the browser itself logs every page that is answered with 4xx.
  refuses: [false, { option: true }],
  page: async ({ page, refuses }, use) => {
    const wrong = [];
    const expected = (text) => refuses && /^Failed to load resource: .* status of 4\d\d/.test(text);
    page.on('console', (message) => message.type() === 'error' && !expected(message.text()) && wrong.push(message.text()));
    page.on('pageerror', (error) => wrong.push(String(error)));
    await use(page);
    expect(wrong, 'console errors').toEqual([]);
  },
});

async function audit(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme });
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const lines = violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.target.join(' ')).join('\n  ')}`);
  expect(lines.join('\n'), `axe, ${scheme}`).toBe('');
}

/** Ends a page test: nothing scrolls sideways on a phone, axe finds nothing in light and dark, and, with MIPO_PICTURES
 * set, the docs get their pictures. */
export async function looked(page, name) {
  await audit(page, 'light');
  await audit(page, 'dark');
  if (process.env.MIPO_PICTURES) {
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: path.join(pictures, `${name}-dark.png`), animations: 'disabled' });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.screenshot({ path: path.join(pictures, `${name}-light.png`), animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 780 });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(sideways, 'sideways scroll at 360 px').toBeLessThanOrEqual(0);
  if (process.env.MIPO_PICTURES) {
    await page.screenshot({ path: path.join(pictures, `${name}-phone.png`), animations: 'disabled' });
  }
  await page.setViewportSize(before);
}
