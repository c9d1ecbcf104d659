//! Scanners as people see and change them. What a scanner says about itself is written by ingest.
use chrono::{DateTime, Utc};
use mipo_domain::ids::ScannerId;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A scanner.
#[derive(Clone, Debug, FromRow)]
pub struct Scanner {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Where it stands and what it is for.
    pub description: String,
    /// `pending`, `active`, `offline` or `disabled`.
    pub status: String,
    /// `ip`, `subnet`, `asn` or `none`.
    pub binding_mode: String,
    /// The address that it is bound to.
    pub bound_ip: Option<String>,
    /// Calls from outside the binding.
    pub ip_mismatch_count: i32,
    /// Calls with a wrong key.
    pub failed_auth_count: i32,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i32,
    /// Jobs that it works on at once.
    pub max_concurrent_jobs: i32,
    /// The part of its key before the secret.
    pub api_key_prefix: Option<String>,
    /// When its key was made.
    pub api_key_created_at: Option<DateTime<Utc>>,
    /// When its key was last used.
    pub api_key_last_used_at: Option<DateTime<Utc>>,
    /// Until when its key of before still works.
    pub previous_key_until: Option<DateTime<Utc>>,
    /// It is asked to take a new key at its next heartbeat.
    pub rotate_key_requested: bool,
    /// When the one-time token of its key was used a second time: somebody else may have the key.
    pub key_flagged_at: Option<DateTime<Utc>>,
    /// Its first good heartbeat.
    pub first_heartbeat_at: Option<DateTime<Utc>>,
    /// Its last good heartbeat.
    pub last_heartbeat_at: Option<DateTime<Utc>>,
    /// The version of its program.
    pub scanner_version: Option<String>,
    /// Its host.
    pub hostname: Option<String>,
    /// Its operating system.
    pub platform: Option<String>,
    /// Its processor.
    pub arch: Option<String>,
    /// The address that it says it has.
    pub internal_ip: Option<String>,
    /// The address that its calls come from.
    pub external_ip: Option<String>,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Load, memory and network as of its last heartbeat.
    pub metrics: Value,
    /// Its last error.
    pub last_error: Option<String>,
    /// It gets no new jobs until then.
    pub draining_until: Option<DateTime<Utc>>,
    /// Probes per second that it reached, moving mean.
    pub measured_pps: Option<f64>,
    /// SHA-256 of its program, as it says.
    pub binary_sha256: Option<Vec<u8>>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
    /// Until when its live provisioning token works, if there is one.
    pub token_expires_at: Option<DateTime<Utc>>,
    /// Subnets that it scans.
    pub subnets: Json<Vec<Named>>,
    /// Jobs that it holds.
    pub leased_jobs: i64,
    /// Jobs that wait for it.
    pub waiting_jobs: i64,
}

const SOURCE: Source = Source {
    select: "s.id, s.name, s.description, s.status, s.binding_mode, host(s.bound_ip) as bound_ip, s.ip_mismatch_count,
      s.failed_auth_count, s.rate_limit, s.max_concurrent_jobs, s.api_key_prefix, s.api_key_created_at,
      s.api_key_last_used_at, s.previous_key_until, s.rotate_key_requested, s.key_flagged_at, s.first_heartbeat_at, s.last_heartbeat_at,
      s.scanner_version, s.hostname, s.platform, s.arch, host(s.internal_ip) as internal_ip,
      host(s.external_ip) as external_ip, s.capabilities, s.metrics, s.last_error, s.draining_until, s.measured_pps,
      s.binary_sha256, s.created_by, s.created_at, s.updated_at, s.version,
      (select k.expires_at from config.provisioning_tokens k
        where k.scanner_id = s.id and k.used_at is null and k.revoked_at is null) as token_expires_at,
      coalesce((select json_agg(json_build_object('id', n.id, 'name', n.name) order by lower(n.name))
        from config.subnets n where n.id in (
          select t.subnet_id from config.target_scanners t where t.scanner_id = s.id union
          select t.subnet_id from config.scanner_group_members m
          join config.target_scanners t on t.scanner_group_id = m.group_id where m.scanner_id = s.id)), '[]') as subnets,
      (select count(*) from jobs.scan_jobs j where j.scanner_id = s.id and j.status in ('assigned', 'running')) as leased_jobs,
      (select count(*) from jobs.scan_jobs j where j.scanner_id = s.id and j.status in ('pending', 'paused')) as waiting_jobs",
    from: "config.scanners s",
    only: "true",
    key: "s.id",
    sort: &[
        ("name", "lower(s.name)"),
        ("description", "lower(s.description)"),
        ("status", "array_position(array['offline', 'pending', 'active', 'disabled'], s.status)"),
        ("binding", "s.binding_mode"),
        ("version", "s.scanner_version"),
        ("rateLimit", "nullif(s.rate_limit, 0)"),
        ("lastHeartbeat", "s.last_heartbeat_at"),
        ("createdBy", "lower(s.created_by)"),
        ("created", "s.created_at"),
    ],
    filters: &[
        ("status", "s.status"),
        ("binding", "s.binding_mode"),
        ("version", "s.scanner_version"),
        ("createdBy", "s.created_by"),
    ],
    search: &["s.name", "s.description", "s.hostname", "host(s.external_ip)"],
};

