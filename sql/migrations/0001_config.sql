-- Schema config: identity, configuration, alerting, audit. It can be restored alone, so no foreign key leaves it.
--
-- Conventions: names are 1-64 characters of [A-Za-z0-9_-], unique without regard to case; `version` counts edits by
-- people (an update with a stale one is refused), so machine-written columns never raise it. Constraints are named,
-- because mipo-app maps them to the field that was wrong.
create schema config;

-- A set has at least one member: held at commit, so that set and members may come in any order. Arguments: the table of
-- the set, the table of its members, the column that names the set, the constraint. The set is locked first, so that of
-- two who take the last two members away at the same time the second one is refused.
create function config.require_a_member() returns trigger language plpgsql as $$
declare
  owner_id uuid := case when tg_table_name = tg_argv[0] then to_jsonb(new) ->> 'id' else to_jsonb(old) ->> tg_argv[2] end;
  here boolean;
  filled boolean;
begin
  execute format('select true from config.%I where id = $1 for no key update', tg_argv[0]) into here using owner_id;
  if here then
    execute format('select exists (select from config.%I where %I = $1)', tg_argv[1], tg_argv[2]) into filled using owner_id;
    if not filled then
      raise exception '% % has none of %', tg_argv[0], owner_id, tg_argv[1]
        using errcode = 'check_violation', constraint = tg_argv[3], schema = 'config', table = tg_argv[0];
    end if;
  end if;
  return null;
end
$$;

-- Scanners ------------------------------------------------------------------------------------------------------

create table config.scanners (
  id uuid primary key,
  name text not null constraint scanners_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint scanners_description_length check (length(description) <= 10000),
  status text not null default 'pending' constraint scanners_status_word check (status in ('pending', 'active', 'offline', 'disabled')),
  binding_mode text not null default 'ip' constraint scanners_binding_mode_word check (binding_mode in ('ip', 'subnet', 'asn', 'none')),
  bound_ip inet,
  bound_asn bigint,
  ip_mismatch_count integer not null default 0 constraint scanners_ip_mismatch_count_range check (ip_mismatch_count >= 0),
  failed_auth_count integer not null default 0 constraint scanners_failed_auth_count_range check (failed_auth_count >= 0),
  rate_limit integer not null default 0 constraint scanners_rate_limit_range check (rate_limit between 0 and 100000),
  max_concurrent_jobs integer not null default 1 constraint scanners_max_concurrent_jobs_range check (max_concurrent_jobs between 1 and 8),
  api_key_prefix text,
  api_key_hash bytea constraint scanners_api_key_hash_length check (length(api_key_hash) = 32),
  api_key_created_at timestamptz,
  api_key_last_used_at timestamptz,
  previous_api_key_prefix text,
  previous_api_key_hash bytea constraint scanners_previous_api_key_hash_length check (length(previous_api_key_hash) = 32),
  previous_key_until timestamptz,
  rotate_key_requested boolean not null default false,
  key_flagged_at timestamptz,
  last_heartbeat_at timestamptz,
  first_heartbeat_at timestamptz,
  scanner_version text constraint scanners_scanner_version_length check (length(scanner_version) <= 64),
  hostname text constraint scanners_hostname_length check (length(hostname) <= 255),
  platform text constraint scanners_platform_length check (length(platform) <= 32),
  arch text constraint scanners_arch_length check (length(arch) <= 32),
  internal_ip inet,
  external_ip inet,
  capabilities text[] not null default '{}' constraint scanners_capabilities_count check (cardinality(capabilities) <= 50),
  metrics jsonb not null default '{}',
  last_error text,
  draining_until timestamptz,
  measured_pps double precision constraint scanners_measured_pps_range check (measured_pps > 0),
  binary_sha256 bytea constraint scanners_binary_sha256_length check (length(binary_sha256) = 32),
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint scanners_api_key_whole check ((api_key_hash is null) = (api_key_prefix is null)),
  constraint scanners_previous_key_whole check (
    (previous_api_key_hash is null) = (previous_api_key_prefix is null) and (previous_api_key_hash is null) = (previous_key_until is null)),
  constraint scanners_active_was_seen check (status <> 'active' or last_heartbeat_at is not null)
);
comment on column config.scanners.key_flagged_at is 'when the token of the current key was used a second time; void with the next enrolment';
create unique index scanners_name_unique on config.scanners (lower(name));
create unique index scanners_api_key_prefix_unique on config.scanners (api_key_prefix);
create unique index scanners_previous_api_key_prefix_unique on config.scanners (previous_api_key_prefix);

create function config.check_scanner_move() returns trigger language plpgsql as $$
begin
  if (old.status, new.status) not in (
    ('pending', 'active'), ('active', 'offline'), ('offline', 'active'),
    ('pending', 'disabled'), ('active', 'disabled'), ('offline', 'disabled'),
    ('disabled', 'offline'), ('disabled', 'pending')) then
    raise exception 'scanner % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'scanners_status_move';
  end if;
  return new;
end
$$;
create trigger scanners_status_move before update of status on config.scanners
  for each row when (old.status is distinct from new.status) execute function config.check_scanner_move();

create table config.provisioning_tokens (
  id uuid primary key,
  scanner_id uuid not null references config.scanners (id) on delete cascade,
  token_prefix text not null,
  token_hash bytea not null constraint provisioning_tokens_hash_length check (length(token_hash) = 32),
  expires_at timestamptz not null,
  used_at timestamptz,
  used_from_ip inet,
  used_binary_sha256 bytea,
  revoked_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  constraint provisioning_tokens_use check ((used_at is null) = (used_from_ip is null))
);
create unique index provisioning_tokens_prefix_unique on config.provisioning_tokens (token_prefix);
-- One live token a scanner.
create unique index provisioning_tokens_one_live on config.provisioning_tokens (scanner_id) where used_at is null and revoked_at is null;

