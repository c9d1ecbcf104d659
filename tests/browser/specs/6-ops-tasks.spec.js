// Tasks: found, understood, acted on one by one and many at once, by mouse and by keys.
import { audited, dead, later, person, sql } from '../stack/database.js';
import { audit, expect, looked, onPhone, owner, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

const row = (page, id) => page.locator(`#task-${id}`);
const selection = (page) => page.getByRole('group', { name: 'What to do with the selected tasks' });

test('tasks are narrowed by states and by a filter that completes itself', async ({ page }) => {
  for (let n = 0; n < 3; n += 1) await dead('backups', 'run_backup');
  await page.goto('/ops/tasks');
  await page.getByRole('navigation', { name: 'Tasks by state' }).getByRole('link', { name: 'Dead 3' }).click();
  await expect(page.getByRole('heading', { name: '3 tasks' })).toBeVisible();
  await page.keyboard.press('/');
  const filter = page.getByRole('combobox', { name: 'Filter' });
  await expect(filter).toBeFocused();
  await filter.fill('status:dead ki');
  await expect(page.getByRole('option', { name: 'kind:' })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.type('run_b');
  await page.keyboard.press('ArrowDown');
  await audit(page, 'the completions');
  await page.keyboard.press('Enter');
  await expect(filter).toHaveValue('status:dead kind:run_backup ');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/q=status%3Adead\+kind%3Arun_backup/);
  await page.getByRole('button', { name: 'How to filter' }).click();
  await audit(page, 'the help of the filter');
  await onPhone(page, () => audit(page, 'the help of the filter at 360 px'));
  await page.keyboard.press('Escape');
  await looked(page, 'ops-tasks', `
    - heading "Tasks" [level=1]
    - search "Filter tasks":
      - combobox "Filter": "status:dead kind:run_backup"
      - button "Filter"
    - navigation "Tasks by state":
      - link /Dead 3/
    - region "Tasks":
      - heading "3 tasks" [level=2]
      - link "Act on all 3…"
      - group "Tasks":
        - table:
          - rowgroup
          - rowgroup:
            - row /run_backup .* Dead 3 \\/ 3/
            - row /run_backup/
            - row /run_backup/
  `);
});

test.describe('a filter that is not right', () => {
  test.use({ refuses: true });

  test('is refused with its wrong term and what would be right', async ({ page }) => {
    await page.goto('/ops/tasks?q=staus:dead+queue:backups');
    await expect(page.locator('mark')).toHaveText('staus:dead');
    await expect(page.getByRole('alert')).toContainText('there is no key staus; write queue, kind, status');
    await expect(page.getByRole('combobox', { name: 'Filter' })).toHaveValue('staus:dead queue:backups');
    await looked(page, 'ops-tasks-refused', `
      - alert:
        - text: Nothing was looked for, because the filter cannot be read.
        - list:
          - listitem: /staus/
    `);
  });
});

test('a dead task is retried by a key and shows by itself that it is done', async ({ page }) => {
  const id = await dead('maintenance', 'prune_events');
  await page.goto(`/ops/tasks/${id}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Dead');
  await looked(page, 'ops-task-dead', `
    - heading /prune_events Dead/ [level=1]
    - button "Retry now"
    - region "Why did it die?":
      - list:
        - listitem: /All 3 attempts are used/
    - region "Attempts":
      - list:
        - listitem: /Attempt 3/
      - group "Attempts":
        - table "Attempts of this task"
    - region "Errors and logs":
      - group:
        - figure /prune_events. no route to host/
    - region "Task"
    - region "Arguments"
  `);
  await page.evaluate(() => { window.stillHere = true; });
  await page.keyboard.press('r');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Done', { timeout: 60_000 });
  await expect(page.locator('#attempt-2, #attempt-1').last()).toContainText('Done');
  expect(await audited()).toBe('owner retried task');
});

test('the page of a task changes with it, without a reload', async ({ page }) => {
  const id = await later();
  await page.goto(`/ops/tasks/${id}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Scheduled');
  await page.evaluate(() => { window.stillHere = true; });
  await sql(`update jobs.tasks set run_at = now(), rank = now() where id = '${id}'`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Ready');
  await expect(page.getByRole('region', { name: 'Why does it wait?' })).toContainText('No process works on queue backups');
  expect(await page.evaluate(() => window.stillHere)).toBe(true);
});

test('every action of a task works from its page, by button and by key', async ({ page }) => {
  const id = await later();
  await page.goto(`/ops/tasks/${id}`);
  await looked(page, 'ops-task-waits', `
    - heading /run_backup Scheduled/ [level=1]
    - button "Run now"
    - region "Why does it wait?":
      - list:
        - listitem:
          - text: It is scheduled for later
          - button "Run now"
        - listitem: /No process works on queue backups/
    - region "Attempts"
  `);
  const state = page.getByRole('heading', { level: 1 });

  await page.getByRole('link', { name: 'Reprioritise…' }).click();
  await page.getByRole('dialog').getByLabel('Priority').selectOption('8');
  await audit(page, 'the dialog of the priority');
  await page.getByRole('button', { name: 'Reprioritise task' }).click();
  await expect(page.getByText('The task has priority 8.')).toBeVisible();
  expect(await audited()).toBe('owner reprioritised task');

  await page.keyboard.press('d');
  await page.getByRole('dialog').getByLabel('Reason').fill('not needed');
  await audit(page, 'the dialog of the discard');
  await page.keyboard.press('Enter');
  await expect(state).toContainText('Discarded');
  expect(await audited()).toBe('owner discarded task not needed');

  await page.getByRole('button', { name: 'Undo discard' }).click();
  await expect(state).toContainText('Scheduled');
  expect(await audited()).toBe('owner undone task');

  await page.keyboard.press('r');
  await expect(state).toContainText('Ready');
  expect(await audited()).toBe('owner run-now task');

  await page.keyboard.press('c');
  await page.getByRole('dialog').getByLabel('Reason').fill('nobody waits for it');
  await page.getByRole('button', { name: 'Cancel task' }).click();
  await expect(state).toContainText('Cancelled');
  expect(await audited()).toBe('owner cancelled task nobody waits for it');
});

test('a paused queue is resumed where it is the reason', async ({ page }) => {
  const id = await later();
  await sql("update jobs.queues set paused = true where name = 'backups'");
  await page.goto(`/ops/tasks/${id}`);
  await expect(page.getByText('Queue backups is paused')).toBeVisible();
  await page.getByRole('button', { name: 'Resume queue' }).click();
  await expect(page.getByText('Queue backups goes on.')).toBeVisible();
  await expect(page.getByText('Queue backups is not paused')).toBeVisible();
  expect(await audited()).toBe('owner resumed queue');
});

test('arguments are masked until somebody reveals them, which is written down', async ({ page }) => {
  const id = await later();
  await page.goto(`/ops/tasks/${id}`);
  const box = page.getByRole('region', { name: 'Arguments' });
  await expect(box).toContainText('"bundleId": "•••"');
  await expect(page.locator('body')).not.toContainText('argument-in-clear');
  await box.getByRole('button', { name: 'Reveal' }).click();
  await expect(box).toContainText('argument-in-clear');
  expect(await audited()).toBe('owner viewed task arguments');
  await looked(page, 'ops-task-revealed', `
    - region "Arguments":
      - text: revealed
      - link "Hide"
  `);
  await box.getByRole('link', { name: 'Hide' }).click();
  await expect(box).toContainText('"•••"');
});

test('the rows of a list are walked, selected and acted on by keys', async ({ page }) => {
  const ids = [];
  for (let n = 0; n < 4; n += 1) ids.unshift(await dead('exports', 'build_export', 'disk full'));
  await page.goto('/ops/tasks?q=queue:exports');
  await expect(page.getByRole('heading', { name: '4 tasks' })).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  await audit(page, 'the keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await expect(row(page, ids[1]).getByRole('link').first()).toBeFocused();
  await page.keyboard.press('k');
  await expect(row(page, ids[0]).getByRole('link').first()).toBeFocused();
  await page.keyboard.press('x');
  await expect(selection(page)).toContainText('selected');
  await audit(page, 'a selection');
  await onPhone(page, () => audit(page, 'a selection at 360 px'));

  // What is selected stands still; the counts above do not.
  const fifth = await dead('exports', 'build_export', 'disk full');
  await expect(page.getByRole('navigation', { name: 'Tasks by state' }).getByRole('link', { name: 'Dead 5' })).toBeVisible();
  await expect(row(page, fifth)).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(selection(page)).toBeHidden();
  await expect(row(page, fifth)).toBeVisible();

  await row(page, ids[0]).getByRole('checkbox').click();
  await row(page, ids[2]).getByRole('checkbox').click({ modifiers: ['Shift'] });
  await expect(row(page, ids[1]).getByRole('checkbox')).toBeChecked();
  await page.keyboard.press('Escape');

  await row(page, ids[3]).getByRole('link').first().focus();
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/\/discard\?back=/);
  await page.getByLabel('Reason').fill('the disk is new');
  await looked(page, 'ops-task-discard', `
    - heading /Discard build_export/ [level=1]
    - textbox /Reason/: the disk is new
    - button "Discard task"
  `);
  await page.getByRole('button', { name: 'Discard task' }).click();
  await expect(page).toHaveURL(/\/ops\/tasks\?q=queue:exports$/);
  await expect(row(page, ids[3])).toContainText('Discarded');
  expect(await audited()).toBe('owner discarded task the disk is new');
  await row(page, ids[2]).getByRole('link').first().focus();
  await page.keyboard.press('r');
  await expect(page.getByText('The task is tried again.')).toBeVisible();
  expect(await audited()).toBe('owner retried task');
  await row(page, ids[1]).getByRole('link').first().focus();
  await page.keyboard.press('o');
  await expect(page).toHaveURL(new RegExp(`/ops/tasks/${ids[1]}$`));
});

test('many tasks are discarded with a count, a reason and progress, and brought back', async ({ page }) => {
  await page.goto('/ops/tasks?q=status:dead+queue:backups');
  await expect(page.getByRole('heading', { name: '3 tasks' })).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('d');
  await expect(page.getByRole('heading', { name: 'Exactly 2 tasks' })).toBeVisible();
  await page.goBack();
  await page.getByRole('link', { name: 'Act on all 3…' }).click();
  await page.getByText('Pending, dead and cancelled tasks are set aside.').click();
  await page.getByRole('button', { name: 'Count and show some' }).click();
  await expect(page.getByRole('heading', { name: 'Exactly 3 tasks' })).toBeVisible();
  await page.getByLabel('Reason').fill('the host is gone');
  await looked(page, 'ops-bulk-new', `
    - heading "Discard tasks" [level=1]
    - form "What is to be done":
      - group "What is to be done":
        - radiogroup "Action":
          - radio /Retry/
          - radio /Run now/
          - radio /Reprioritise/
          - radio /Cancel/
          - radio /Discard/ [checked]
    - region "Exactly 3 tasks":
      - group "Exactly 3 tasks":
        - table "Some of the tasks"
      - form "Start":
        - textbox /Reason/: the host is gone
        - button "Discard 3 tasks"
  `);
  await page.getByRole('button', { name: 'Discard 3 tasks' }).click();
  const state = page.getByRole('heading', { level: 1 });
  await expect(state).toContainText('Discard 3 tasks');
  expect(await sql("select reason from config.audit_events where resource_type = 'bulk operation' and action = 'started'")).toBe('the host is gone');
  await expect(state).toContainText('Completed', { timeout: 60_000 });
  await expect(page.locator('#operation')).toContainText('3 changed');
  await looked(page, 'ops-bulk-one', `
    - heading /Discard 3 tasks Completed/ [level=1]
    - link "Undo this discard…"
    - progressbar /of 3/
    - region "What was asked for":
      - term: Filter
      - definition:
        - link "status:dead queue:backups"
      - term: Reason
      - definition: the host is gone
  `);
  await page.getByRole('link', { name: 'Undo this discard…' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('the host is back');
  await audit(page, 'the dialog of the undo');
  await page.getByRole('button', { name: 'Bring the tasks back' }).click();
  await expect(state).toContainText('Bring back 3 tasks');
  await expect(state).toContainText('Completed', { timeout: 60_000 });
  await page.goto('/ops/bulk');
  await looked(page, 'ops-bulk', `
    - heading "Bulk operations" [level=1]
    - region "Operations":
      - group "Operations":
        - table:
          - rowgroup
          - rowgroup:
            - row /Bring back 3 tasks Completed/
            - row /Discard 3 tasks Completed/
  `);
  await page.goto('/ops/tasks?q=status:dead+queue:backups');
  await expect(page.getByRole('heading', { name: '3 tasks' })).toBeVisible();
});

test('the other actions on many tasks are counted, started and stopped', async ({ page }) => {
  // Nobody begins an operation, so that it can be stopped.
  await sql("update jobs.queues set paused = true where name = 'bulk'");
  const state = page.getByRole('heading', { level: 1 });
  for (const [words, filter, title] of [
    ['Dead and cancelled tasks get their attempts once more.', 'status:dead queue:backups', /Retry 3 tasks/],
    ['Scheduled, retrying and snoozed tasks become due at once.', 'status:scheduled queue:backups', /Run now \d+ tasks?/],
    ['Pending tasks move forward or back in their line.', 'status:scheduled queue:backups', /Reprioritise \d+ tasks? to 9/],
    ['Pending tasks end; workers of running ones are asked to stop.', 'status:scheduled queue:backups', /Cancel \d+ tasks?/],
  ]) {
    await page.goto(`/ops/bulk/new?q=${encodeURIComponent(filter)}`);
    await page.getByText(words).click();
    if (title.source.includes('to 9')) await page.getByLabel('Priority').selectOption('9');
    await page.getByRole('button', { name: 'Count and show some' }).click();
    await page.getByLabel('Reason').fill('a try');
    await page.getByRole('form', { name: 'Start' }).getByRole('button').click();
    await expect(state).toContainText(title);
    await expect(state).toContainText('Pending');
    expect(await audited()).toBe('owner started bulk operation a try');
    await page.keyboard.press('c');
    await expect(state).toContainText('Stopped');
    expect(await audited()).toBe('owner stopped bulk operation');
  }
  await sql("update jobs.queues set paused = false where name = 'bulk'");
});

test.describe('a count that is another by now', () => {
  test.use({ refuses: true });

  test('starts nothing and is shown anew', async ({ page }) => {
    await page.goto('/ops/bulk/new?action=retry&q=status:dead+queue:backups');
    await expect(page.getByRole('heading', { name: 'Exactly 3 tasks' })).toBeVisible();
    await dead('backups', 'run_backup');
    await page.getByLabel('Reason').fill('a try');
    await page.getByRole('button', { name: 'Retry 3 tasks' }).click();
    await expect(page.getByRole('group', { name: /correction/ })).toContainText('It would be 4 tasks by now, not 3.');
    await expect(page.getByLabel('Reason')).toHaveValue('a try');
    await expect(page.getByRole('button', { name: 'Retry 4 tasks' })).toBeVisible();
  });
});

test('a view is saved, found, renamed and deleted', async ({ page }) => {
  await page.goto('/ops/tasks?q=status:dead&pageSize=50');
  await page.locator('#views > summary').click();
  await page.getByRole('link', { name: 'Save this view…' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('the-dead');
  await audit(page, 'the dialog of the view');
  await page.getByRole('button', { name: 'Save view' }).click();
  await expect(page.getByText('View the-dead is saved.')).toBeVisible();
  expect(await audited()).toBe('owner created saved view');
  await page.goto('/ops/tasks');
  await page.locator('#views > summary').click();
  await audit(page, 'the saved views');
  await page.getByRole('link', { name: 'the-dead' }).click();
  await expect(page).toHaveURL(/q=status:dead&pageSize=50$/);
  await page.goto('/ops/views');
  await looked(page, 'ops-views', `
    - heading "Saved views" [level=1]
    - region "Saved views":
      - group "Saved views":
        - table:
          - rowgroup
          - rowgroup:
            - row /the-dead Tasks you you alone/
  `);
  await page.getByRole('button', { name: 'Actions of the-dead' }).click();
  await page.getByRole('link', { name: 'Rename or share…' }).click();
  await page.getByLabel('Name').fill('dead-ones');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Save view' }).click();
  await expect(page.getByRole('row', { name: /dead-ones Tasks you everybody/ })).toBeVisible();
  expect(await audited()).toBe('owner updated saved view');
  await page.getByRole('row', { name: /dead-ones/ }).getByRole('link', { name: 'dead-ones' }).focus();
  await page.keyboard.press('d');
  await page.getByRole('button', { name: 'Delete view dead-ones' }).click();
  await expect(page.getByText('No view is saved yet.')).toBeVisible();
  expect(await audited()).toBe('owner deleted saved view');
});

test.describe('somebody who may only look', () => {
  test.use({ storageState: { cookies: [], origins: [] }, refuses: true });

  test('has no actions, by button or by key, and is refused without them', async ({ page }) => {
    await person('looks-only', 'viewer');
    const id = await dead('backups', 'run_backup');
    await page.goto('/login');
    await page.getByLabel(/User name/).fill('looks-only');
    await page.locator('[name=password]').fill(owner.password);
    await page.getByRole('button', { name: /Sign in/ }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const before = await sql("select count(*) from config.audit_events where action <> 'login'");
    await page.goto('/ops/tasks?q=status:dead');
    await expect(row(page, id)).toBeVisible();
    await expect(page.getByRole('checkbox', { name: /Select/ })).toHaveCount(0);
    await page.goto(`/ops/tasks/${id}`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Dead');
    await expect(page.getByRole('button', { name: 'Retry now' })).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'Reveal' })).toHaveCount(0);
    for (const key of ['r', 'c', 'd']) await page.keyboard.press(key);
    await expect(page.getByRole('dialog')).toHaveCount(0);
    for (const action of ['retry', 'run-now', 'undo', 'resume-queue', 'cancel', 'discard', 'priority', 'arguments']) {
      const status = await page.evaluate(async ([path]) => {
        const body = new URLSearchParams({ _csrf: document.querySelector('[name=_csrf]').value, reason: 'x', priority: '1' });
        return (await fetch(path, { method: 'POST', body })).status;
      }, [`/ops/tasks/${id}/${action}`]);
      expect(status, action).toBe(403);
    }
    expect((await page.goto('/ops/bulk/new?action=retry')).status()).toBe(403);
    await expect(page.getByText('needs the right queues:execute')).toBeVisible();
    expect(await sql("select count(*) from config.audit_events where action <> 'login'")).toBe(before);
    expect(await sql(`select status from jobs.task_history where id = '${id}'`)).toBe('dead');
  });
});
