// Pausing and resuming a scan, what each job waits for, and repairing jobs that are stuck: one by one, many at once, by
// mouse and by key. The stuck ones are really stuck: their scanner is called active and never fetches anything.
import { audited, sql } from '../stack/database.js';
import { audit, expect, looked, onPhone, signedIn, test } from '../stack/test.js';

test.use({ storageState: signedIn });
test.describe.configure({ mode: 'serial' });

const SILENT = '019b76a0-0000-7000-8000-00000000e001';
const scans = [];

/** What the passes of the dispatcher do takes up to ten seconds, on a busy machine more. */
const SOON = { timeout: 60_000 };

test.beforeAll(async () => {
  await expect.poll(() => sql("select status from config.scanners where name = 'local'"), SOON).toBe('active');
  // Slow, so that a scan lasts. Heard of in advance, so that the silent one is not called offline.
  await sql(`update config.scanners set rate_limit = 300 where name = 'local';
    insert into config.scanners (id, name, status, last_heartbeat_at, first_heartbeat_at, created_by, api_key_prefix, api_key_hash)
    values ('${SILENT}', 'silent-edge', 'active', now() + interval '1 day', now(), 'test', 'mipo_sk_silentsilent', sha256('nobody'))`);
});

test.afterAll(async () => {
  // The other specs meet the stack as a new operator does.
  const list = scans.length > 0 ? scans.join(', ') : '0';
  await sql(`update config.scanners set rate_limit = 0 where name = 'local';
    delete from jobs.job_errors where scan_id in (${list});
    delete from config.alarms where rule in ('job-error', 'scan-stuck');
    delete from config.system_events where type in ('job_error_opened', 'job_error_resolved', 'scan_stuck', 'scan_recovered')
      or entity_type = 'scan' and entity_id = any (string_to_array('${list}', ', '));
    delete from jobs.scan_jobs where scan_id in (${list});
    delete from results.receipts where scan_id in (${list});
    delete from results.coverage where scan_id in (${list});
    delete from results.open_observations where scan_id in (${list});
    delete from results.port_changes where scan_id in (${list});
    delete from results.port_current where host(ip) like '127.79.%';
    delete from results.host_current where host(ip) like '127.79.%';
    create temp table made as select template_id from results.scans where id in (${list});
    delete from results.scans where id in (${list});
    delete from config.scan_templates t using made where t.id = made.template_id;
    delete from config.scanners where id = '${SILENT}'`);
});

/** Scans something once from one scanner; answers the number of the scan. */
async function scan(page, targets, ports, scanner) {
  await page.goto('/scans/run');
  const form = page.getByRole('region', { name: 'Look at something once' });
  await form.getByLabel('Targets').fill(targets);
  await form.getByLabel('Ports').fill(ports);
  for (const box of await form.getByRole('checkbox').all()) await box.uncheck();
  await form.getByRole('checkbox', { name: scanner }).check();
  await form.getByRole('button', { name: 'Scan now' }).click();
  await expect(page).toHaveURL(/\/scans\/\d+$/);
  const id = page.url().match(/(\d+)$/)[1];
  scans.push(id);
  await expect.poll(() => sql(`select count(*) from jobs.scan_jobs where scan_id = ${id}`), SOON).not.toBe('0');
  return id;
}

/** A job of the silent scanner that has waited for longer than it should. */
async function stuck(page, host) {
  const id = await scan(page, `127.79.0.${host}`, '9', 'silent-edge');
  await sql(`update jobs.scan_jobs set age_from = now() - interval '20 min' where scan_id = ${id}`);
  return id;
}

const status = (id) => sql(`select string_agg(distinct status, ' ') from jobs.scan_jobs where scan_id = ${id}`);
const row = (page, text) => page.locator('[data-row]').filter({ hasText: text });

test('a scan is paused and goes on where it stopped', async ({ page }) => {
  const id = await scan(page, '127.79.0.1-127.79.0.100', '1-200', 'local');
  await expect.poll(() => sql(`select (sum(resume_index) > 0)::text from jobs.scan_jobs where scan_id = ${id}`), SOON).toBe('true');
  await page.goto(`/scans/${id}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Paused');
  await expect.poll(() => status(id), SOON).toBe('paused');
  await page.goto(`/scans/${id}/jobs`);
  await looked(page, 'scan-jobs-paused', `
    - heading /Paused/ [level=1]
    - button "Resume"
    - region "Jobs":
      - group "Jobs":
        - table:
          - rowgroup:
            - row /Waits for/
          - rowgroup:
            - row /local .* Paused .* an operator, who paused the scan/
  `);
  const kept = await sql(`select sum(resume_index) from jobs.scan_jobs where scan_id = ${id}`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Running');
  await expect.poll(() => sql(`select (sum(resume_index) > ${kept})::text from jobs.scan_jobs where scan_id = ${id}`), SOON).toBe('true');
  await page.getByRole('link', { name: 'Cancel scan…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/Reason/).fill('seen enough');
  await dialog.getByRole('button', { name: /Cancel scan/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Cancelled', SOON);
  expect(await sql(`select (sum(open_count + closed_count + filtered_count) > 0)::text from results.coverage where scan_id = ${id}`)).toBe('true');
});

test('a stuck job is found, explained and given to another scanner', async ({ page }) => {
  await page.goto('/health/job-errors');
  await expect(page.locator('main')).toContainText('Every job gets on');
  const id = await stuck(page, 7);
  await page.goto('/health/job-errors');
  // No reload: the page hears it.
  await expect(row(page, 'stuck-pending')).toHaveCount(1, SOON);
  await looked(page, 'job-errors', `
    - heading "Job errors" [level=1]
    - region "Job errors":
      - heading "1 job error" [level=2]
      - group "1 job error":
        - table:
          - rowgroup:
            - row /Class Category Job Scan Scanner Opened State/
          - rowgroup:
            - row /stuck-pending orchestration .* silent-edge .* Open/
  `);
  await page.goto('/');
  await page.getByRole('link', { name: 'Open job errors' }).click();
  await row(page, 'stuck-pending').getByRole('link').first().click();
  await looked(page, 'job-error', `
    - heading /Stuck pending of job .*/ [level=1]
    - region "What happened":
      - heading "What happened" [level=2]
    - region "What you can do":
      - heading "What you can do" [level=2]
      - textbox /Reason/
      - combobox /Other scanner/
      - list:
        - listitem:
          - button "Hand out anew"
        - listitem:
          - button "Reassign"
        - listitem:
          - button "End the job"
    - region "History":
      - list:
        - listitem: /Found/
  `);
  await page.goto(`/scans/${id}/jobs`);
  await expect(page.getByRole('row', { name: /silent-edge/ })).toContainText('a repair');
  await page.getByRole('row', { name: /silent-edge/ }).getByRole('link', { name: /stuck-pending/i }).click();
  await page.getByLabel(/Reason/).fill('the edge is being rebuilt');
  await page.getByLabel(/Other scanner/).selectOption({ label: 'local' });
  await page.getByRole('button', { name: 'Reassign' }).click();
  await expect(page.getByText('Reassign is asked for')).toHaveCount(1);
  await expect(page.getByRole('region', { name: 'History' })).toContainText('Given to local', SOON);
  await expect(page.getByRole('region', { name: 'What happened' })).toContainText('Resolved', SOON);
  expect(await sql("select reason from config.audit_events where action = 'repaired' order by seq desc limit 1")).toBe('the edge is being rebuilt');
  await expect.poll(() => status(id), SOON).toBe('completed');
  await onPhone(page, () => audit(page, 'a resolved job error at 360 px'));
});
