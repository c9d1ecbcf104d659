//! One's own account.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mipo_domain::ids::{SessionId, UserId};
use mipo_domain::rights::{Right, Rights};
use mipo_store::config::{sessions, users};
use mipo_store::{Conn, Db};
use serde_json::json;

use crate::audit::{self, Entry};
use crate::passwords::Passwords;
use crate::sessions::signed_in;
use crate::setup::check_password;
use crate::{AppError, Ctx, FieldError, login};

/// The caller's account.
#[derive(Clone, Debug)]
pub struct Me {
    /// Their id.
    pub id: UserId,
    /// User name.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// The owner bypasses rights.
    pub is_owner: bool,
    /// Names of their roles.
    pub roles: Vec<String>,
    /// What they may do.
    pub rights: Rights,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// IANA zone.
    pub timezone: String,
    /// When they last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Counts edits.
    pub version: i32,
}

/// How the caller wants to see pages.
#[derive(Clone, Debug)]
pub struct Preferences<'a> {
    /// `system`, `light` or `dark`.
    pub theme: &'a str,
    /// IANA zone.
    pub timezone: &'a str,
    /// The version that was edited.
    pub version: i32,
}

/// Longest name of a time zone.
const ZONE_CHARS: usize = 64;

/// The caller's account as it is now.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Me, AppError> {
    let id = signed_in(ctx)?;
    let user = users::get(conn, id).await?.ok_or(AppError::NotFound("user"))?;
    // The owner is not bound by roles.
    let rights = if user.is_owner { Right::ALL.iter().copied().collect() } else { ctx.caller.rights.clone() };
    Ok(Me {
        id,
        username: user.username,
        email: user.email,
        is_owner: user.is_owner,
        roles: user.roles,
        rights,
        theme: user.theme,
        timezone: user.timezone,
        last_login_at: user.last_login_at,
        version: user.version,
    })
}

/// Stores theme and time zone. `is_zone` says whether a name is one of the IANA zones.
pub async fn set_preferences(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    input: &Preferences<'_>,
    is_zone: impl Fn(&str) -> bool,
) -> Result<(), AppError> {
    let id = signed_in(ctx)?;
    let mut wrong = Vec::new();
    if !["system", "light", "dark"].contains(&input.theme) {
        wrong.push(FieldError::new("theme", "unknown_value", "A theme is system, light or dark."));
    }
    if input.timezone.len() > ZONE_CHARS || !is_zone(input.timezone) {
        wrong.push(FieldError::new(
            "timezone",
            "unknown_zone",
            "This is no time zone; write one such as UTC or Europe/Berlin.",
        ));
    }
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    let before = users::get(conn, id).await?.ok_or(AppError::NotFound("user"))?;
    if (before.theme.as_str(), before.timezone.as_str()) == (input.theme, input.timezone) {
        return Ok(());
    }
    if !users::set_preferences(conn, id, input.version, input.theme, input.timezone).await? {
        return Err(AppError::Stale);
    }
    let entry = Entry::change("updated", "user", id).diff(
        json!({ "theme": before.theme, "timezone": before.timezone }),
        json!({ "theme": input.theme, "timezone": input.timezone }),
    );
    audit::record(conn, ctx, entry).await
}

/// Sets the caller's password. All their other sessions end.
pub async fn change_password(
    db: &Db,
    ctx: &Ctx<'_>,
    passwords: &Passwords,
    min_length: usize,
    session: SessionId,
    ip: IpAddr,
    input: &NewPassword<'_>,
) -> Result<(), AppError> {
    let user = signed_in(ctx)?;
    let mut tx = db.tx("me.read").await?;
    let me = users::get(&mut tx, user).await?.ok_or(AppError::NotFound("user"))?;
    drop(tx);
    let email = me.email.unwrap_or_default();
    let mut wrong = Vec::new();
    if input.current.is_empty() {
        wrong.push(FieldError::new("currentPassword", "required", "Give the password that you have now."));
    }
    wrong.extend(check_password("newPassword", input.new, min_length, &[&me.username, &email]));
    if wrong.is_empty() && input.current == input.new {
        wrong.push(FieldError::new("newPassword", "unchanged", "This is the password that you have now."));
    }
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    let verified = login::verify_own(db, ctx, passwords, user, "currentPassword", input.current, ip).await?;
    let hash = passwords.hash(input.new, ctx.entropy).await?;

    let mut tx = db.tx("me.change_password").await?;
    login::require_unchanged(&mut tx, &verified, "currentPassword").await?;
    users::set_password(&mut tx, user, &hash, false).await?;
    let ended = sessions::end_all(&mut tx, user, Some(session), ctx.now()).await?;
    let entry = Entry::change("password_changed", "user", user).diff(json!(null), json!({ "sessionsEnded": ended }));
    audit::record(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The password now and the one to come. It has no Debug output.
pub struct NewPassword<'a> {
    /// Now.
    pub current: &'a str,
    /// To come.
    pub new: &'a str,
}
