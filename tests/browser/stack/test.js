// What every page test has: a page that fails the test on any console error, `looked()` which ends a test with an ARIA
// snapshot, an axe audit in light, dark and at 360 px, and pictures for the docs.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect } from '@playwright/test';

export { expect };

export const owner = { username: 'owner', email: 'owner@example.org', password: 'a-long-enough-phrase-for-tests' };
export const signedIn = path.resolve(import.meta.dirname, '../test-results/.signed-in.json');
/** Pictures that the docs show. */
const both = ['light', 'dark'];
const shown = {
  home: [...both, 'phone'],
  scan: [...both, 'phone'],
  'scans-run': both,
  'scan-results': both,
  'scan-changes': both,
  'scanner-token': both,
  'ops-tasks': [...both, 'phone'],
  'ops-task-dead': [...both, 'phone'],
  'ops-bulk-new': both,
  'ops-queues': [...both, 'phone'],
};
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

/** axe finds nothing on the page as it stands. `what` says in a failure which state of the page it was. */
export async function audit(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const lines = violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.target.join(' ')).join('\n  ')}`);
  expect(lines.join('\n'), `axe, ${what}`).toBe('');
}

/** What `act` does at the width of a phone; nothing may scroll sideways there. */
export async function onPhone(page, act) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 780 });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(sideways, 'sideways scroll at 360 px').toBeLessThanOrEqual(0);
  await act();
  await page.setViewportSize(before);
}

/** Ends a page test: the page reads as `snapshot` says, axe finds nothing in light, dark and on a phone, where nothing
 * scrolls sideways, and, with MIPO_PICTURES set, the docs get the pictures that they show. */
export async function looked(page, name, snapshot) {
  const picture = async (look) => {
    if (!process.env.MIPO_PICTURES || !shown[name]?.includes(look)) return;
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: path.join(pictures, `${name}-${look}.png`), animations: 'disabled' });
  };
  await expect(page.locator('main')).toMatchAriaSnapshot(snapshot);
  for (const look of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme: look });
    await audit(page, look);
    await picture(look);
  }
  await onPhone(page, async () => {
    await audit(page, '360 px');
    await picture('phone');
  });
}
