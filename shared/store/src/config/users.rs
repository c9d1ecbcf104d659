//! Users.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{RoleId, UserId};

use crate::{Conn, StoreError};

/// A user, without the password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name, which never changes.
    pub username: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// The one bootstrap superuser.
    pub is_owner: bool,
    /// May sign in.
    pub enabled: bool,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// IANA zone.
    pub timezone: String,
    /// When they last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
    /// Names of their roles.
    pub roles: Vec<String>,
}

/// What is needed to judge a password. It has no Debug output, because it holds the hash.
pub struct Credential {
    /// Whose.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// Argon2id PHC string; absent where only single sign-on is possible.
    pub password_hash: Option<String>,
    /// May sign in.
    pub enabled: bool,
}

/// A user that is about to be stored.
pub struct NewUser<'a> {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub username: &'a str,
    /// Their e-mail address.
    pub email: Option<&'a str>,
    /// Argon2id PHC string.
    pub password_hash: &'a str,
    /// The one bootstrap superuser.
    pub is_owner: bool,
}

/// Stores a user.
pub async fn insert(conn: &mut Conn, user: &NewUser<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.users (id, username, email, password_hash, is_owner) values ($1, $2, $3, $4, $5)",
        user.id.as_uuid(),
        user.username,
        user.email,
        user.password_hash,
        user.is_owner
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a role to a user.
pub async fn add_role(conn: &mut Conn, user: UserId, role: RoleId) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.user_roles (user_id, role_id) values ($1, $2) on conflict do nothing",
        user.as_uuid(),
        role.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The user with that id.
pub async fn get(conn: &mut Conn, id: UserId) -> Result<Option<User>, StoreError> {
    let user = sqlx::query_as!(
        User,
        r#"select u.id, u.username, u.email, u.is_owner, u.enabled, u.theme, u.timezone, u.last_login_at, u.created_at, u.version,
             array(select r.name from config.user_roles ur join config.roles r on r.id = ur.role_id
                   where ur.user_id = u.id order by lower(r.name)) as "roles!"
           from config.users u where u.id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(user)
}

/// What is needed to judge a password of the user of that name, in any case of letters.
pub async fn credential_by_name(conn: &mut Conn, username: &str) -> Result<Option<Credential>, StoreError> {
    let found = sqlx::query_as!(
        Credential,
        "select id, username, password_hash, enabled from config.users where lower(username) = lower($1)",
        username
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// The same, by id.
pub async fn credential(conn: &mut Conn, id: UserId) -> Result<Option<Credential>, StoreError> {
    let found = sqlx::query_as!(
        Credential,
        "select id, username, password_hash, enabled from config.users where id = $1",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// The same, and held until the transaction ends: nobody changes the password or the account meanwhile.
pub async fn lock_credential(conn: &mut Conn, id: UserId) -> Result<Option<Credential>, StoreError> {
    let found = sqlx::query_as!(
        Credential,
        "select id, username, password_hash, enabled from config.users where id = $1 for update",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// The owner, once there is one.
pub async fn owner(conn: &mut Conn) -> Result<Option<(UserId, String)>, StoreError> {
    let row = sqlx::query!("select id, username from config.users where is_owner").fetch_optional(conn).await?;
    Ok(row.map(|row| (UserId::from(row.id), row.username)))
}

/// Replaces the password. A plain rehash of the same one leaves `version` as it is, because nobody edited anything.
pub async fn set_password(conn: &mut Conn, id: UserId, hash: &str, rehash: bool) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.users set password_hash = $2, updated_at = now(),
           must_change_password = must_change_password and $3, version = version + case when $3 then 0 else 1 end
         where id = $1",
        id.as_uuid(),
        hash,
        rehash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes a login.
pub async fn logged_in(conn: &mut Conn, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update config.users set last_login_at = $2 where id = $1", id.as_uuid(), at).execute(conn).await?;
    Ok(())
}

/// Stores how the user wants to see pages. False when somebody else changed the account first.
pub async fn set_preferences(
    conn: &mut Conn,
    id: UserId,
    version: i32,
    theme: &str,
    timezone: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.users set theme = $3, timezone = $4, updated_at = now(), version = version + 1
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        theme,
        timezone
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
