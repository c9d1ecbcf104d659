-- A blackout window that was switched off says why, as an exclusion does.
alter table config.blackout_windows
  add column disabled_reason text constraint blackout_windows_disabled_reason_length check (length(disabled_reason) between 1 and 10000),
  add constraint blackout_windows_enabled_without_reason check (not enabled or disabled_reason is null);

-- True when a job has an address in one of the networks among its targets. The spec is read, not searched: jobs are few
-- against addresses, and only live ones are asked.
create function jobs.meets(spec bytea, networks inet[]) returns boolean language sql stable as $$
  select cardinality(networks) > 0 and exists (
    select from jsonb_array_elements(convert_from(spec, 'UTF8')::jsonb -> 'targets') target,
                jsonb_array_elements(target -> 'addresses') range, unnest(networks) network
    where (range ->> 0)::inet <= host(broadcast(network))::inet and (range ->> 1)::inet >= host(network(network))::inet)
$$;
