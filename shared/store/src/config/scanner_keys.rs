//! Keys of scanners, as ingest sees them: who calls, from where, with which key.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::ScannerId;
use mipo_domain::states::ScannerStatus;
use serde_json::Value;
use uuid::Uuid;

use crate::{Conn, StoreError};

/// The scanner that a key belongs to. Hashes, so no Debug output is needed or given.
#[derive(Clone)]
pub struct Holder {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: ScannerStatus,
    /// `ip`, `subnet`, `asn` or `none`.
    pub binding_mode: String,
    /// The address that it is bound to, once it is.
    pub bound_ip: Option<IpAddr>,
    /// Calls from elsewhere since the last one from the bound address.
    pub ip_mismatch_count: i32,
    /// Jobs that it works on at once.
    pub max_concurrent_jobs: i32,
    /// The version that it last reported.
    pub scanner_version: Option<String>,
    /// Gets no new jobs until then.
    pub draining_until: Option<DateTime<Utc>>,
    /// An operator asked for a new key.
    pub rotate_key_requested: bool,
    /// Probes a second of all its jobs together, 0 for no limit.
    pub rate_limit: i32,
    /// Prefix of the current key.
    pub api_key_prefix: Option<String>,
    /// SHA-256 of the current key.
    pub api_key_hash: Option<Vec<u8>>,
    /// SHA-256 of the key before.
    pub previous_api_key_hash: Option<Vec<u8>>,
    /// Until when the key before works.
    pub previous_key_until: Option<DateTime<Utc>>,
}

