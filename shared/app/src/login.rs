//! Signing in, and giving the password again (step-up).
//!
//! A password is judged between two transactions: hashing takes long, and waits for its turn, so it must not hold a
//! connection. The attempt is counted in the first one and taken back in the second if it was good.
use std::net::IpAddr;

use mipo_domain::ids::{SessionId, UserId};
use mipo_domain::secrets::Token;
use mipo_store::config::{sessions as stored, users};
use mipo_store::{Conn, Db};

use crate::audit::{self, Entry};
use crate::passwords::Passwords;
use crate::sessions::{self, Limits, Opened};
use crate::throttle::{self, Admission, Keys};
use crate::{Actor, AppError, Caller, Ctx, FieldError};

/// What somebody signs in with. It has no Debug output, because it holds the password.
pub struct Credentials<'a> {
    /// User name, in any case of letters.
    pub username: &'a str,
    /// Password.
    pub password: &'a str,
    /// From where.
    pub ip: IpAddr,
    /// With what.
    pub user_agent: &'a str,
    /// The session that the browser had until now; it ends.
    pub replaces: Option<SessionId>,
}

/// Somebody who signed in.
pub struct LoggedIn {
    /// Who.
    pub user: UserId,
    /// Their new session.
    pub session: Opened,
}

/// Signs in.
pub async fn log_in(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    limits: Limits,
    input: &Credentials<'_>,
) -> Result<LoggedIn, AppError> {
    require_both(input)?;
    let mut tx = db.tx("login.admit").await?;
    // No user has such a name, and the database would not take it. From here on it is unknown like any other.
    let nameable = !input.username.chars().any(char::is_control);
    let known = if nameable { users::credential_by_name(&mut tx, input.username).await? } else { None };
    let keys = Keys::of(input.ip, input.username, known.is_some());
    let admission = throttle::admit(&mut tx, ctx, &keys).await?;
    tx.commit().await?;
    let pauses = admitted(admission)?;

    let verdict = passwords.verify(input.password, known.as_ref().and_then(|k| k.password_hash.as_deref())).await?;
    let rehashed =
        if verdict.good && verdict.weak { Some(passwords.hash(input.password, ctx.entropy).await?) } else { None };

    let mut tx = db.tx("login.finish").await?;
    let user = match &known {
        Some(known) if verdict.good => still_good(&mut tx, known).await?,
        _ => None,
    };
    let Some(user) = user else {
        failed(&mut tx, ctx, known.as_ref(), pauses).await?;
        tx.commit().await?;
        return Err(wrong());
    };
    throttle::forgive(&mut tx, ctx, &keys).await?;
    if let Some(hash) = &rehashed {
        users::set_password(&mut tx, user.id, hash, true).await?;
    }
    if let Some(old) = input.replaces {
        stored::end(&mut tx, user.id, old, ctx.now()).await?;
    }
    let session = sessions::open(&mut tx, ctx, limits, (user.id, &user.username), input.ip, input.user_agent).await?;
    users::logged_in(&mut tx, user.id, ctx.now()).await?;
    let caller = as_user(ctx, user.id, &user.username);
    audit::record(&mut tx, &Ctx { caller: &caller, ..*ctx }, Entry::auth("Login", user.id)).await?;
    tx.commit().await?;
    Ok(LoggedIn { user: user.id, session })
}

/// Takes the password again for what needs it fresh. The session gets another token; the one before is dead.
pub async fn step_up(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    session: SessionId,
    password: &str,
    ip: IpAddr,
) -> Result<Opened, AppError> {
    let user = sessions::signed_in(ctx)?;
    if password.is_empty() {
        return Err(AppError::invalid("password", "required", "Give your password."));
    }
    let verified = verify_own(db, ctx, passwords, user, "password", password, ip).await?;
    let mut tx = db.tx("login.step_up").await?;
    require_unchanged(&mut tx, &verified, "password").await?;
    let token = Token::random(ctx.entropy);
    let csrf = sessions::csrf_of(token.reveal());
    let (id_hash, csrf_hash) = (token.hash(), Token::presented(csrf.as_str()).hash());
    let renewed = stored::renew(&mut tx, session, id_hash.as_bytes(), csrf_hash.as_bytes(), ctx.now()).await?;
    if !renewed {
        return Err(AppError::Unauthenticated { code: "SESSION_ENDED", detail: "Sign in again.".to_owned() });
    }
    audit::record(&mut tx, ctx, Entry::auth("Re-authenticated", user)).await?;
    tx.commit().await?;
    Ok(Opened { id: session, token, csrf })
}

