// Queues: read at a glance, paused, resumed and limited by mouse and by keys, and alive while their tasks come and go.
import { audited, dead, later, person, sql } from '../stack/database.js';
import { audit, expect, looked, onPhone, owner, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

const row = (page, name) => page.locator(`#queue-${name}`);

/** A task of a queue that nobody works on, due since `seconds`. */
const due = (queue, seconds) => sql(`
  insert into jobs.tasks (queue, kind, payload, max_attempts, run_at, rank, created_at, created_by)
  select '${queue}', 'run_backup', '{"v": 1, "ids": {}}', 3, t.at, t.at, t.at, 'test' from (select now() - interval '${seconds} s') t (at) returning id`);

/** The last hour of a queue, as its samples keep it. */
const hour = (queue, kind, done, failed) => sql(`
  insert into jobs.queue_samples (at, queue, kind, enqueued_count, done_count, failed_count, busy_ms, wait_histogram, run_histogram)
  select date_trunc('minute', now()) - make_interval(mins => m), '${queue}', '${kind}', ${done} + m % 7, ${done} + m % 5, ${failed}, 0,
    array[0, ${done}, m % 5, 3, 2, 1], array[0, 0, 0, ${done}, 4, m % 4, 1] from generate_series(0, 58) m on conflict do nothing`);

test('one sentence says what is late, failing or stuck, and leads to it', async ({ page }) => {
  await sql("update jobs.queues set paused = false where name = 'backups'; delete from jobs.tasks where queue in ('backups', 'exports')");
  await due('backups', 95);
  await dead('exports', 'build_export', 'disk full');
  await hour('results', 'store_results', 40, 0);
  await hour('conclude', 'conclude_job', 12, 1);
  await hour('exports', 'build_export', 2, 1);
  await page.goto('/ops/queues');
  const sentence = page.locator('.lede').first();
  await expect(sentence).toContainText('backups is stuck: 1 task is due and no process works on it.');
  await expect(sentence).toContainText(/exports fails: \d+ % of its attempts failed in the last hour\./);
  await looked(page, 'ops-queues', `
    - heading "Queues" [level=1]
    - region "All queues":
      - heading "All queues" [level=2]
      - group "All queues":
        - table "Queues, the most urgent first. A gauge ends at five times the target.":
          - rowgroup
          - rowgroup:
            - row /backups Stuck/
            - row /exports Failing/
  `);
  await sentence.getByRole('link', { name: /1 task is due/ }).click();
  await expect(page).toHaveURL(/\/ops\/tasks\?q=queue:backups/);
  await expect(page.getByRole('heading', { name: '1 task', exact: true })).toBeVisible();
});

test('a queue is paused with a reason and resumed, by mouse and by keys', async ({ page }) => {
  await page.goto('/ops/queues');
  await row(page, 'backups').getByRole('button', { name: 'Actions of queue backups' }).click();
  await audit(page, 'the menu of a queue');
  await page.getByRole('link', { name: 'Pause…' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('the cable is out');
  await audit(page, 'the dialog of the pause');
  await onPhone(page, () => audit(page, 'the dialog of the pause at 360 px'));
  await page.getByRole('button', { name: 'Pause queue' }).click();
  await expect(page.getByText('Queue backups is paused; what runs goes on.')).toBeVisible();
  await expect(row(page, 'backups')).toContainText('Paused');
  expect(await audited()).toBe('owner paused queue the cable is out');

  await row(page, 'backups').getByRole('link').first().focus();
  await page.keyboard.press('p');
  await expect(page.getByText('Queue backups goes on.')).toBeVisible();
  expect(await audited()).toBe('owner resumed queue');

  await row(page, 'backups').getByRole('link').first().focus();
  await page.keyboard.press('p');
  await page.getByRole('dialog').getByLabel('Reason').fill('by keys');
  await page.keyboard.press('Enter');
  await expect(row(page, 'backups')).toContainText('Paused');
  expect(await audited()).toBe('owner paused queue by keys');
  await row(page, 'backups').getByRole('link').first().focus();
  await page.keyboard.press('p');
  await expect(page.getByText('Queue backups goes on.')).toBeVisible();
});

test('limits are set without leaving the page', async ({ page }) => {
  await page.goto('/ops/queues');
  await row(page, 'exports').getByRole('button', { name: 'Actions of queue exports' }).click();
  await page.getByRole('link', { name: 'Limits…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Slots of a process').fill('3');
  await dialog.getByLabel('Most running').fill('5');
  await dialog.getByLabel('Reason').fill('a big audit');
  await audit(page, 'the dialog of the limits');
  await onPhone(page, () => audit(page, 'the dialog of the limits at 360 px'));
  await page.keyboard.press('Enter');
  await expect(page.getByText('Queue exports has its new limits.')).toBeVisible();
  expect(await audited()).toBe('owner updated queue a big audit');
  expect(await sql("select concurrency || ' ' || max_running from jobs.queues where name = 'exports'")).toBe('3 5');
});

test.describe('limits that are not right', () => {
  test.use({ refuses: true });

  test('are refused with the field named', async ({ page }) => {
    await page.goto('/ops/queues/exports/limits');
    await page.getByLabel('Slots of a process').fill('0');
    await page.getByRole('button', { name: 'Save limits' }).click();
    await expect(page.getByLabel('Slots of a process')).toHaveAttribute('aria-invalid', 'true');
    await looked(page, 'ops-queue-limits', `
      - heading "Limits of exports" [level=1]
      - textbox /Slots of a process/: "0"
      - textbox /Most running/: "5"
      - button "Save limits"
    `);
  });
});

test('what tasks do shows without a reload, and stands still under an open dialog', async ({ page }) => {
  await page.goto('/ops/queues');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await page.evaluate(() => { window.stillHere = true; });
  const id = await later();
  await expect(row(page, 'backups')).toContainText('1 scheduled');
  await sql(`delete from jobs.tasks where id = '${id}'`);
  await expect(row(page, 'backups')).not.toContainText('scheduled');
  expect(await page.evaluate(() => window.stillHere)).toBe(true);

  await page.goto('/ops/tasks?q=queue:maintenance+kind:prune_events');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  const done = await sql("insert into jobs.tasks (queue, kind, payload, max_attempts, created_by) values ('maintenance', 'prune_events', '{\"v\": 1, \"ids\": {}}', 3, 'test') returning id");
  await expect(page.locator(`#task-${done}`)).toContainText('Done', { timeout: 60_000 });
});

test.describe('somebody who may only look', () => {
  test.use({ storageState: { cookies: [], origins: [] }, refuses: true });

  test('has no actions, by menu or by key, and is refused without them', async ({ page }) => {
    await person('queues-look', 'viewer');
    await page.goto('/login');
    await page.getByLabel(/User name/).fill('queues-look');
    await page.locator('[name=password]').fill(owner.password);
    await page.getByRole('button', { name: /Sign in/ }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const before = await sql("select count(*) from config.audit_events where action <> 'login'");
    await page.goto('/ops/queues');
    await row(page, 'backups').getByRole('link').first().focus();
    await page.keyboard.press('p');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    for (const action of ['pause', 'resume', 'limits']) {
      const status = await page.evaluate(async ([path]) => {
        const body = new URLSearchParams({ _csrf: document.querySelector('[name=_csrf]').value, reason: 'x', concurrency: '1', rateSeconds: '1' });
        return (await fetch(path, { method: 'POST', body })).status;
      }, [`/ops/queues/backups/${action}`]);
      expect(status, action).toBe(403);
    }
    expect(await sql("select count(*) from config.audit_events where action <> 'login'")).toBe(before);
  });
});