/// Who has a key, current or previous, with `prefix`.
pub async fn find(conn: &mut Conn, prefix: &str) -> Result<Option<Holder>, StoreError> {
    let row = sqlx::query!(
        r#"select id, name, status, binding_mode, bound_ip as "bound_ip: IpNet", ip_mismatch_count, max_concurrent_jobs,
             scanner_version, draining_until, rotate_key_requested, rate_limit, api_key_prefix, api_key_hash,
             previous_api_key_hash, previous_key_until
           from config.scanners where api_key_prefix = $1 or previous_api_key_prefix = $1"#,
        prefix
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let status =
        row.status.parse().map_err(|error| StoreError::inconsistent(format!("scanner {}: {error}", row.id)))?;
    Ok(Some(Holder {
        id: row.id.into(),
        name: row.name,
        status,
        binding_mode: row.binding_mode,
        bound_ip: row.bound_ip.map(|net| net.addr()),
        ip_mismatch_count: row.ip_mismatch_count,
        max_concurrent_jobs: row.max_concurrent_jobs,
        scanner_version: row.scanner_version,
        draining_until: row.draining_until,
        rotate_key_requested: row.rotate_key_requested,
        rate_limit: row.rate_limit,
        api_key_prefix: row.api_key_prefix,
        api_key_hash: row.api_key_hash,
        previous_api_key_hash: row.previous_api_key_hash,
        previous_key_until: row.previous_key_until,
    }))
}

/// A call with a wrong key whose prefix is known.
pub async fn count_failure(conn: &mut Conn, id: ScannerId) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set failed_auth_count = failed_auth_count + 1, failed_auth_times = (array_prepend(now(), failed_auth_times))[1:5],
           updated_at = now()
         where id = $1",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The current key was used: remembered once a minute. From its first use the key before has `grace_minutes` left.
pub async fn note_use(
    conn: &mut Conn,
    id: ScannerId,
    now: DateTime<Utc>,
    grace_minutes: i32,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set previous_key_until = case when api_key_last_used_at is null and previous_api_key_hash is not null
               then least(previous_key_until, $2::timestamptz + make_interval(mins => $3)) else previous_key_until end,
             api_key_last_used_at = $2::timestamptz
         where id = $1 and (api_key_last_used_at is null or api_key_last_used_at < $2::timestamptz - interval '1 minute')",
        id.as_uuid(),
        now,
        grace_minutes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A call from `source`, outside the binding.
pub async fn count_mismatch(conn: &mut Conn, id: ScannerId, source: IpAddr) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set ip_mismatch_count = ip_mismatch_count + 1, ip_mismatch_at = now(), ip_mismatch_from = $2::text::inet, updated_at = now()
         where id = $1",
        id.as_uuid(),
        source.to_string(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A call from the bound address again.
pub async fn clear_mismatch(conn: &mut Conn, id: ScannerId) -> Result<(), StoreError> {
    sqlx::query!("update config.scanners set ip_mismatch_count = 0, updated_at = now() where id = $1", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// What a heartbeat says.
#[derive(Clone, Debug)]
pub struct Heartbeat<'a> {
    /// Where it came from.
    pub external_ip: &'a str,
    /// The scanner's version.
    pub scanner_version: Option<&'a str>,
    /// The name of the machine.
    pub hostname: Option<&'a str>,
    /// Its own address, as text.
    pub internal_ip: Option<String>,
    /// What it can do.
    pub capabilities: Option<&'a [String]>,
    /// The machine.
    pub metrics: Option<Value>,
    /// What is wrong there.
    pub last_error: Option<&'a str>,
}

/// Stores a heartbeat, at the database's time, by which silence is judged; binds the address at the first one after provisioning. A `pending` or `offline` scanner becomes
/// `active`. Returns the status before.
pub async fn heartbeat(conn: &mut Conn, id: ScannerId, beat: &Heartbeat<'_>) -> Result<ScannerStatus, StoreError> {
    let before = sqlx::query_scalar!("select status from config.scanners where id = $1 for update", id.as_uuid())
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query!(
        "update config.scanners
         set last_heartbeat_at = now(), first_heartbeat_at = coalesce(first_heartbeat_at, now()), external_ip = $2::text::inet,
             bound_ip = coalesce(bound_ip, case when binding_mode <> 'none' then $2::text::inet end),
             scanner_version = coalesce($3, scanner_version), hostname = coalesce($4, hostname),
             internal_ip = coalesce($5::text::inet, internal_ip), capabilities = coalesce($6, capabilities),
             metrics = coalesce($7, metrics), last_error = $8,
             status = case when status in ('pending', 'offline') then 'active' else status end, updated_at = now()
         where id = $1",
        id.as_uuid(),
        beat.external_ip,
        beat.scanner_version,
        beat.hostname,
        beat.internal_ip,
        beat.capabilities,
        beat.metrics,
        beat.last_error,
    )
    .execute(conn)
    .await?;
    before.parse().map_err(|error| StoreError::inconsistent(format!("scanner {id}: {error}")))
}

/// A new current key; the one before works until `previous_until`. A key that was never used is one whose answer was
/// lost: the scanner still has the one before it, so that one is kept.
pub async fn rotate(
    conn: &mut Conn,
    id: ScannerId,
    prefix: &str,
    hash: &[u8; 32],
    now: DateTime<Utc>,
    previous_until: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners
         set previous_api_key_prefix = case when answer_lost then previous_api_key_prefix else api_key_prefix end,
             previous_api_key_hash = case when answer_lost then previous_api_key_hash else api_key_hash end,
             previous_key_until = case when api_key_hash is null then null else $5::timestamptz end,
             api_key_prefix = $2, api_key_hash = $3, api_key_created_at = $4, api_key_last_used_at = null,
             rotate_key_requested = false, updated_at = now()
         from (select previous_api_key_hash is not null and api_key_last_used_at is null as answer_lost
               from config.scanners where id = $1) lost
         where id = $1",
        id.as_uuid(),
        prefix,
        hash.as_slice(),
        now,
        previous_until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A one-time token and its scanner, locked until the transaction ends.
#[derive(Clone, Debug)]
pub struct FoundToken {
    /// Id of the row.
    pub id: Uuid,
    /// The scanner that it is for.
    pub scanner: ScannerId,
    /// That scanner's name.
    pub scanner_name: String,
    /// SHA-256 of the whole token.
    pub hash: Vec<u8>,
    /// When it stops to work.
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged.
    pub used_at: Option<DateTime<Utc>>,
    /// From where.
    pub used_from_ip: Option<IpAddr>,
    /// By which binary.
    pub used_binary_sha256: Option<Vec<u8>>,
    /// Replaced or taken back.
    pub revoked: bool,
    /// Prefix of the key that the scanner has now.
    pub key_prefix: Option<String>,
}

/// Finds and locks the token with `prefix`, so that of two exchanges one sees the other's.
pub async fn lock_token(conn: &mut Conn, prefix: &str) -> Result<Option<FoundToken>, StoreError> {
    let row = sqlx::query!(
        r#"select t.id, t.scanner_id, s.name, t.token_hash, t.expires_at, t.used_at, t.used_from_ip as "used_from_ip: IpNet",
             t.used_binary_sha256, (t.revoked_at is not null) as "revoked!", s.api_key_prefix
           from config.provisioning_tokens t join config.scanners s on s.id = t.scanner_id
           where t.token_prefix = $1 for update of t"#,
        prefix
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| FoundToken {
        id: row.id,
        scanner: row.scanner_id.into(),
        scanner_name: row.name,
        hash: row.token_hash,
        expires_at: row.expires_at,
        used_at: row.used_at,
        used_from_ip: row.used_from_ip.map(|net| net.addr()),
        used_binary_sha256: row.used_binary_sha256,
        revoked: row.revoked,
        key_prefix: row.api_key_prefix,
    }))
}

/// Marks the key of the scanner: its one-time token was used a second time, so somebody else may have the key.
pub async fn flag_key(conn: &mut Conn, id: ScannerId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.scanners set key_flagged_at = coalesce(key_flagged_at, $2), updated_at = now()
         where id = $1 and api_key_hash is not null",
        id.as_uuid(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the machine says of itself when it exchanges its token.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    /// Where it calls from.
    pub source_ip: &'a str,
    /// Its name.
    pub hostname: &'a str,
    /// The scanner's version.
    pub version: &'a str,
    /// Operating system.
    pub platform: &'a str,
    /// Processor.
    pub arch: &'a str,
    /// SHA-256 of the running binary.
    pub binary_sha256: &'a [u8; 32],
}

/// The token is used and the scanner has its key; older keys and the binding are void.
pub async fn exchange(
    conn: &mut Conn,
    token: Uuid,
    scanner: ScannerId,
    key_prefix: &str,
    key_hash: &[u8; 32],
    machine: &Machine<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.provisioning_tokens set used_at = $2, used_from_ip = $3::text::inet, used_binary_sha256 = $4 where id = $1",
        token,
        now,
        machine.source_ip,
        machine.binary_sha256.as_slice(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update config.scanners
         set api_key_prefix = $2, api_key_hash = $3, api_key_created_at = $4, api_key_last_used_at = null,
             previous_api_key_prefix = null, previous_api_key_hash = null, previous_key_until = null, rotate_key_requested = false,
             bound_ip = null, bound_asn = null, ip_mismatch_count = 0, failed_auth_count = 0, failed_auth_times = '{}', key_flagged_at = null,
             hostname = $5, scanner_version = $6, platform = $7, arch = $8, binary_sha256 = $9, updated_at = now()
         where id = $1",
        scanner.as_uuid(),
        key_prefix,
        key_hash.as_slice(),
        now,
        machine.hostname,
        machine.version,
        machine.platform,
        machine.arch,
        machine.binary_sha256.as_slice(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
