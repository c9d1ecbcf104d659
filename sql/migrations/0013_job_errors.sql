-- Job errors are found from what the tables say, told of, and repaired (product 7.8). Here stands what the tables did not
-- say yet. Columns with a constant default are added without a rewrite; the indexes of jobs.scan_jobs are built while
-- nobody writes to it: minutes on a table of many millions, for which `create index concurrently` by hand before the
-- migration is the way round.

-- When calls were refused lately, the newest first: five within 5 minutes mean something, five in a year do not.
alter table config.scanners
  add column failed_auth_times timestamptz[] not null default '{}' constraint scanners_failed_auth_times_count check (cardinality(failed_auth_times) <= 5),
  add column ip_mismatch_at timestamptz,
  add column ip_mismatch_from inet;
comment on column config.scanners.ip_mismatch_at is 'the last call from outside the binding; void when ip_mismatch_count is 0';
grant update (failed_auth_times, ip_mismatch_at, ip_mismatch_from) on config.scanners to mipo_ingest;
-- The repairs drain and release_binding; never who it is, its key or its limits.
grant update (bound_ip, bound_asn, ip_mismatch_count, failed_auth_count, failed_auth_times, ip_mismatch_at, ip_mismatch_from, version)
  on config.scanners to mipo_dispatcher;

alter table jobs.scan_jobs
  add column parts_refused integer not null default 0 constraint scan_jobs_parts_refused_range check (parts_refused >= 0),
  add column parts_missing_since timestamptz,
  add column rate_exhausted boolean not null default false,
  add column spec_judged_at timestamptz,
  add column spec_flaw text constraint scan_jobs_spec_flaw_word check (spec_flaw in ('unreadable', 'signature', 'excluded'));
comment on column jobs.scan_jobs.parts_refused is 'results refused in a row, by any holder; 0 with the next accepted one';
comment on column jobs.scan_jobs.parts_missing_since is 'when complete was first refused for missing results';
comment on column jobs.scan_jobs.rate_exhausted is 'the plan left it less than one probe a second, and nobody has accepted that';
comment on column jobs.scan_jobs.spec_judged_at is 'when spec and signature were last looked at; null after any change of them';
comment on column jobs.scan_jobs.stuck_told_at is 'no longer used: job errors say who was told of what';
grant update (parts_refused, parts_missing_since) on jobs.scan_jobs to mipo_ingest;

create function jobs.forget_judgement() returns trigger language plpgsql as $$
begin
  new.spec_judged_at := null;
  new.spec_flaw := null;
  return new;
end
$$;
create trigger scan_jobs_forget_judgement before update of spec, signature on jobs.scan_jobs
  for each row when (old.spec is distinct from new.spec or old.signature is distinct from new.signature)
  execute function jobs.forget_judgement();

create index scan_jobs_live on jobs.scan_jobs (id) where finished_at is null;
create index scan_jobs_unjudged on jobs.scan_jobs (id) where finished_at is null and spec_judged_at is null;
create index scan_jobs_timed_out on jobs.scan_jobs (finished_at) where status = 'timed_out';
create index scan_jobs_by_end on jobs.scan_jobs (scanner_id, finished_at) where finished_at is not null;

-- An operator asks for a repair by writing it into the history; the dispatcher carries it out.
grant update (repairs) on jobs.job_errors to mipo_manager;
create index job_errors_open on jobs.job_errors (class, scanner_id) where resolved_at is null;
create index job_errors_by_job on jobs.job_errors (job_id);
