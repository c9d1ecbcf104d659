// Failures, workers, cron and the database: what they show, every action by mouse and by key, and who may not.
import { audited, dead, person, sql } from '../stack/database.js';
import { audit, expect, looked, onPhone, owner, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

const row = (page, text) => page.locator('[data-row]').filter({ hasText: text });
/** Presses a key while the row with `text` is the current one. */
const press = async (page, text, key) => {
  await row(page, text).getByRole('link').first().focus();
  await page.keyboard.press(key);
};
/** A worker in name only: heard of in advance, so that it is not lost while the test looks at it. */
const worker = () => sql(`
  select jobs.register_worker('spare-00000000000000000000000001', 'spare', 'dispatcher', 'core-2', 4711, '1.4.2', '{backups}', 4);
  update jobs.workers set started_at = now() - interval '3 days', last_seen_at = now() + interval '1 day' where name = 'spare'`);

test('failures stand in groups with their trend and their age', async ({ page }) => {
  await sql("delete from jobs.task_history where status = 'dead'; delete from jobs.tasks where queue in ('backups', 'exports')");
  await page.goto('/ops/failures');
  await looked(page, 'ops-failures-none', `
    - heading "Failures" [level=1]
    - region "Groups":
      - text: /Nothing is failing/
  `);
  const old = await dead('backups', 'verify_bundle', 'the scanner answered 503 Service Unavailable');
  await dead('backups', 'verify_bundle', 'the scanner answered 503 Service Unavailable');
  for (let n = 0; n < 4; n += 1) await dead('backups', 'run_backup', 'connection refused by the scanner');
  await sql(`update jobs.task_history set finished_at = now() - interval '4 hours' where id = '${old}';
    update jobs.task_history set finished_at = now() - interval '5 min' where id = (select max(id::text)::uuid from jobs.task_history where kind = 'verify_bundle')`);
  await page.goto('/ops/failures');
  await looked(page, 'ops-failures', `
    - heading "Failures" [level=1]
    - paragraph: 6 tasks are dead in 2 groups; 0 more are tried again without you.
    - region "Groups":
      - group "Groups":
        - table:
          - rowgroup
          - rowgroup:
            - row /connection refused by the scanner run_backup 4 0/
            - row /the scanner answered 503 Service Unavailable verify_bundle 2 0/
    - region "Dead tasks by kind and age":
      - group "Dead tasks by kind and age":
        - table:
          - rowgroup
          - rowgroup:
            - row "run_backup 4 0 0 0"
            - row "verify_bundle 1 1 0 0"
  `);
  await row(page, 'connection refused').getByRole('link').first().click();
  await expect(page.getByRole('heading', { name: '4 tasks' })).toBeVisible();
});

test('one of a group is retried, then all of it, then what is left is discarded', async ({ page }) => {
  await page.goto('/ops/failures');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toContainText('retry all of the group');
  await audit(page, 'the keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await expect(row(page, 'connection refused').getByRole('link').first()).toBeFocused();
  await page.keyboard.press('r');
  await expect(page.getByText('The task is tried again.')).toBeVisible();
  await expect(page).toHaveURL(/\/ops\/failures$/);
  expect(await audited()).toBe('owner retried task');

  await press(page, 'connection refused', 'a');
  await expect(page.getByRole('heading', { name: 'Exactly 3 tasks' })).toBeVisible();
  await page.getByLabel('Reason').fill('the scanner is back');
  await page.getByRole('button', { name: 'Retry 3 tasks' }).click();
  await expect(page.locator('#operation')).toContainText('3 changed', { timeout: 60_000 });
  expect(await sql("select concat_ws(' ', actor, reason) from config.audit_events where resource_type = 'bulk operation' and action = 'started' order by seq desc limit 1")).toBe('owner the scanner is back');

  await page.goto('/ops/failures');
  await press(page, '503 Service Unavailable', 'd');
  await expect(page.getByRole('heading', { name: 'Exactly 2 tasks' })).toBeVisible();
  await page.goBack();
  await row(page, '503 Service Unavailable').getByRole('button', { name: /Actions of/ }).click();
  await audit(page, 'the actions of a group');
  await page.getByRole('link', { name: 'Discard all…' }).click();
  await page.getByLabel('Reason').fill('nobody needs them');
  await page.getByRole('button', { name: 'Discard 2 tasks' }).click();
  await expect(page.locator('#operation')).toContainText('2 changed', { timeout: 60_000 });
  expect(await sql("select concat_ws(' ', actor, reason) from config.audit_events where resource_type = 'bulk operation' and action = 'started' order by seq desc limit 1")).toBe('owner nobody needs them');
  await page.goto('/ops/failures');
  await expect(row(page, '503 Service Unavailable')).toHaveCount(0);
});

test('a group is snoozed with a reason until a time, and shown again', async ({ page }) => {
  await dead('backups', 'run_backup', 'no route to the scanner');
  await page.goto('/ops/failures');
  await press(page, 'no route to the scanner', 's');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/Snooze failures of run_backup/);
  await page.getByLabel('Reason').fill('the cable comes on Monday');
  await looked(page, 'ops-failure-snooze', `
    - heading /Snooze failures of run_backup/ [level=1]
    - textbox /Until/
    - textbox /Reason/: the cable comes on Monday
    - button "Snooze group"
  `);
  await page.keyboard.press('Enter');
  await expect(page.getByText('The group is snoozed')).toBeVisible();
  expect(await audited()).toBe('owner snoozed failure group the cable comes on Monday');
  const snoozed = page.getByRole('region', { name: 'Snoozed' });
  await expect(snoozed).toContainText('the cable comes on Monday');
  await onPhone(page, () => audit(page, 'a snoozed group at 360 px'));
  await press(page, 'no route to the scanner', 's');
  await expect(page.getByText('The group shows again.')).toBeVisible();
  await expect(snoozed).toHaveCount(0);
  expect(await audited()).toBe('owner shown failure group');
});

test('a worker is drained with a reason and works again', async ({ page }) => {
  await worker();
  await page.goto('/ops/workers');
  await expect(row(page, 'spare')).toContainText('Live');
  await looked(page, 'ops-workers', `
    - heading "Workers" [level=1]
    - region "At work":
      - group "At work":
        - table:
          - rowgroup
          - rowgroup:
            - row /spare Live/
  `);
  await press(page, 'spare', 'p');
  await expect(page.getByRole('heading', { name: 'Drain worker spare on core-2?' })).toBeVisible();
  await page.getByLabel('Reason').fill('a new kernel');
  await audit(page, 'the question before a drain');
  await page.getByRole('button', { name: 'Drain worker' }).click();
  await expect(row(page, 'spare')).toContainText('Draining');
  expect(await audited()).toBe('owner drained worker a new kernel');
  await press(page, 'spare', 'p');
  await expect(page.getByText('The worker takes work again.')).toBeVisible();
  await expect(row(page, 'spare')).toContainText('Live');
  expect(await audited()).toBe('owner undrained worker');
  await row(page, 'spare').getByRole('button', { name: 'Actions of worker spare' }).click();
  await page.getByRole('link', { name: 'Drain…' }).click();
  await expect(page.getByRole('heading', { name: 'Drain worker spare on core-2?' })).toBeVisible();
});

test('a worker that is not heard of any more is marked, without a reload', async ({ page }) => {
  await page.goto('/ops/workers');
  await expect(row(page, 'spare')).toContainText('Live');
  await page.evaluate(() => { window.stillHere = true; });
  await sql("update jobs.workers set last_seen_at = now() - interval '2 min' where name = 'spare'");
  await expect(row(page, 'spare')).toContainText('Lost', { timeout: 60_000 });
  await expect(page.getByText('1 worker is lost.')).toBeVisible();
  await audit(page, 'a lost worker');
  expect(await page.evaluate(() => window.stillHere)).toBe(true);
  await sql("update jobs.workers set last_seen_at = now() - interval '2 days' where name = 'spare'");
});

test('an entry of cron is run, paused and resumed', async ({ page }) => {
  await page.goto('/ops/cron');
  await row(page, 'prune-tasks').getByRole('button', { name: 'Next five ticks of prune-tasks' }).click();
  await expect(row(page, 'prune-tasks').getByRole('listitem')).toHaveCount(5);
  await expect(row(page, 'prune-tasks').getByRole('listitem').first()).toContainText('UTC');
  await audit(page, 'the next five ticks');
  await page.keyboard.press('Escape');
  await looked(page, 'ops-cron', `
    - heading "Cron" [level=1]
    - region "Entries":
      - group "Entries":
        - table:
          - rowgroup
          - rowgroup:
            - row /expire-credentials .* On/
            - row /prune-tasks .* On/
  `);
  await press(page, 'prune-events', 'r');
  await expect(page.getByText('prune-events runs now')).toBeVisible();
  expect(await audited()).toBe('owner run cron');
  await expect(row(page, 'prune-events')).toContainText('Done', { timeout: 60_000 });

  await press(page, 'prune-events', 'p');
  await expect(page.getByRole('heading', { name: 'Pause prune-events?' })).toBeVisible();
  await page.getByLabel('Reason').fill('the disk is being moved');
  await audit(page, 'the question before a pause');
  await page.keyboard.press('Enter');
  await expect(row(page, 'prune-events')).toContainText('Paused');
  expect(await audited()).toBe('owner paused cron the disk is being moved');
  await press(page, 'prune-events', 'p');
  await expect(page.getByText('prune-events goes on with its next tick.')).toBeVisible();
  expect(await audited()).toBe('owner resumed cron');
});

test('the page of the database says what is well', async ({ page }) => {
  await page.goto('/ops/database');
  await looked(page, 'ops-database', `
    - heading "Database" [level=1]
    - region "What is in the way of the queue?":
      - list
    - region "Tables of the queue":
      - group "Tables of the queue":
        - table
    - region "Oldest snapshots"
  `);
});

test.describe('somebody who may only look', () => {
  test.use({ storageState: { cookies: [], origins: [] }, refuses: true });

  test('has no actions on these pages, by button or by key, and is refused without them', async ({ page }) => {
    await person('watches-only', 'viewer');
    const id = await dead('backups', 'run_backup', 'no route to the scanner');
    await page.goto('/login');
    await page.getByLabel(/User name/).fill('watches-only');
    await page.locator('[name=password]').fill(owner.password);
    await page.getByRole('button', { name: /Sign in/ }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const before = await sql("select count(*) from config.audit_events where action <> 'login'");
    const no = await sql("select min(no) from jobs.workers where stopped_at is null");
    for (const path of ['failures', 'workers', 'cron']) {
      await page.goto(`/ops/${path}`);
      await page.keyboard.press('j');
      for (const key of ['r', 'a', 's', 'd', 'p']) await page.keyboard.press(key);
      await expect(page).toHaveURL(new RegExp(`/ops/${path}$`));
      await page.locator('[data-row]').first().getByRole('button', { name: /Actions of/ }).click();
      await expect(page.locator(':popover-open form')).toHaveCount(0);
      await expect(page.locator(':popover-open .harm')).toHaveCount(0);
      await page.keyboard.press('Escape');
    }
    for (const path of [`tasks/${id}/retry`, 'bulk', 'failures/snooze', 'failures/show', `workers/${no}/drain`, `workers/${no}/undrain`,
      'cron/prune-events/run', 'cron/prune-events/pause', 'cron/prune-events/resume']) {
      const status = await page.evaluate(async ([to]) => {
        const body = new URLSearchParams({ _csrf: document.querySelector('[name=_csrf]').value, reason: 'x', until: '2030-01-01T00:00',
          group: 'run_backup: no route to the scanner', action: 'discard', filter: 'status:dead', expected: '1' });
        return (await fetch(to, { method: 'POST', body })).status;
      }, [`/ops/${path}`]);
      expect(status, path).toBe(403);
    }
    expect((await page.goto('/ops/failures/snooze?group=x')).status()).toBe(403);
    await expect(page.getByText('needs the right queues:execute')).toBeVisible();
    expect(await sql("select count(*) from config.audit_events where action <> 'login'")).toBe(before);
    expect(await sql(`select status from jobs.task_history where id = '${id}'`)).toBe('dead');
  });
});