/// A page of scanners.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Scanner>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One scanner.
pub async fn get(conn: &mut Conn, id: ScannerId) -> Result<Option<Scanner>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<Scanner>, StoreError> {
    SOURCE.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What people set of a scanner.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// Where it stands and what it is for.
    pub description: String,
    /// `ip`, `subnet` or `none`.
    pub binding_mode: String,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i32,
    /// Jobs that it works on at once.
    pub max_concurrent_jobs: i32,
}

/// Stores a new scanner, pending.
pub async fn insert(conn: &mut Conn, id: ScannerId, fields: &Fields, created_by: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.scanners (id, name, description, binding_mode, rate_limit, max_concurrent_jobs, created_by)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.binding_mode,
        fields.rate_limit,
        fields.max_concurrent_jobs,
        created_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: ScannerId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.scanners
         set name = $3, description = $4, binding_mode = $5, rate_limit = $6, max_concurrent_jobs = $7,
             version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.binding_mode,
        fields.rate_limit,
        fields.max_concurrent_jobs
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a scanner against edits and against ingest until the transaction ends; false when it is gone.
pub async fn lock(conn: &mut Conn, id: ScannerId) -> Result<bool, StoreError> {
    let row = sqlx::query_scalar!("select id from config.scanners where id = $1 for update", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// Sets the status. The database refuses moves that are not in the product's table.
pub async fn set_status(conn: &mut Conn, id: ScannerId, status: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners set status = $2, version = version + 1, updated_at = now() where id = $1",
        id.as_uuid(),
        status
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets until when a scanner gets no new jobs; `None` ends it.
pub async fn set_draining(conn: &mut Conn, id: ScannerId, until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners set draining_until = $2, version = version + 1, updated_at = now() where id = $1",
        id.as_uuid(),
        until
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Binds a scanner to an address, or releases it (the next good heartbeat binds it anew). Mismatches count from 0.
pub async fn set_binding(conn: &mut Conn, id: ScannerId, mode: &str, ip: Option<&str>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set binding_mode = $2, bound_ip = $3::text::inet, bound_asn = null, ip_mismatch_count = 0,
             version = version + 1, updated_at = now()
         where id = $1",
        id.as_uuid(),
        mode,
        ip
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Asks a scanner to take a new key at its next heartbeat.
pub async fn request_key_rotation(conn: &mut Conn, id: ScannerId) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners set rotate_key_requested = true, version = version + 1, updated_at = now() where id = $1",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the keys of a scanner away, and its address binding with them: whoever enrols next is bound anew.
pub async fn revoke_keys(conn: &mut Conn, id: ScannerId) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set api_key_prefix = null, api_key_hash = null, api_key_created_at = null, api_key_last_used_at = null,
             previous_api_key_prefix = null, previous_api_key_hash = null, previous_key_until = null,
             rotate_key_requested = false, key_flagged_at = null, bound_ip = null, bound_asn = null, ip_mismatch_count = 0, failed_auth_count = 0,
             version = version + 1, updated_at = now()
         where id = $1",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a scanner that nothing refers to, with its tokens and its key history.
pub async fn delete(conn: &mut Conn, id: ScannerId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.scanners where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a scanner: assignments, groups, lists, tests, and scans with a job of it that has not ended.
pub async fn referrers(conn: &mut Conn, id: ScannerId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'subnet' as "kind!", n.id::text as "id!", n.name as "name!"
           from config.target_scanners t join config.subnets n on n.id = t.subnet_id where t.scanner_id = $1
           union all
           select 'FQDN', f.id::text, f.name
           from config.target_scanners t join config.fqdns f on f.id = t.fqdn_id where t.scanner_id = $1
           union all
           select 'scanner group', g.id::text, g.name
           from config.scanner_group_members m join config.scanner_groups g on g.id = m.group_id where m.scanner_id = $1
           union all
           select 'discovery list', l.id::text, d.name || '/' || l.name
           from config.discovery_lists l join config.discovery_sources d on d.id = l.source_id where l.scanner_id = $1
           union all
           select 'blackout window', b.id::text, b.name
           from config.blackout_members x join config.blackout_windows b on b.id = x.blackout_id where x.scanner_id = $1
           union all
           select 'test', x.id::text, x.target::text || ' port ' || x.port from config.tests x where x.scanner_id = $1
           union all
           select distinct 'scan', j.scan_id::text, '#' || j.scan_id
           from jobs.scan_jobs j where j.scanner_id = $1 and j.finished_at is null
           order by 1, 3 limit 50"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A key that came or went.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// When.
    pub rotated_at: DateTime<Utc>,
    /// By whom.
    pub rotated_by: String,
    /// Why.
    pub reason: String,
    /// The key before, without its secret.
    pub old_key_prefix: Option<String>,
    /// The key after, without its secret.
    pub new_key_prefix: Option<String>,
}

/// Writes down that a key came or went.
pub async fn insert_key_rotation(
    conn: &mut Conn,
    row: Uuid,
    id: ScannerId,
    rotation: &KeyRotation,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.scanner_key_rotations
           (id, scanner_id, scanner_name, rotated_at, rotated_by, reason, old_key_prefix, new_key_prefix)
         select $1, id, name, $3, $4, $5, $6, $7 from config.scanners where id = $2",
        row,
        id.as_uuid(),
        rotation.rotated_at,
        rotation.rotated_by,
        rotation.reason,
        rotation.old_key_prefix,
        rotation.new_key_prefix
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The keys of a scanner that came and went, newest first.
pub async fn key_history(conn: &mut Conn, id: ScannerId, limit: i64) -> Result<Vec<KeyRotation>, StoreError> {
    let rows = sqlx::query_as!(
        KeyRotation,
        "select rotated_at, rotated_by, reason, old_key_prefix, new_key_prefix
         from config.scanner_key_rotations where scanner_id = $1 order by rotated_at desc, id desc limit $2",
        id.as_uuid(),
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A system event about a scanner.
#[derive(Clone, Debug)]
pub struct ScannerEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// Which service saw it.
    pub source: String,
    /// Its type, such as `scanner_down`.
    pub kind: String,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: String,
    /// One sentence.
    pub summary: String,
}

/// What happened to a scanner, newest first.
pub async fn events(conn: &mut Conn, id: ScannerId, limit: i64) -> Result<Vec<ScannerEvent>, StoreError> {
    let rows = sqlx::query_as!(
        ScannerEvent,
        r#"select at, source, type as "kind", severity, summary from config.system_events
           where entity_type = 'scanner' and entity_id = $1 order by at desc, id desc limit $2"#,
        id.to_string(),
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Moves the mean speed of the scanner, over about ten jobs, towards `pps`.
pub async fn learn_speed(conn: &mut Conn, scanner_id: ScannerId, pps: f64) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners set measured_pps = greatest(coalesce(measured_pps * 0.9 + $2::double precision * 0.1, $2), 1)
         where id = $1",
        scanner_id.as_uuid(),
        pps,
    )
    .execute(conn)
    .await?;
    Ok(())
}
