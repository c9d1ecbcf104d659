-- The seven roles, made once per cluster (product S17). Repeatable; the caller holds the advisory lock, because
-- clusters are shared by parallel tests and by services that start together.
do $$
declare
  r text;
begin
  foreach r in array array['mipo_owner', 'mipo_manager', 'mipo_ingest', 'mipo_dispatcher', 'mipo_backup', 'mipo_restore', 'mipo_ops_read'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I login', r);
    end if;
  end loop;
  if not exists (select from pg_roles where rolname = 'mipo_restore' and rolcreatedb) then
    alter role mipo_restore createdb;
  end if;
  if not pg_has_role('mipo_restore', 'mipo_owner', 'member') then
    grant mipo_owner to mipo_restore;
  end if;
  -- The manager reads the queue pages as a role that cannot write (set local role, in Db::look).
  if not pg_has_role('mipo_manager', 'mipo_ops_read', 'member') then
    grant mipo_ops_read to mipo_manager;
  end if;
  -- The database panel names who holds back the vacuum and what runs for long. Whoever makes the roles may not be
  -- allowed to give that away (PostgreSQL 16 asks for a superuser); the panel says so then.
  foreach r in array array['mipo_manager', 'mipo_ops_read'] loop
    if not pg_has_role(r, 'pg_read_all_stats', 'member') then
      begin
        execute format('grant pg_read_all_stats to %I', r);
      exception when insufficient_privilege then
        null;
      end;
    end if;
  end loop;
end
$$;
