-- The results series on plain PostgreSQL: native range partitions by `at`. sql/timescale holds the same tables as
-- hypertables; every query is the same on both. Chunks: 7 days for changes and coverage, 1 day for observations.
create table results.port_changes (
  id uuid not null,
  at timestamptz not null,
  scanner_id uuid not null,
  ip inet not null,
  port integer constraint port_changes_port_range check (port between 1 and 65535),
  ports int4multirange,
  protocol text not null constraint port_changes_protocol_word check (protocol in ('tcp', 'udp')),
  previous_state text not null constraint port_changes_previous_word check (previous_state in ('open', 'closed', 'filtered')),
  current_state text not null constraint port_changes_current_word check (current_state in ('open', 'closed', 'filtered')),
  service text,
  version text,
  scan_id bigint not null,
  job_id bigint not null,
  confirmed boolean not null,
  evidence jsonb not null default '{}',
  receipt_hash bytea,
  created_at timestamptz not null default now(),
  constraint port_changes_one_or_many check (num_nonnulls(port, ports) = 1),
  constraint port_changes_is_a_change check (previous_state <> current_state),
  constraint port_changes_many_without_open check (ports is null or (previous_state <> 'open' and current_state <> 'open'))
) partition by range (at);
create index port_changes_by_scan on results.port_changes (scan_id);
create index port_changes_by_at on results.port_changes (at desc, id desc);
create index port_changes_by_key on results.port_changes (scanner_id, ip, port, at desc);

create table results.coverage (
  at timestamptz not null,
  scan_id bigint not null,
  job_id bigint not null,
  scanner_id uuid not null,
  ip inet not null,
  protocol text not null constraint coverage_protocol_word check (protocol in ('tcp', 'udp')),
  port_set_id bytea not null,
  default_state text not null constraint coverage_default_word check (default_state in ('closed', 'filtered')),
  other_ports int4multirange not null default '{}',
  error_ports int4multirange not null default '{}',
  not_probed_ports int4multirange not null default '{}',
  open_count integer not null,
  closed_count integer not null,
  filtered_count integer not null,
  error_count integer not null,
  not_probed_count integer not null,
  created_at timestamptz not null default now()
) partition by range (at);
create index coverage_by_scan on results.coverage (scan_id, ip);
create index coverage_by_job on results.coverage (job_id);
create index coverage_by_host on results.coverage (ip, scanner_id, at desc);

create table results.open_observations (
  at timestamptz not null,
  scan_id bigint not null,
  job_id bigint not null,
  scanner_id uuid not null,
  ip inet not null,
  port integer not null constraint open_observations_port_range check (port between 1 and 65535),
  protocol text not null constraint open_observations_protocol_word check (protocol in ('tcp', 'udp')),
  rtt_us integer,
  tries integer not null,
  service text,
  version text,
  banner_hash bytea,
  created_at timestamptz not null default now()
) partition by range (at);
create index open_observations_by_job on results.open_observations (job_id);
create index open_observations_by_scan on results.open_observations (scan_id, ip, port);

-- Makes the partitions that hold p_from to p_to, if they are missing. Called ahead by maintenance and, for instants
-- that maintenance did not foresee, by whoever is about to insert. SECURITY DEFINER because only the owner of the
-- tables may add partitions.
create function results.ensure_partitions(p_from timestamptz, p_to timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  series record;
  lower_bound timestamptz;
  part text;
  made integer := 0;
begin
  if p_to - p_from > interval '400 days' then
    raise exception 'refusing to make partitions for more than 400 days at once';
  end if;
  for series in
    select * from (values ('port_changes', interval '7 days'), ('coverage', interval '7 days'), ('open_observations', interval '1 day')) as s (name, step)
  loop
    lower_bound := date_bin(series.step, p_from, timestamptz '2020-01-06 00:00:00+00');
    while lower_bound <= p_to loop
      part := series.name || '_' || to_char(lower_bound at time zone 'UTC', 'YYYYMMDD');
      if to_regclass('results.' || quote_ident(part)) is null then
        perform pg_advisory_xact_lock(hashtextextended('mipo.partitions.' || part, 0));
        if to_regclass('results.' || quote_ident(part)) is null then
          execute format('create table results.%I partition of results.%I for values from (%L) to (%L)', part, series.name,
            lower_bound, lower_bound + series.step);
          made := made + 1;
        end if;
      end if;
      lower_bound := lower_bound + series.step;
    end loop;
  end loop;
  return made;
end
$$;
revoke execute on function results.ensure_partitions(timestamptz, timestamptz) from public;

-- Drops partitions of one series that end at or before p_before. Says how many, and how many have to wait: dropping one
-- needs the whole series for a moment, and whoever waits for that makes everybody after it wait too. So it is not waited
-- for long; the caller comes again.
create function results.drop_partitions(p_series text, p_before timestamptz, out dropped integer, out postponed integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
  part record;
begin
  dropped := 0;
  postponed := 0;
  if p_series not in ('open_observations') then
    raise exception 'series % is kept for ever', p_series;
  end if;
  for part in
    select c.relname, (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz as upper_bound
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ('results.' || quote_ident(p_series))::regclass
  loop
    if part.upper_bound <= p_before then
      begin
        execute format('drop table results.%I', part.relname);
        dropped := dropped + 1;
      exception when lock_not_available then
        postponed := postponed + 1;
      end;
    end if;
  end loop;
end
$$;
revoke execute on function results.drop_partitions(text, timestamptz) from public;

select results.ensure_partitions(now() - interval '7 days', now() + interval '14 days');
