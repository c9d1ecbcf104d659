-- Functions that services share. raise_event is the one way to write events and alarms: whoever raises one needs to
-- read no rule, no alarm and no channel.

-- The bell of the live hub; it carries nothing.
create function config.ring_live() returns trigger language plpgsql as $$
begin
  perform pg_notify('mipo_live', '');
  return null;
end
$$;
create trigger live_events_ring after insert on config.live_events for each statement execute function config.ring_live();

-- A service speaks for itself: nobody raises events or shows signs of life in the name of another. Whoever connects as
-- no service (the owner of the schema, a person on the host) may.
create function config.speaks_for(p_service text) returns boolean language sql stable
  return session_user not in ('mipo_manager', 'mipo_ingest', 'mipo_dispatcher', 'mipo_backup') or session_user = 'mipo_' || p_service;

create function config.check_own_heartbeat() returns trigger language plpgsql as $$
begin
  if not config.speaks_for(new.service) then
    raise exception '% cannot write the heartbeat of %', session_user, new.service using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
create trigger service_heartbeats_own before insert or update on config.service_heartbeats
  for each row execute function config.check_own_heartbeat();

-- Writes a system event and, where a rule is tied to its type, opens, bumps or resolves the alarm. Ids come from the
-- caller, because they are UUIDv7. Returns the alarm that was touched, or null.
create function config.raise_event(
  p_event_id uuid, p_alarm_id uuid, p_at timestamptz, p_source text, p_type text, p_severity text,
  p_entity_type text, p_entity_id text, p_summary text, p_detail jsonb
) returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  rule config.alarm_rules;
  key text;
  touched uuid;
  result uuid;
begin
  if not config.speaks_for(p_source) then
    raise exception '% cannot raise an event of %', session_user, p_source using errcode = 'insufficient_privilege';
  end if;
  insert into config.system_events (id, at, source, type, severity, entity_type, entity_id, summary, detail)
  values (p_event_id, p_at, p_source, p_type, p_severity, p_entity_type, p_entity_id, p_summary, p_detail);
  insert into config.live_events (topic, entity_id) values ('events', p_event_id::text);

  for rule in select * from config.alarm_rules r where r.resolve_event = p_type loop
    key := rule.name || ':' || p_entity_type || ':' || p_entity_id;
    update config.alarms a
    set state = 'resolved', resolved_at = p_at, resolved_by = 'system', updated_at = now(), version = a.version + 1
    where a.alarm_key = key and a.state <> 'resolved'
    returning a.id into touched;
    if touched is not null then
      insert into config.live_events (topic, entity_id) values ('alarms', touched::text);
      result := touched;
    end if;
  end loop;

  select * into rule from config.alarm_rules r where r.trigger_event = p_type and r.enabled;
  if found and (rule.muted_until is null or rule.muted_until <= p_at) then
    key := rule.name || ':' || p_entity_type || ':' || p_entity_id;
    insert into config.alarms as a (id, alarm_key, rule, severity, state, entity_type, entity_id, summary, first_seen, last_bump)
    values (p_alarm_id, key, rule.name, coalesce(rule.severity_override, rule.severity), 'open', p_entity_type, p_entity_id, p_summary, p_at, p_at)
    on conflict (alarm_key) where state <> 'resolved' do update
      set count = a.count + 1, last_bump = excluded.last_bump, summary = excluded.summary, updated_at = now(), version = a.version + 1
    returning a.id into touched;
    insert into config.live_events (topic, entity_id) values ('alarms', touched::text);
    result := touched;
  end if;
  return result;
end
$$;
revoke execute on function config.raise_event(uuid, uuid, timestamptz, text, text, text, text, text, text, jsonb) from public;
