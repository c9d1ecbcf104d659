//! Login sessions. The cookie's token is never stored, only its SHA-256.
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{SessionId, UserId};

use crate::{Conn, StoreError};

/// A session that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Its id, which is no secret.
    pub id: SessionId,
    /// SHA-256 of the cookie's token.
    pub id_hash: [u8; 32],
    /// SHA-256 of the CSRF token.
    pub csrf_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// From where.
    pub ip: IpAddr,
    /// With what.
    pub user_agent: &'a str,
    /// From when.
    pub now: DateTime<Utc>,
    /// Until when at most.
    pub expires_at: DateTime<Utc>,
}

/// How long a session lives; the settings may only lower it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without a request.
    pub idle: TimeDelta,
    /// In all.
    pub absolute: TimeDelta,
}

/// A live session with its user, as every request reads it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Their name.
    pub username: String,
    /// The owner bypasses rights.
    pub is_owner: bool,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// The union of the rights of their roles.
    pub scopes: Vec<String>,
    /// When the password was last given again.
    pub reauth_at: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_active_at: DateTime<Utc>,
}

/// A session in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: SessionId,
    /// From where.
    pub ip: String,
    /// With what.
    pub user_agent: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_active_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Stores a session.
pub async fn insert(conn: &mut Conn, session: &NewSession<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.sessions (id, id_hash, csrf_hash, user_id, ip, user_agent, last_active_at, expires_at, reauth_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $7)",
        session.id.as_uuid(),
        session.id_hash.as_slice(),
        session.csrf_hash.as_slice(),
        session.user.as_uuid(),
        IpNet::from(session.ip) as IpNet,
        session.user_agent,
        session.now,
        session.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The live session whose token has this hash: not ended, not expired, not idle for too long, its user enabled.
pub async fn find(
    conn: &mut Conn,
    id_hash: &[u8; 32],
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Option<Live>, StoreError> {
    let live = sqlx::query_as!(
        Live,
        r#"select s.id, s.user_id, u.username, u.is_owner, u.theme, s.reauth_at, s.last_active_at,
             array(select distinct unnest(r.scopes) from config.user_roles ur join config.roles r on r.id = ur.role_id
                   where ur.user_id = u.id) as "scopes!"
           from config.sessions s
           join config.users u on u.id = s.user_id
           cross join config.settings g
           where s.id_hash = $1 and s.ended_at is null and u.enabled
             and s.expires_at > $2
             and s.last_active_at > $2 - least(make_interval(mins => g.session_idle_minutes), make_interval(secs => $3))
             and s.created_at > $2 - least(make_interval(hours => g.session_absolute_hours), make_interval(secs => $4))"#,
        id_hash.as_slice(),
        now,
        limits.idle.num_seconds() as f64,
        limits.absolute.num_seconds() as f64,
    )
    .fetch_optional(conn)
    .await?;
    Ok(live)
}

/// The hash by which a session is found; for a stream that looks at its session again.
pub async fn id_hash(conn: &mut Conn, id: SessionId) -> Result<Option<[u8; 32]>, StoreError> {
    let hash = sqlx::query_scalar!("select id_hash from config.sessions where id = $1", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    hash.map(|hash| super::audit::hash32(&hash, "sessions.id_hash")).transpose()
}

/// Notes that the session was used. Called at most once a minute a session.
pub async fn touch(conn: &mut Conn, id: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.sessions set last_active_at = $2 where id = $1 and last_active_at < $2",
        id.as_uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the session another token and notes that the password was given. False when it has ended meanwhile.
pub async fn renew(
    conn: &mut Conn,
    id: SessionId,
    id_hash: &[u8; 32],
    csrf_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.sessions set id_hash = $2, csrf_hash = $3, reauth_at = $4, last_active_at = $4
         where id = $1 and ended_at is null",
        id.as_uuid(),
        id_hash.as_slice(),
        csrf_hash.as_slice(),
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The live sessions of a user, the most recently used first.
pub async fn of_user(
    conn: &mut Conn,
    user: UserId,
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query_as!(
        Listed,
        r#"select s.id, host(s.ip) as "ip!", s.user_agent, s.created_at, s.last_active_at, s.expires_at
           from config.sessions s cross join config.settings g
           where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
             and s.last_active_at > $2 - least(make_interval(mins => g.session_idle_minutes), make_interval(secs => $3))
           order by s.last_active_at desc, s.id"#,
        user.as_uuid(),
        now,
        limits.idle.num_seconds() as f64,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Ends one session of a user. False when there is no such live one.
pub async fn end(conn: &mut Conn, user: UserId, id: SessionId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.sessions set ended_at = $3 where id = $2 and user_id = $1 and ended_at is null",
        user.as_uuid(),
        id.as_uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all sessions of a user but `keep`. Says how many.
pub async fn end_all(
    conn: &mut Conn,
    user: UserId,
    keep: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update config.sessions set ended_at = $3
         where user_id = $1 and ended_at is null and id is distinct from $2",
        user.as_uuid(),
        keep.map(SessionId::as_uuid),
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// From how many addresses the live sessions of a user come.
pub async fn addresses(conn: &mut Conn, user: UserId, now: DateTime<Utc>, limits: Limits) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(distinct ip) as "count!" from config.sessions
           where user_id = $1 and ended_at is null and expires_at > $2 and last_active_at > $2 - make_interval(secs => $3)"#,
        user.as_uuid(),
        now,
        limits.idle.num_seconds() as f64,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}