/// Judges the caller's own password, throttled like a login. `field` is the one that is named when it is wrong. What
/// follows from it is done in another transaction, which begins with [`require_unchanged`].
pub(crate) async fn verify_own(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    user: UserId,
    field: &str,
    password: &str,
    ip: IpAddr,
) -> Result<users::Credential, AppError> {
    let mut tx = db.tx("login.verify_own").await?;
    let known = users::credential(&mut tx, user).await?.ok_or(AppError::NotFound("user"))?;
    let keys = Keys::of(ip, &known.username, true);
    let admission = throttle::admit(&mut tx, ctx, &keys).await?;
    tx.commit().await?;
    let pauses = admitted(admission)?;
    let verdict = passwords.verify(password, known.password_hash.as_deref()).await?;
    let mut tx = db.tx("login.verified_own").await?;
    if verdict.good {
        throttle::forgive(&mut tx, ctx, &keys).await?;
        tx.commit().await?;
        return Ok(known);
    }
    failed(&mut tx, ctx, Some(&known), pauses).await?;
    tx.commit().await?;
    Err(wrong_own(field))
}

/// Holds the account and refuses when its password is no longer the one that was verified.
pub(crate) async fn require_unchanged(
    conn: &mut Conn,
    verified: &users::Credential,
    field: &str,
) -> Result<(), AppError> {
    still_good(conn, verified).await?.map(drop).ok_or_else(|| wrong_own(field))
}

/// The account, held, if it may still sign in with the password that was verified. Hashing takes long: somebody may have
/// changed or reset the password meanwhile to lock out whoever holds the old one, or disabled the account.
async fn still_good(conn: &mut Conn, verified: &users::Credential) -> Result<Option<users::Credential>, AppError> {
    let now = users::lock_credential(conn, verified.id).await?;
    Ok(now.filter(|now| now.enabled && now.password_hash == verified.password_hash))
}

fn wrong_own(field: &str) -> AppError {
    AppError::invalid(field, "wrong_password", "This is not your password.")
}

fn admitted(admission: Admission) -> Result<bool, AppError> {
    match admission {
        Admission::Admitted { pauses } => Ok(pauses),
        // Not audited one by one: that would only fill the chain. The row that began the pause stands there.
        Admission::Refused(seconds) => Err(AppError::RateLimited(seconds)),
    }
}

async fn failed(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    known: Option<&users::Credential>,
    pauses: bool,
) -> Result<(), AppError> {
    let reason = match known {
        None => "unknown user",
        Some(user) if !user.enabled => "disabled user",
        Some(_) => "wrong password",
    };
    record(conn, ctx, known, Entry::auth("Login Failed", subject(known)).reason(reason)).await?;
    if pauses {
        record(conn, ctx, known, Entry::auth("Throttled", subject(known)).reason("too many failures")).await?;
    }
    Ok(())
}

/// An unknown name is not written down: people type their password there by mistake.
fn subject(known: Option<&users::Credential>) -> String {
    known.map_or_else(|| "unknown".to_owned(), |user| user.id.to_string())
}

async fn record(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    known: Option<&users::Credential>,
    entry: Entry<'_>,
) -> Result<(), AppError> {
    match known {
        Some(user) => {
            let caller = as_user(ctx, user.id, &user.username);
            audit::record(conn, &Ctx { caller: &caller, ..*ctx }, entry).await
        }
        None => audit::record(conn, ctx, entry).await,
    }
}

/// The caller of the audit row: the account that was tried, with nothing that it may do.
fn as_user(ctx: &Ctx<'_>, id: UserId, username: &str) -> Caller {
    let actor = Actor::User { id, username: username.to_owned() };
    Caller { actor, is_owner: false, rights: mipo_domain::rights::Rights::new(), ..ctx.caller.clone() }
}

fn require_both(input: &Credentials<'_>) -> Result<(), AppError> {
    let mut missing = Vec::new();
    if input.username.is_empty() {
        missing.push(FieldError::new("username", "required", "Give your user name."));
    }
    if input.password.is_empty() {
        missing.push(FieldError::new("password", "required", "Give your password."));
    }
    if missing.is_empty() { Ok(()) } else { Err(AppError::Invalid(missing)) }
}

/// One answer for every reason (S4).
fn wrong() -> AppError {
    AppError::Unauthenticated {
        code: "INVALID_CREDENTIALS",
        detail: "The user name or the password is wrong.".to_owned(),
    }
}