-- History: it outlives the scanner, so it refers to nothing and holds the name that the scanner had.
create table config.scanner_key_rotations (
  id uuid primary key,
  scanner_id uuid not null,
  scanner_name text not null,
  rotated_at timestamptz not null,
  rotated_by text not null,
  reason text not null,
  old_key_prefix text,
  new_key_prefix text,
  created_at timestamptz not null default now()
);
create index scanner_key_rotations_by_scanner on config.scanner_key_rotations (scanner_id, rotated_at desc);

create table config.scanner_groups (
  id uuid primary key,
  name text not null constraint scanner_groups_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint scanner_groups_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index scanner_groups_name_unique on config.scanner_groups (lower(name));

create table config.scanner_group_members (
  group_id uuid not null references config.scanner_groups (id) on delete cascade,
  scanner_id uuid not null constraint scanner_group_members_scanner references config.scanners (id),
  created_at timestamptz not null default now(),
  primary key (group_id, scanner_id)
);
create index scanner_group_members_by_scanner on config.scanner_group_members (scanner_id);
create constraint trigger scanner_groups_have_members after insert on config.scanner_groups deferrable initially deferred
  for each row execute function config.require_a_member('scanner_groups', 'scanner_group_members', 'group_id', 'scanner_groups_have_members');
create constraint trigger scanner_groups_have_members after delete or update of group_id on config.scanner_group_members deferrable initially deferred
  for each row execute function config.require_a_member('scanner_groups', 'scanner_group_members', 'group_id', 'scanner_groups_have_members');

-- Targets -------------------------------------------------------------------------------------------------------

create table config.subnets (
  id uuid primary key,
  name text not null constraint subnets_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint subnets_description_length check (length(description) <= 10000),
  cidr cidr not null constraint subnets_cidr_not_mapped check (not cidr <<= '::ffff:0.0.0.0/96'),
  rate_limit integer not null default 0 constraint subnets_rate_limit_range check (rate_limit between 0 and 100000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index subnets_name_unique on config.subnets (lower(name));

create table config.subnet_groups (
  id uuid primary key,
  name text not null constraint subnet_groups_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint subnet_groups_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index subnet_groups_name_unique on config.subnet_groups (lower(name));

create table config.subnet_group_members (
  group_id uuid not null references config.subnet_groups (id) on delete cascade,
  subnet_id uuid not null constraint subnet_group_members_subnet references config.subnets (id),
  created_at timestamptz not null default now(),
  primary key (group_id, subnet_id)
);
create index subnet_group_members_by_subnet on config.subnet_group_members (subnet_id);
create constraint trigger subnet_groups_have_members after insert on config.subnet_groups deferrable initially deferred
  for each row execute function config.require_a_member('subnet_groups', 'subnet_group_members', 'group_id', 'subnet_groups_have_members');
create constraint trigger subnet_groups_have_members after delete or update of group_id on config.subnet_group_members deferrable initially deferred
  for each row execute function config.require_a_member('subnet_groups', 'subnet_group_members', 'group_id', 'subnet_groups_have_members');

create table config.fqdns (
  id uuid primary key,
  name text not null constraint fqdns_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint fqdns_description_length check (length(description) <= 10000),
  hostname text not null constraint fqdns_hostname_length check (length(hostname) between 1 and 253),
  rate_limit integer not null default 0 constraint fqdns_rate_limit_range check (rate_limit between 0 and 100000),
  allowed_cidrs cidr[] not null default '{}',
  last_resolved jsonb not null default '[]',
  last_resolved_at timestamptz,
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index fqdns_name_unique on config.fqdns (lower(name));

create table config.fqdn_groups (
  id uuid primary key,
  name text not null constraint fqdn_groups_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint fqdn_groups_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index fqdn_groups_name_unique on config.fqdn_groups (lower(name));

create table config.fqdn_group_members (
  group_id uuid not null references config.fqdn_groups (id) on delete cascade,
  fqdn_id uuid not null constraint fqdn_group_members_fqdn references config.fqdns (id),
  created_at timestamptz not null default now(),
  primary key (group_id, fqdn_id)
);
create index fqdn_group_members_by_fqdn on config.fqdn_group_members (fqdn_id);
create constraint trigger fqdn_groups_have_members after insert on config.fqdn_groups deferrable initially deferred
  for each row execute function config.require_a_member('fqdn_groups', 'fqdn_group_members', 'group_id', 'fqdn_groups_have_members');
create constraint trigger fqdn_groups_have_members after delete or update of group_id on config.fqdn_group_members deferrable initially deferred
  for each row execute function config.require_a_member('fqdn_groups', 'fqdn_group_members', 'group_id', 'fqdn_groups_have_members');

create table config.discovery_sources (
  id uuid primary key,
  name text not null constraint discovery_sources_name_form check (name ~ '^[A-Za-z0-9_-]{1,100}$'),
  description text not null default '' constraint discovery_sources_description_length check (length(description) <= 10000),
  key_prefix text not null,
  key_hash bytea not null constraint discovery_sources_key_hash_length check (length(key_hash) = 32),
  last_push_at timestamptz,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index discovery_sources_name_unique on config.discovery_sources (lower(name));
create unique index discovery_sources_key_prefix_unique on config.discovery_sources (key_prefix);

create table config.discovery_lists (
  id uuid primary key,
  source_id uuid not null references config.discovery_sources (id) on delete cascade,
  name text not null constraint discovery_lists_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  scanner_id uuid constraint discovery_lists_scanner references config.scanners (id),
  scanner_group_id uuid constraint discovery_lists_scanner_group references config.scanner_groups (id),
  rate_limit integer not null default 0 constraint discovery_lists_rate_limit_range check (rate_limit between 0 and 100000),
  ip_count integer not null default 0 constraint discovery_lists_ip_count_range check (ip_count between 0 and 1000000),
  last_push_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint discovery_lists_one_assignment check (num_nonnulls(scanner_id, scanner_group_id) = 1)
);
create unique index discovery_lists_name_unique on config.discovery_lists (source_id, lower(name));

create table config.discovery_ips (
  list_id uuid not null references config.discovery_lists (id) on delete cascade,
  ip inet not null constraint discovery_ips_single check (masklen(ip) = case family(ip) when 4 then 32 else 128 end)
    constraint discovery_ips_not_mapped check (not ip <<= '::ffff:0.0.0.0/96'),
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (list_id, ip)
);

-- Who scans what: a scanner or a scanner group is assigned to a subnet or an FQDN.
create table config.target_scanners (
  subnet_id uuid references config.subnets (id) on delete cascade,
  fqdn_id uuid references config.fqdns (id) on delete cascade,
  scanner_id uuid constraint target_scanners_scanner references config.scanners (id),
  scanner_group_id uuid constraint target_scanners_scanner_group references config.scanner_groups (id),
  created_at timestamptz not null default now(),
  constraint target_scanners_one_target check (num_nonnulls(subnet_id, fqdn_id) = 1),
  constraint target_scanners_one_scanner check (num_nonnulls(scanner_id, scanner_group_id) = 1),
  constraint target_scanners_unique unique nulls not distinct (subnet_id, fqdn_id, scanner_id, scanner_group_id)
);
create index target_scanners_by_scanner on config.target_scanners (scanner_id);
create index target_scanners_by_group on config.target_scanners (scanner_group_id);

-- Ports ---------------------------------------------------------------------------------------------------------

create table config.port_catalog (
  id uuid primary key,
  name text not null constraint port_catalog_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint port_catalog_description_length check (length(description) <= 10000),
  tcp_ports int4multirange not null default '{}' constraint port_catalog_tcp_ports_range check (tcp_ports <@ int4range(1, 65536)),
  udp_ports int4multirange not null default '{}' constraint port_catalog_udp_ports_range check (udp_ports <@ int4range(1, 65536)),
  sources text[] not null default '{}',
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint port_catalog_not_empty check (not (isempty(tcp_ports) and isempty(udp_ports)))
);
create unique index port_catalog_name_unique on config.port_catalog (lower(name));

create table config.port_lists (
  id uuid primary key,
  name text not null constraint port_lists_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint port_lists_description_length check (length(description) <= 10000),
  tcp_ports int4multirange not null default '{}' constraint port_lists_tcp_ports_range check (tcp_ports <@ int4range(1, 65536)),
  udp_ports int4multirange not null default '{}' constraint port_lists_udp_ports_range check (udp_ports <@ int4range(1, 65536)),
  rate_limit integer not null default 0 constraint port_lists_rate_limit_range check (rate_limit between 0 and 100000),
  catalog_imports uuid[] not null default '{}',
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint port_lists_not_empty check (not (isempty(tcp_ports) and isempty(udp_ports)))
);
create unique index port_lists_name_unique on config.port_lists (lower(name));

create table config.port_list_groups (
  id uuid primary key,
  name text not null constraint port_list_groups_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint port_list_groups_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index port_list_groups_name_unique on config.port_list_groups (lower(name));

create table config.port_list_group_members (
  group_id uuid not null references config.port_list_groups (id) on delete cascade,
  port_list_id uuid not null constraint port_list_group_members_port_list references config.port_lists (id),
  created_at timestamptz not null default now(),
  primary key (group_id, port_list_id)
);
create index port_list_group_members_by_list on config.port_list_group_members (port_list_id);
create constraint trigger port_list_groups_have_members after insert on config.port_list_groups deferrable initially deferred
  for each row execute function config.require_a_member('port_list_groups', 'port_list_group_members', 'group_id', 'port_list_groups_have_members');
create constraint trigger port_list_groups_have_members after delete or update of group_id on config.port_list_group_members deferrable initially deferred
  for each row execute function config.require_a_member('port_list_groups', 'port_list_group_members', 'group_id', 'port_list_groups_have_members');

-- Templates, tests, schedules -----------------------------------------------------------------------------------

create sequence config.adhoc_templates;

create table config.scan_templates (
  id uuid primary key,
  name text not null constraint scan_templates_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint scan_templates_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  adhoc boolean not null default false,
  adhoc_targets text[],
  adhoc_tcp_ports int4multirange constraint scan_templates_adhoc_tcp_ports_range check (adhoc_tcp_ports <@ int4range(1, 65536)),
  adhoc_udp_ports int4multirange constraint scan_templates_adhoc_udp_ports_range check (adhoc_udp_ports <@ int4range(1, 65536)),
  adhoc_scanner_ids uuid[],
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint scan_templates_adhoc_whole check (
    case when adhoc then num_nonnulls(adhoc_targets, adhoc_tcp_ports, adhoc_udp_ports, adhoc_scanner_ids) = 4
      and cardinality(adhoc_targets) > 0 and cardinality(adhoc_scanner_ids) > 0
      and not (isempty(adhoc_tcp_ports) and isempty(adhoc_udp_ports))
    else num_nonnulls(adhoc_targets, adhoc_tcp_ports, adhoc_udp_ports, adhoc_scanner_ids) = 0 end)
);
create unique index scan_templates_name_unique on config.scan_templates (lower(name));

create table config.scan_template_targets (
  template_id uuid not null references config.scan_templates (id) on delete cascade,
  subnet_id uuid constraint scan_template_targets_subnet references config.subnets (id),
  subnet_group_id uuid constraint scan_template_targets_subnet_group references config.subnet_groups (id),
  fqdn_id uuid constraint scan_template_targets_fqdn references config.fqdns (id),
  fqdn_group_id uuid constraint scan_template_targets_fqdn_group references config.fqdn_groups (id),
  discovery_list_id uuid constraint scan_template_targets_discovery_list references config.discovery_lists (id),
  created_at timestamptz not null default now(),
  constraint scan_template_targets_one_source check (num_nonnulls(subnet_id, subnet_group_id, fqdn_id, fqdn_group_id, discovery_list_id) = 1),
  constraint scan_template_targets_unique unique nulls not distinct (template_id, subnet_id, subnet_group_id, fqdn_id, fqdn_group_id, discovery_list_id)
);
create index scan_template_targets_by_subnet on config.scan_template_targets (subnet_id) where subnet_id is not null;

create table config.scan_template_ports (
  template_id uuid not null references config.scan_templates (id) on delete cascade,
  port_list_id uuid constraint scan_template_ports_port_list references config.port_lists (id),
  port_list_group_id uuid constraint scan_template_ports_port_list_group references config.port_list_groups (id),
  created_at timestamptz not null default now(),
  constraint scan_template_ports_one_source check (num_nonnulls(port_list_id, port_list_group_id) = 1),
  constraint scan_template_ports_unique unique nulls not distinct (template_id, port_list_id, port_list_group_id)
);
create index scan_template_ports_by_list on config.scan_template_ports (port_list_id) where port_list_id is not null;
-- An ad-hoc template holds targets and ports itself.
create constraint trigger scan_templates_have_targets after insert on config.scan_templates deferrable initially deferred
  for each row when (not new.adhoc) execute function config.require_a_member('scan_templates', 'scan_template_targets', 'template_id', 'scan_templates_have_targets');
create constraint trigger scan_templates_have_targets after delete or update of template_id on config.scan_template_targets deferrable initially deferred
  for each row execute function config.require_a_member('scan_templates', 'scan_template_targets', 'template_id', 'scan_templates_have_targets');
create constraint trigger scan_templates_have_ports after insert on config.scan_templates deferrable initially deferred
  for each row when (not new.adhoc) execute function config.require_a_member('scan_templates', 'scan_template_ports', 'template_id', 'scan_templates_have_ports');
create constraint trigger scan_templates_have_ports after delete or update of template_id on config.scan_template_ports deferrable initially deferred
  for each row execute function config.require_a_member('scan_templates', 'scan_template_ports', 'template_id', 'scan_templates_have_ports');

create table config.scan_template_groups (
  id uuid primary key,
  name text not null constraint scan_template_groups_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint scan_template_groups_description_length check (length(description) <= 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index scan_template_groups_name_unique on config.scan_template_groups (lower(name));

create table config.scan_template_group_members (
  group_id uuid not null references config.scan_template_groups (id) on delete cascade,
  template_id uuid not null constraint scan_template_group_members_template references config.scan_templates (id),
  created_at timestamptz not null default now(),
  primary key (group_id, template_id)
);
create index scan_template_group_members_by_template on config.scan_template_group_members (template_id);
create constraint trigger scan_template_groups_have_members after insert on config.scan_template_groups deferrable initially deferred
  for each row execute function config.require_a_member('scan_template_groups', 'scan_template_group_members', 'group_id', 'scan_template_groups_have_members');
create constraint trigger scan_template_groups_have_members after delete or update of group_id on config.scan_template_group_members deferrable initially deferred
  for each row execute function config.require_a_member('scan_template_groups', 'scan_template_group_members', 'group_id', 'scan_template_groups_have_members');

create table config.schedules (
  id uuid primary key,
  name text not null constraint schedules_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint schedules_description_length check (length(description) <= 10000),
  type text not null default 'daily' constraint schedules_type_word check (type in ('hourly', 'daily', 'weekly', 'monthly', 'cron')),
  minute integer constraint schedules_minute_range check (minute between 0 and 59),
  hour integer constraint schedules_hour_range check (hour between 0 and 23),
  day_of_week integer constraint schedules_day_of_week_range check (day_of_week between 0 and 6),
  day_of_month integer constraint schedules_day_of_month_range check (day_of_month between 1 and 31),
  cron_expression text,
  timezone text not null default 'UTC',
  jitter_minutes integer not null default 0 constraint schedules_jitter_minutes_range check (jitter_minutes between 0 and 1440),
  enabled boolean not null default true,
  overlap_policy text not null default 'skip' constraint schedules_overlap_policy_word check (overlap_policy in ('skip', 'queue', 'parallel')),
  catch_up_minutes integer not null default 60 constraint schedules_catch_up_minutes_range check (catch_up_minutes between 0 and 1440),
  next_planned_at timestamptz,
  next_start_at timestamptz,
  last_run_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint schedules_fields_of_type check (case type
    when 'cron' then cron_expression is not null and num_nonnulls(minute, hour, day_of_week, day_of_month) = 0
    when 'hourly' then minute is not null and num_nonnulls(hour, day_of_week, day_of_month, cron_expression) = 0
    when 'daily' then num_nonnulls(minute, hour) = 2 and num_nonnulls(day_of_week, day_of_month, cron_expression) = 0
    when 'weekly' then num_nonnulls(minute, hour, day_of_week) = 3 and num_nonnulls(day_of_month, cron_expression) = 0
    else num_nonnulls(minute, hour, day_of_month) = 3 and num_nonnulls(day_of_week, cron_expression) = 0 end),
  constraint schedules_next_whole check ((next_planned_at is null) = (next_start_at is null))
);
create unique index schedules_name_unique on config.schedules (lower(name));
create index schedules_due on config.schedules (next_start_at) where enabled;

create table config.schedule_templates (
  schedule_id uuid not null references config.schedules (id) on delete cascade,
  template_id uuid constraint schedule_templates_template references config.scan_templates (id),
  template_group_id uuid constraint schedule_templates_template_group references config.scan_template_groups (id),
  created_at timestamptz not null default now(),
  constraint schedule_templates_one check (num_nonnulls(template_id, template_group_id) = 1),
  constraint schedule_templates_unique unique nulls not distinct (schedule_id, template_id, template_group_id)
);
create constraint trigger schedules_have_templates after insert on config.schedules deferrable initially deferred
  for each row execute function config.require_a_member('schedules', 'schedule_templates', 'schedule_id', 'schedules_have_templates');
create constraint trigger schedules_have_templates after delete or update of schedule_id on config.schedule_templates deferrable initially deferred
  for each row execute function config.require_a_member('schedules', 'schedule_templates', 'schedule_id', 'schedules_have_templates');

-- Identity ------------------------------------------------------------------------------------------------------

create table config.roles (
  id uuid primary key,
  name text not null constraint roles_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  description text not null default '' constraint roles_description_length check (length(description) <= 10000),
  scopes text[] not null,
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index roles_name_unique on config.roles (lower(name));

create table config.users (
  id uuid primary key,
  username text not null constraint users_username_form check (username ~ '^[A-Za-z0-9._-]{3,64}$'),
  email text constraint users_email_form check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
  password_hash text,
  auth_method text not null default 'local' constraint users_auth_method_word check (auth_method in ('local', 'sso', 'both')),
  is_owner boolean not null default false,
  enabled boolean not null default true,
  totp bytea,
  mfa_enrolled_at timestamptz,
  oidc_issuer text,
  oidc_subject text,
  must_change_password boolean not null default false,
  theme text not null default 'system' constraint users_theme_word check (theme in ('system', 'light', 'dark')),
  timezone text not null default 'UTC',
  last_login_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint users_password_where_local check (auth_method = 'sso' or password_hash is not null),
  constraint users_owner_enabled check (not is_owner or enabled),
  constraint users_totp_whole check ((totp is null) = (mfa_enrolled_at is null)),
  constraint users_oidc_whole check ((oidc_issuer is null) = (oidc_subject is null))
);
create unique index users_username_unique on config.users (lower(username));
create unique index users_email_unique on config.users (lower(email));
create unique index users_one_owner on config.users (is_owner) where is_owner;
create unique index users_oidc_unique on config.users (oidc_issuer, oidc_subject);

create function config.keep_owner() returns trigger language plpgsql as $$
begin
  raise exception 'the owner stays the owner' using errcode = 'check_violation', constraint = 'users_owner_stays', schema = 'config', table = 'users';
end
$$;
create trigger users_owner_stays before delete on config.users for each row when (old.is_owner) execute function config.keep_owner();
create trigger users_owner_stays_one before update of is_owner on config.users
  for each row when (old.is_owner and not new.is_owner) execute function config.keep_owner();

create table config.user_roles (
  user_id uuid not null references config.users (id) on delete cascade,
  role_id uuid not null constraint user_roles_role references config.roles (id),
  created_at timestamptz not null default now(),
  primary key (user_id, role_id)
);
create constraint trigger users_have_roles after insert on config.users deferrable initially deferred
  for each row execute function config.require_a_member('users', 'user_roles', 'user_id', 'users_have_roles');
create constraint trigger users_have_roles after delete or update of user_id on config.user_roles deferrable initially deferred
  for each row execute function config.require_a_member('users', 'user_roles', 'user_id', 'users_have_roles');

create table config.recovery_codes (
  user_id uuid not null references config.users (id) on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (user_id, code_hash)
);

create table config.sessions (
  id uuid primary key,
  id_hash bytea not null constraint sessions_id_hash_length check (length(id_hash) = 32),
  csrf_hash bytea not null constraint sessions_csrf_hash_length check (length(csrf_hash) = 32),
  user_id uuid not null references config.users (id) on delete cascade,
  ip inet not null,
  user_agent text not null default '' constraint sessions_user_agent_length check (length(user_agent) <= 512),
  last_active_at timestamptz not null,
  expires_at timestamptz not null,
  reauth_at timestamptz,
  mfa_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index sessions_id_hash_unique on config.sessions (id_hash);
create index sessions_by_user on config.sessions (user_id) where ended_at is null;
create index sessions_by_expiry on config.sessions (expires_at);

create table config.user_api_tokens (
  id uuid primary key,
  user_id uuid not null references config.users (id) on delete cascade,
  name text not null constraint user_api_tokens_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  prefix text not null,
  token_hash bytea not null constraint user_api_tokens_hash_length check (length(token_hash) = 32),
  scopes text[] not null,
  cidrs cidr[] not null default '{}',
  expires_at timestamptz not null,
  last_used_at timestamptz,
  last_used_ip inet,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index user_api_tokens_prefix_unique on config.user_api_tokens (prefix);

create table config.login_throttle (
  key text primary key,
  window_start timestamptz not null,
  failures integer not null constraint login_throttle_failures_range check (failures >= 0),
  blocked_until timestamptz,
  created_at timestamptz not null default now()
);

create table config.setup_tokens (
  id uuid primary key,
  purpose text not null constraint setup_tokens_purpose_word check (purpose in ('setup', 'owner_reset')),
  token_hash bytea not null constraint setup_tokens_hash_length check (length(token_hash) = 32),
  expires_at timestamptz not null,
  used_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index setup_tokens_hash_unique on config.setup_tokens (token_hash);

-- Policy: tests, exclusions, blackouts --------------------------------------------------------------------------

create table config.tests (
  id uuid primary key,
  template_id uuid not null references config.scan_templates (id) on delete cascade,
  target cidr not null constraint tests_target_not_mapped check (not target <<= '::ffff:0.0.0.0/96'),
  port integer not null constraint tests_port_range check (port between 1 and 65535),
  protocol text not null default 'tcp' constraint tests_protocol_word check (protocol in ('tcp', 'udp')),
  expected text not null constraint tests_expected_word check (expected in ('open', 'not_open')),
  scanner_id uuid constraint tests_scanner references config.scanners (id),
  owner_id uuid not null constraint tests_owner references config.users (id),
  reason text not null default '' constraint tests_reason_length check (length(reason) <= 10000),
  expires_at timestamptz not null,
  created_from_scan bigint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  -- A day more, because who writes it has a clock of their own.
  constraint tests_expire_within_two_years check (expires_at <= updated_at + interval '2 years 1 day'),
  constraint tests_unique unique nulls not distinct (template_id, target, port, protocol, scanner_id)
);

create table config.exclusions (
  id uuid primary key,
  name text not null constraint exclusions_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  cidr cidr not null,
  tcp_ports int4multirange not null default '{}' constraint exclusions_tcp_ports_range check (tcp_ports <@ int4range(1, 65536)),
  reason text not null constraint exclusions_reason_length check (length(reason) between 1 and 10000),
  owner_id uuid constraint exclusions_owner references config.users (id),
  expires_at timestamptz,
  enabled boolean not null default true,
  disabled_reason text constraint exclusions_disabled_reason_length check (length(disabled_reason) between 1 and 10000),
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint exclusions_disabled_has_reason check (enabled or disabled_reason is not null),
  constraint exclusions_built_in_never_expire check (not built_in or expires_at is null)
);
create unique index exclusions_name_unique on config.exclusions (lower(name));
comment on column config.exclusions.tcp_ports is 'empty = every port';

create table config.blackout_windows (
  id uuid primary key,
  name text not null constraint blackout_windows_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  scope_all boolean not null default false,
  once_from timestamptz,
  once_to timestamptz,
  weekly_days integer[] constraint blackout_windows_days_range check (weekly_days <@ array[0, 1, 2, 3, 4, 5, 6] and cardinality(weekly_days) > 0),
  weekly_start time,
  weekly_minutes integer constraint blackout_windows_minutes_range check (weekly_minutes between 1 and 1440),
  timezone text not null default 'UTC',
  reason text not null constraint blackout_windows_reason_length check (length(reason) between 1 and 10000),
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint blackout_windows_once_or_weekly check (
    (num_nonnulls(once_from, once_to) = 2 and num_nonnulls(weekly_days, weekly_start, weekly_minutes) = 0 and once_from < once_to)
    or (num_nonnulls(once_from, once_to) = 0 and num_nonnulls(weekly_days, weekly_start, weekly_minutes) = 3))
);
create unique index blackout_windows_name_unique on config.blackout_windows (lower(name));

create table config.blackout_members (
  blackout_id uuid not null references config.blackout_windows (id) on delete cascade,
  subnet_id uuid constraint blackout_members_subnet references config.subnets (id),
  subnet_group_id uuid constraint blackout_members_subnet_group references config.subnet_groups (id),
  scanner_id uuid constraint blackout_members_scanner references config.scanners (id),
  created_at timestamptz not null default now(),
  constraint blackout_members_one check (num_nonnulls(subnet_id, subnet_group_id, scanner_id) = 1),
  constraint blackout_members_unique unique nulls not distinct (blackout_id, subnet_id, subnet_group_id, scanner_id)
);

-- Audit ---------------------------------------------------------------------------------------------------------

create table config.audit_events (
  seq bigint primary key constraint audit_events_seq_range check (seq > 0),
  kind text not null constraint audit_events_kind_word check (kind in ('change', 'view', 'auth')),
  at timestamptz not null,
  actor text not null,
  actor_type text not null constraint audit_events_actor_type_word check (actor_type in ('user', 'token', 'cli', 'scanner', 'system')),
  action text not null,
  resource_type text not null,
  resource_id text not null,
  diff text not null,
  reason text not null default '',
  ip text not null default '',
  request_id text not null default '',
  prev_hash bytea not null constraint audit_events_prev_hash_length check (length(prev_hash) = 32),
  row_hash bytea not null constraint audit_events_row_hash_length check (length(row_hash) = 32),
  created_at timestamptz not null default now()
);
create index audit_events_by_resource on config.audit_events (resource_type, resource_id, seq desc);
create index audit_events_by_kind on config.audit_events (kind, seq desc);

create table config.audit_head (
  id boolean primary key default true constraint audit_head_one_row check (id),
  seq bigint not null,
  row_hash bytea not null constraint audit_head_row_hash_length check (length(row_hash) = 32),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
insert into config.audit_head (seq, row_hash) values (0, decode(repeat('00', 32), 'hex'));

-- Installation --------------------------------------------------------------------------------------------------

create table config.settings (
  id boolean primary key default true constraint settings_one_row check (id),
  public_url text constraint settings_public_url_form check (public_url ~ '^https?://[^[:space:]]+$'),
  heartbeat_url text,
  heartbeat_interval_minutes integer not null default 5 constraint settings_heartbeat_interval_range check (heartbeat_interval_minutes >= 1),
  mfa_policy text not null default 'off' constraint settings_mfa_policy_word check (mfa_policy in ('off', 'privileged', 'all')),
  session_idle_minutes integer constraint settings_session_idle_range check (session_idle_minutes between 1 and 60),
  session_absolute_hours integer constraint settings_session_absolute_range check (session_absolute_hours between 1 and 24),
  probe_contact text,
  oidc jsonb not null default '{}',
  oidc_secret bytea,
  retention jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
insert into config.settings default values;

create table config.live_events (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  topic text not null,
  entity_id text not null,
  at timestamptz not null default now()
);
create index live_events_by_xid on config.live_events (xid);
create index live_events_by_at on config.live_events (at);

create table config.idempotency_keys (
  actor text not null,
  key text not null constraint idempotency_keys_key_length check (length(key) between 1 and 255),
  method text not null,
  path text not null,
  -- Sealed: some bodies hold a password, which a bare hash would give away to whoever guesses.
  body_hash bytea not null constraint idempotency_keys_body_hash_sealed check (length(body_hash) > 32),
  status integer,
  answer bytea,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (actor, key)
);
create index idempotency_keys_by_expiry on config.idempotency_keys (expires_at);

create table config.saved_views (
  id uuid primary key,
  user_id uuid not null references config.users (id) on delete cascade,
  page text not null,
  name text not null constraint saved_views_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  query text not null,
  shared boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index saved_views_name_unique on config.saved_views (user_id, page, lower(name));

create table config.exports (
  id uuid primary key,
  view text not null,
  filters jsonb not null default '{}',
  format text not null constraint exports_format_word check (format in ('csv', 'json', 'pdf', 'xml')),
  status text not null constraint exports_status_word check (status in ('pending', 'running', 'done', 'failed')),
  row_count bigint,
  file_bytes bigint,
  sha256 bytea,
  content bytea,
  requested_by uuid not null references config.users (id) on delete cascade,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);

create table config.signing_keys (
  key_id text primary key constraint signing_keys_key_id_form check (key_id ~ '^[0-9a-f]{16}$'),
  public_key bytea not null constraint signing_keys_public_key_length check (length(public_key) = 32),
  private_key bytea not null,
  signed_by text,
  signature bytea,
  active_from timestamptz not null,
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  constraint signing_keys_signature_whole check ((signed_by is null) = (signature is null))
);
comment on column config.signing_keys.private_key is 'sealed';

-- Backups: the manifests in BACKUP_DIR and S3 are the truth; bundles and restores are caches rebuilt at start ----

create table config.backup_settings (
  id boolean primary key default true constraint backup_settings_one_row check (id),
  config_enabled boolean not null default true,
  config_hour integer not null default 2 constraint backup_settings_config_hour_range check (config_hour between 0 and 23),
  config_keep_days integer not null default 30 constraint backup_settings_config_keep_range check (config_keep_days between 1 and 365),
  full_enabled boolean not null default true,
  full_hour integer not null default 3 constraint backup_settings_full_hour_range check (full_hour between 0 and 23),
  full_keep_days integer not null default 7 constraint backup_settings_full_keep_range check (full_keep_days between 1 and 365),
  gfs jsonb,
  recipients text[] not null default '{}' constraint backup_settings_recipients_count check (cardinality(recipients) <= 10),
  encryption boolean not null default true,
  min_free_bytes bigint not null default 500000000 constraint backup_settings_min_free_range check (min_free_bytes >= 0),
  s3 jsonb not null default '{}',
  s3_secret_key bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
insert into config.backup_settings default values;

create table config.backup_runs (
  id uuid primary key,
  kind text not null constraint backup_runs_kind_word check (kind in ('config', 'full')),
  status text not null constraint backup_runs_status_word check (status in ('pending', 'running', 'succeeded', 'failed')),
  requested_by text not null,
  bundle_id uuid,
  progress jsonb not null default '{}',
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now()
);

create table config.backup_bundles (
  id uuid primary key,
  kind text not null constraint backup_bundles_kind_word check (kind in ('config', 'full')),
  made_at timestamptz not null,
  object_bytes bigint not null,
  sha256 bytea not null,
  manifest jsonb not null,
  copies jsonb not null default '[]',
  verified_at timestamptz,
  created_at timestamptz not null default now()
);

create table config.backup_restores (
  id uuid primary key,
  bundle_id uuid not null,
  status text not null,
  requested_by text not null,
  journal jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table config.backup_drills (
  id uuid primary key,
  bundle_id uuid not null,
  status text not null constraint backup_drills_status_word check (status in ('running', 'succeeded', 'failed')),
  requested_by text not null,
  result jsonb not null default '{}',
  started_at timestamptz not null,
  finished_at timestamptz,
  created_at timestamptz not null default now()
);

-- Events, alarms, notifications ---------------------------------------------------------------------------------

create table config.system_events (
  id uuid primary key,
  at timestamptz not null,
  source text not null constraint system_events_source_word check (source in ('ingest', 'dispatcher', 'manager', 'backup')),
  type text not null constraint system_events_type_form check (type ~ '^[a-z][a-z0-9_]*$'),
  severity text not null constraint system_events_severity_word check (severity in ('critical', 'high', 'warning', 'info')),
  entity_type text not null,
  entity_id text not null,
  summary text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index system_events_by_at on config.system_events (at desc, id desc);
create index system_events_by_entity on config.system_events (entity_type, entity_id, at desc);

create table config.alarm_rules (
  name text primary key,
  description text not null,
  severity text not null constraint alarm_rules_severity_word check (severity in ('critical', 'high', 'warning', 'info')),
  trigger_event text not null,
  resolve_event text,
  enabled boolean not null default true,
  severity_override text constraint alarm_rules_override_word check (severity_override in ('critical', 'high', 'warning', 'info')),
  muted_until timestamptz,
  channels uuid[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index alarm_rules_trigger_unique on config.alarm_rules (trigger_event);
create index alarm_rules_by_resolve on config.alarm_rules (resolve_event);

create table config.alarms (
  id uuid primary key,
  alarm_key text not null,
  rule text not null references config.alarm_rules (name),
  severity text not null constraint alarms_severity_word check (severity in ('critical', 'high', 'warning', 'info')),
  state text not null default 'open' constraint alarms_state_word check (state in ('open', 'acknowledged', 'resolved')),
  entity_type text not null,
  entity_id text not null,
  summary text not null,
  count integer not null default 1 constraint alarms_count_range check (count >= 1),
  first_seen timestamptz not null,
  last_bump timestamptz not null,
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at timestamptz,
  resolved_by text,
  note text not null default '' constraint alarms_note_length check (length(note) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint alarms_acknowledged_whole check ((acknowledged_at is null) = (acknowledged_by is null)),
  constraint alarms_resolved_whole check ((state = 'resolved') = (resolved_at is not null) and (resolved_at is null) = (resolved_by is null)),
  constraint alarms_acknowledged_has_time check (state <> 'acknowledged' or acknowledged_at is not null)
);
create unique index alarms_one_live on config.alarms (alarm_key) where state <> 'resolved';
create index alarms_by_state on config.alarms (state, last_bump desc);

create function config.check_alarm_move() returns trigger language plpgsql as $$
begin
  if (old.state, new.state) not in (('open', 'acknowledged'), ('open', 'resolved'), ('acknowledged', 'resolved')) then
    raise exception 'alarm % cannot go from % to %', old.id, old.state, new.state
      using errcode = 'check_violation', constraint = 'alarms_state_move';
  end if;
  return new;
end
$$;
create trigger alarms_state_move before update of state on config.alarms
  for each row when (old.state is distinct from new.state) execute function config.check_alarm_move();

create table config.notification_channels (
  id uuid primary key,
  name text not null constraint notification_channels_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  type text not null constraint notification_channels_type_word check (type in ('webhook', 'slack', 'email')),
  enabled boolean not null default true,
  settings jsonb not null default '{}',
  secrets bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index notification_channels_name_unique on config.notification_channels (lower(name));

create table config.notification_policies (
  id uuid primary key,
  name text not null constraint notification_policies_name_form check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  channel_id uuid not null references config.notification_channels (id) on delete cascade,
  min_severity text not null default 'warning' constraint notification_policies_severity_word check (min_severity in ('critical', 'high', 'warning', 'info')),
  transitions text[] not null default '{opened,resolved}' constraint notification_policies_transitions_words check (transitions <@ array['opened', 'bumped', 'acknowledged', 'resolved']),
  rules text[] not null default '{}',
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create unique index notification_policies_name_unique on config.notification_policies (lower(name));

create table config.notifications (
  id uuid primary key,
  alarm_id uuid not null,
  transition text not null constraint notifications_transition_word check (transition in ('opened', 'bumped', 'acknowledged', 'resolved')),
  channel_id uuid,
  channel_name text not null,
  status text not null default 'pending' constraint notifications_status_word check (status in ('pending', 'processing', 'sent', 'failed', 'exhausted')),
  attempts integer not null default 0 constraint notifications_attempts_range check (attempts >= 0),
  error text,
  severity text not null constraint notifications_severity_word check (severity in ('critical', 'high', 'warning', 'info')),
  summary text not null,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint notifications_sent_has_time check ((status = 'sent') = (sent_at is not null))
);
create unique index notifications_one_per_transition on config.notifications (alarm_id, transition, channel_id, created_at);

create function config.check_notification_move() returns trigger language plpgsql as $$
begin
  if (old.status, new.status) not in (
    ('pending', 'processing'), ('processing', 'sent'), ('processing', 'failed'), ('failed', 'processing'), ('failed', 'exhausted'),
    -- sent again by hand
    ('exhausted', 'pending')) then
    raise exception 'notification % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'notifications_status_move';
  end if;
  return new;
end
$$;
create trigger notifications_status_move before update of status on config.notifications
  for each row when (old.status is distinct from new.status) execute function config.check_notification_move();

create table config.service_heartbeats (
  service text not null constraint service_heartbeats_service_word check (service in ('ingest', 'dispatcher', 'manager', 'backup')),
  node text not null,
  started_at timestamptz not null,
  last_seen_at timestamptz not null,
  service_version text not null,
  metrics jsonb not null default '{}',
  counters jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (service, node)
);

-- What ingest, which alone has the release folder, serves to those who install a scanner; the manager shows the hashes.
create table config.served_files (
  name text primary key,
  sha256 bytea not null constraint served_files_sha256_length check (length(sha256) = 32),
  served_at timestamptz not null,
  created_at timestamptz not null default now()
);

create table config.infra_probes (
  kind text not null,
  target text not null,
  status text not null constraint infra_probes_status_word check (status in ('good', 'warning', 'bad', 'unknown')),
  checked_at timestamptz not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (kind, target)
);
