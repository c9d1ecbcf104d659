// The database of the stack, for what no page makes: tasks that died, people with few rights, and what the audit log holds.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Runs statements as the superuser of the private cluster, whom it knows as the user that runs mipo. Answers the rows as text. */
export async function sql(statements) {
  // Line 5 of the lock file is the folder of the socket.
  const lock = await readFile(path.join(process.env.MIPO_DATA, 'postgres/data/postmaster.pid'), 'utf8');
  const socket = lock.split('\n')[4].trim();
  const args = ['-h', socket, '-U', 'postgres', '-d', 'mipo', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', statements];
  const { stdout } = await promisify(execFile)('psql', args);
  return stdout.trim();
}

/** The newest audit row: who did what to what, and why. */
export const audited = () => sql("select concat_ws(' ', actor, action, resource_type, nullif(reason, '')) from config.audit_events order by seq desc limit 1");

/** A dead task; answers its id. */
export const dead = (queue, kind, error = 'no route to host') => sql(`
  insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, last_error,
    fingerprint, log, created_by, created_at, finished_at)
  select jobs.new_task_id(), '${queue}', '${kind}', '{"v": 1, "ids": {}}', 'dead', 0, 3, 3, now() - interval '2 min', min(no),
    now() - interval '90 s', '${error}', '${kind}: ${error}', 'WARN the cable is out', 'test', now() - interval '5 min', now() - interval '80 s'
  from jobs.workers returning id`);

/** A task that is due in an hour, with an argument; answers its id. No process of the trial works on its queue. */
export const later = () => sql(`
  insert into jobs.tasks (queue, kind, payload, max_attempts, run_at, rank, created_by)
  values ('backups', 'run_backup', '{"v": 1, "ids": {"bundleId": "argument-in-clear"}}', 3, now() + interval '1 hour', now() + interval '1 hour', 'test') returning id`);

/** Somebody with one built-in role and the owner's password. In one statement, because nobody is without a role. */
export const person = (username, role) => sql(`
  with added as (
    insert into config.users (id, username, password_hash, is_owner)
    select gen_random_uuid(), '${username}', u.password_hash, false from config.users u where u.is_owner returning id)
  insert into config.user_roles (user_id, role_id) select a.id, r.id from added a, config.roles r where r.name = '${role}'`);
