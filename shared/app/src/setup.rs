//! The first start: a one-time token creates the owner (product S2). There is no default account.
use chrono::TimeDelta;
use mipo_domain::ids::UserId;
use mipo_domain::names::{NameFault, check_email, check_username};
use mipo_domain::passwords;
use mipo_domain::rights::BuiltInRole;
use mipo_domain::secrets::Token;
use mipo_store::config::{roles, setup_tokens, users};
use mipo_store::{Conn, Db};
use serde_json::json;

use crate::audit::{self, Entry};
use crate::passwords::Passwords;
use crate::{AppError, Ctx, FieldError};

/// How long a token lives.
pub const TOKEN_MINUTES: i64 = 15;
pub(crate) const SETUP: &str = "setup";

/// Who the owner will be. It has no Debug output, because it holds the password.
pub struct NewOwner<'a> {
    /// User name.
    pub username: &'a str,
    /// E-mail address; empty for none.
    pub email: &'a str,
    /// Password.
    pub password: &'a str,
}

/// The path of the page with `token` in the fragment, which a browser sends to nobody and nobody logs.
pub fn link_path(token: &Token) -> String {
    format!("/setup#token={}", token.reveal())
}

/// A new setup token; nothing once there is an owner. Tokens before it are dead. Whoever starts mipo prints it.
pub async fn issue_token(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Option<Token>, AppError> {
    if users::owner(conn).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(issue(conn, ctx, SETUP).await?))
}

pub(crate) async fn issue(conn: &mut Conn, ctx: &Ctx<'_>, purpose: &str) -> Result<Token, AppError> {
    let token = Token::random(ctx.entropy);
    let now = ctx.now();
    let id = UserId::mint(ctx.clock, ctx.entropy).as_uuid();
    let expires_at = now + TimeDelta::minutes(TOKEN_MINUTES);
    setup_tokens::insert(conn, id, purpose, token.hash().as_bytes(), now, expires_at).await?;
    Ok(token)
}

/// True while there is no owner.
pub async fn is_needed(conn: &mut Conn) -> Result<bool, AppError> {
    Ok(users::owner(conn).await?.is_none())
}

/// Creates the owner. Nothing is stored, and the token stays good, when an input is refused.
pub async fn create_owner(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    min_length: usize,
    token: &str,
    input: &NewOwner<'_>,
) -> Result<UserId, AppError> {
    let mut tx = db.tx("setup.check").await?;
    if users::owner(&mut tx).await?.is_some() {
        return Err(AppError::NotFound("page"));
    }
    let mut wrong = check(input, min_length);
    let hash = Token::presented(token.trim()).hash();
    if token.trim().is_empty() {
        wrong.insert(0, FieldError::new("token", "required", "Give the token that mipo printed at its start."));
    } else if !setup_tokens::is_live(&mut tx, SETUP, hash.as_bytes(), ctx.now()).await? {
        wrong.insert(0, dead_token());
    }
    drop(tx);
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    let password_hash = passwords.hash(input.password, ctx.entropy).await?;

    let mut tx = db.tx("setup.create_owner").await?;
    if !setup_tokens::consume(&mut tx, SETUP, hash.as_bytes(), ctx.now()).await? {
        return Err(AppError::Invalid(vec![dead_token()]));
    }
    let id = insert(&mut tx, ctx, input, &password_hash).await?;
    tx.commit().await?;
    Ok(id)
}

/// Creates the owner named by `MIPO_OWNER_*`, if there is none yet. False when there is one: it stays as it is.
pub async fn ensure_owner(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    min_length: usize,
    input: &NewOwner<'_>,
) -> Result<bool, AppError> {
    let mut tx = db.tx("setup.look").await?;
    let exists = users::owner(&mut tx).await?.is_some();
    drop(tx);
    if exists {
        return Ok(false);
    }
    let wrong = check(input, min_length);
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    let password_hash = passwords.hash(input.password, ctx.entropy).await?;
    let mut tx = db.tx("setup.ensure_owner").await?;
    match insert(&mut tx, ctx, input, &password_hash).await {
        // Somebody was faster; they decided.
        Err(AppError::NotFound(_)) => return Ok(false),
        other => other?,
    };
    tx.commit().await?;
    Ok(true)
}

async fn insert(conn: &mut Conn, ctx: &Ctx<'_>, input: &NewOwner<'_>, password_hash: &str) -> Result<UserId, AppError> {
    let id = UserId::mint(ctx.clock, ctx.entropy);
    let email = Some(input.email).filter(|email| !email.is_empty());
    let owner = users::NewUser { id, username: input.username, email, password_hash, is_owner: true };
    users::insert(conn, &owner).await.map_err(|error| match error.constraint() {
        Some("users_one_owner") => AppError::NotFound("page"),
        Some("users_username_unique") => AppError::invalid("username", "taken", "This user name is taken."),
        Some("users_email_unique") => AppError::invalid("email", "taken", "This address belongs to another user."),
        _ => AppError::Store(error),
    })?;
    let admin = roles::by_name(conn, BuiltInRole::Admin.name()).await?;
    let admin = admin.ok_or_else(|| AppError::Internal("the role admin is missing".to_owned()))?;
    users::add_role(conn, id, admin.id).await?;
    let after = json!({ "username": input.username, "email": email, "roles": ["admin"], "isOwner": true });
    audit::record(conn, ctx, Entry::change("created", "user", id).diff(json!(null), after)).await?;
    Ok(id)
}

fn check(input: &NewOwner<'_>, min_length: usize) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let named = |field: &'static str, what: &str, fault: &NameFault| {
        FieldError::new(field, fault.code(), format!("{what} {fault}."))
    };
    if let Err(fault) = check_username(input.username) {
        wrong.push(named("username", "A user name", &fault));
    }
    if !input.email.is_empty()
        && let Err(fault) = check_email(input.email)
    {
        wrong.push(named("email", "An e-mail address", &fault));
    }
    wrong.extend(check_password("password", input.password, min_length, &[input.username, input.email]));
    wrong
}

/// The refusal of a new password, if there is one.
pub(crate) fn check_password(
    field: &'static str,
    password: &str,
    min_length: usize,
    personal: &[&str],
) -> Option<FieldError> {
    if password.is_empty() {
        return Some(FieldError::new(field, "required", "Give a password."));
    }
    let fault = passwords::check(password, min_length, personal).err()?;
    Some(FieldError::new(field, fault.code(), format!("The password {fault}.")))
}

pub(crate) fn dead_token() -> FieldError {
    FieldError::new(
        "token",
        "invalid_token",
        "This token is unknown, used or older than 15 minutes. Restart mipo to get a new one.",
    )
}
