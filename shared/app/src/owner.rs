//! The way back for an owner who lost the password: a one-time link from the host's command line.
use mipo_domain::rights::Rights;
use mipo_domain::secrets::Token;
use mipo_store::config::{sessions, setup_tokens, users};
use mipo_store::{Conn, Db};
use serde_json::json;

use crate::audit::{self, Entry};
use crate::passwords::Passwords;
use crate::setup::{check_password, issue};
use crate::{Actor, AppError, Caller, Ctx, FieldError};

const RESET: &str = "owner_reset";

/// A token that sets the owner's password anew, for 15 min and once. Ends the owner's sessions.
pub async fn reset_link(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Token, AppError> {
    if !matches!(ctx.caller.actor, Actor::Cli) {
        return Err(AppError::Refused {
            code: "HOST_ONLY",
            detail: "The owner's password is reset on the host, by `mipo owner reset`.".to_owned(),
        });
    }
    let Some((owner, username)) = users::owner(conn).await? else {
        return Err(AppError::conflict("NO_OWNER", "There is no owner yet; the setup link creates one."));
    };
    let token = issue(conn, ctx, RESET).await?;
    let ended = sessions::end_all(conn, owner, None, ctx.now()).await?;
    let entry = Entry::change("reset_requested", "user", owner)
        .diff(json!(null), json!({ "username": username, "sessionsEnded": ended }));
    audit::record(conn, ctx, entry).await?;
    Ok(token)
}

/// True while a reset link could be used.
pub async fn reset_is_open(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<bool, AppError> {
    Ok(setup_tokens::any_live(conn, RESET, ctx.now()).await?)
}

/// Sets the owner's password by the token. Nothing is stored, and the token stays good, when an input is refused.
pub async fn reset_password(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    min_length: usize,
    token: &str,
    password: &str,
) -> Result<(), AppError> {
    let mut tx = db.tx("owner.check").await?;
    let (owner, username) = users::owner(&mut tx).await?.ok_or(AppError::NotFound("page"))?;
    let email = users::get(&mut tx, owner).await?.and_then(|user| user.email).unwrap_or_default();
    let hash = Token::presented(token.trim()).hash();
    let mut wrong = Vec::new();
    if !setup_tokens::is_live(&mut tx, RESET, hash.as_bytes(), ctx.now()).await? {
        wrong.push(dead_link());
    }
    wrong.extend(check_password("password", password, min_length, &[&username, &email]));
    drop(tx);
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    let password_hash = passwords.hash(password, ctx.entropy).await?;

    let mut tx = db.tx("owner.reset_password").await?;
    if !setup_tokens::consume(&mut tx, RESET, hash.as_bytes(), ctx.now()).await? {
        return Err(AppError::Invalid(vec![dead_link()]));
    }
    users::set_password(&mut tx, owner, &password_hash, false).await?;
    sessions::end_all(&mut tx, owner, None, ctx.now()).await?;
    let actor = Actor::User { id: owner, username };
    let caller = Caller { actor, is_owner: true, rights: Rights::new(), ..ctx.caller.clone() };
    let entry = Entry::change("password_reset", "user", owner);
    audit::record(&mut tx, &Ctx { caller: &caller, ..*ctx }, entry).await?;
    tx.commit().await?;
    Ok(())
}

fn dead_link() -> FieldError {
    FieldError::new(
        "token",
        "invalid_token",
        "This link is unknown, used or older than 15 minutes. Run `mipo owner reset` again.",
    )
}
