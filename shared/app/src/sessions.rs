//! Login sessions: the cookie holds a token of 256 bits, the database its SHA-256 only (product S5).
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_domain::ids::{SessionId, UserId};
use mipo_domain::rights::Rights;
use mipo_domain::secrets::Token;
use mipo_store::Conn;
use mipo_store::config::{alarms, sessions};
use serde_json::json;

pub use mipo_store::config::sessions::{Limits, Listed};

use crate::audit::{self, Entry};
use crate::events::{self, Event};
use crate::{Actor, AppError, Caller, Ctx};

/// `last_active_at` is written at most this often.
const TOUCH_EVERY: TimeDelta = TimeDelta::seconds(60);
/// Live sessions of one user from so many addresses are worth an alarm (rule `session-ip-spread`).
const SPREAD: i64 = 4;
/// Longest browser name that is kept.
const USER_AGENT_CHARS: usize = 200;

/// The two secrets of a session: what the cookie holds and what forms send back.
pub struct Opened {
    /// The session, by its id, which is no secret.
    pub id: SessionId,
    /// For the cookie.
    pub token: Token,
    /// For forms and the header `X-CSRF-Token`.
    pub csrf: String,
}

/// A request's session.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The session.
    pub id: SessionId,
    /// Who, with their rights as of now.
    pub caller: Caller,
    /// `system`, `light` or `dark`.
    pub theme: String,
}

/// The CSRF token of a session: derived from its token, so that every page can write it and only the hash is stored.
pub fn csrf_of(token: &str) -> String {
    hex::encode(Token::presented(format!("mipo csrf {token}")).hash().as_bytes())
}

/// Opens a session of `user` for the caller's address.
pub async fn open(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    limits: Limits,
    user: (UserId, &str),
    ip: IpAddr,
    user_agent: &str,
) -> Result<Opened, AppError> {
    let now = ctx.now();
    let before = sessions::addresses(conn, user.0, now, limits).await?;
    let token = Token::random(ctx.entropy);
    let csrf = csrf_of(token.reveal());
    let id = SessionId::mint(ctx.clock, ctx.entropy);
    let user_agent: String = user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect();
    let session = sessions::NewSession {
        id,
        id_hash: *token.hash().as_bytes(),
        csrf_hash: *Token::presented(csrf.as_str()).hash().as_bytes(),
        user: user.0,
        ip: ip.to_canonical(),
        user_agent: &user_agent,
        now,
        expires_at: now + limits.absolute,
    };
    sessions::insert(conn, &session).await?;
    let after = sessions::addresses(conn, user.0, now, limits).await?;
    if before < SPREAD && after >= SPREAD {
        raise_spread(conn, ctx, user.0, true, &format!("{} is signed in from {after} addresses", user.1)).await?;
    }
    Ok(Opened { id, token, csrf })
}

/// Who asks with this cookie; nothing when the session has ended, expired or idled, or its user was disabled. Notes,
/// at most once a minute, that it was used.
pub async fn find(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limits: Limits,
    token: &str,
) -> Result<Option<Standing>, AppError> {
    let Some(live) = sessions::find(conn, Token::presented(token).hash().as_bytes(), now, limits).await? else {
        return Ok(None);
    };
    if now - live.last_active_at >= TOUCH_EVERY {
        sessions::touch(conn, live.id, now).await?;
    }
    Ok(Some(standing(live)))
}

/// The same for a stream that is open already: looking does not count as use.
pub async fn look(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limits: Limits,
    id: SessionId,
) -> Result<Option<Standing>, AppError> {
    let Some(hash) = sessions::id_hash(conn, id).await? else { return Ok(None) };
    Ok(sessions::find(conn, &hash, now, limits).await?.map(standing))
}

fn standing(live: sessions::Live) -> Standing {
    // A right that this version does not know gives nothing.
    let rights: Rights = live.scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
    let caller = Caller {
        actor: Actor::User { id: live.user_id, username: live.username },
        rights,
        is_owner: live.is_owner,
        ip: None,
        request_id: None,
        reauth_at: live.reauth_at,
    };
    Standing { id: live.id, caller, theme: live.theme }
}

/// The caller's live sessions.
pub async fn list_own(conn: &mut Conn, ctx: &Ctx<'_>, limits: Limits) -> Result<Vec<Listed>, AppError> {
    let user = signed_in(ctx)?;
    Ok(sessions::of_user(conn, user, ctx.now(), limits).await?)
}

/// Ends one of the caller's sessions.
pub async fn end_own(conn: &mut Conn, ctx: &Ctx<'_>, limits: Limits, id: SessionId) -> Result<(), AppError> {
    let user = signed_in(ctx)?;
    if !sessions::end(conn, user, id, ctx.now()).await? {
        return Err(AppError::NotFound("session"));
    }
    settle_spread(conn, ctx, limits, user).await?;
    audit::record(conn, ctx, Entry::change("ended", "session", id)).await
}

/// Ends all of the caller's sessions but `keep`. Says how many.
pub async fn end_others(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    limits: Limits,
    keep: Option<SessionId>,
) -> Result<u64, AppError> {
    let user = signed_in(ctx)?;
    let ended = sessions::end_all(conn, user, keep, ctx.now()).await?;
    if ended > 0 {
        settle_spread(conn, ctx, limits, user).await?;
        let entry = Entry::change("ended", "session", user).diff(json!(null), json!({ "ended": ended }));
        audit::record(conn, ctx, entry).await?;
    }
    Ok(ended)
}

/// Ends the caller's own session.
pub async fn log_out(conn: &mut Conn, ctx: &Ctx<'_>, limits: Limits, id: SessionId) -> Result<(), AppError> {
    let user = signed_in(ctx)?;
    if sessions::end(conn, user, id, ctx.now()).await? {
        settle_spread(conn, ctx, limits, user).await?;
        audit::record(conn, ctx, Entry::auth("Logout", user)).await?;
    }
    Ok(())
}

/// The user who asks.
pub(crate) fn signed_in(ctx: &Ctx<'_>) -> Result<UserId, AppError> {
    ctx.caller
        .user_id()
        .ok_or_else(|| AppError::Unauthenticated { code: "NOT_SIGNED_IN", detail: "Sign in first.".to_owned() })
}

/// Says that sessions come from few addresses again, if they were said not to.
async fn settle_spread(conn: &mut Conn, ctx: &Ctx<'_>, limits: Limits, user: UserId) -> Result<(), AppError> {
    if sessions::addresses(conn, user, ctx.now(), limits).await? >= SPREAD {
        return Ok(());
    }
    let alarmed = alarms::live_entities(conn, "session-ip-spread").await?;
    if alarmed.contains(&user.to_string()) {
        raise_spread(conn, ctx, user, false, "The sessions come from few addresses again").await?;
    }
    Ok(())
}

/// Settles the alarms of users whose sessions expired meanwhile.
pub async fn sweep_spread(conn: &mut Conn, ctx: &Ctx<'_>, limits: Limits) -> Result<(), AppError> {
    for id in alarms::live_entities(conn, "session-ip-spread").await? {
        if let Ok(user) = id.parse() {
            settle_spread(conn, ctx, limits, user).await?;
        }
    }
    Ok(())
}

async fn raise_spread(conn: &mut Conn, ctx: &Ctx<'_>, user: UserId, high: bool, summary: &str) -> Result<(), AppError> {
    let (kind, severity) = if high { ("session_ip_spread_high", "high") } else { ("session_ip_spread_normal", "info") };
    let event = Event {
        source: "manager",
        kind,
        severity,
        entity_type: "user",
        entity_id: &user.to_string(),
        summary,
        detail: json!({}),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}
