//! Filters that people keep under a name (`config.saved_views`).
use chrono::{DateTime, Utc};
use mipo_domain::ids::UserId;
use uuid::Uuid;

use crate::{Conn, StoreError};

/// Most views of a page that are listed.
const LISTED: i64 = 200;

/// A saved view.
#[derive(Clone, Debug)]
pub struct SavedView {
    /// Its id.
    pub id: Uuid,
    /// The page it is of, such as `ops/tasks`.
    pub page: String,
    /// Its name.
    pub name: String,
    /// The query string of the page.
    pub query: String,
    /// Others see it too.
    pub shared: bool,
    /// It belongs to whoever asked.
    pub own: bool,
    /// User name of its owner.
    pub owner: String,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Counts changes.
    pub version: i32,
}

/// Those of `user` and those that are shared, for one page, by name.
pub async fn list(conn: &mut Conn, user: UserId, page: &str) -> Result<Vec<SavedView>, StoreError> {
    let views = sqlx::query_as!(
        SavedView,
        r#"select v.id, v.page, v.name, v.query, v.shared, v.user_id = $1 as "own!", u.username as owner, v.updated_at, v.version
           from config.saved_views v join config.users u on u.id = v.user_id
           where v.page = $2 and (v.user_id = $1 or v.shared) order by lower(v.name), v.id limit $3"#,
        user.as_uuid(),
        page,
        LISTED
    )
    .fetch_all(conn)
    .await?;
    Ok(views)
}

/// One view, if `user` may see it.
pub async fn get(conn: &mut Conn, user: UserId, id: Uuid) -> Result<Option<SavedView>, StoreError> {
    let view = sqlx::query_as!(
        SavedView,
        r#"select v.id, v.page, v.name, v.query, v.shared, v.user_id = $1 as "own!", u.username as owner, v.updated_at, v.version
           from config.saved_views v join config.users u on u.id = v.user_id
           where v.id = $2 and (v.user_id = $1 or v.shared)"#,
        user.as_uuid(),
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(view)
}

/// Keeps a view.
pub async fn insert(
    conn: &mut Conn,
    id: Uuid,
    user: UserId,
    page: &str,
    name: &str,
    query: &str,
    shared: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.saved_views (id, user_id, page, name, query, shared) values ($1, $2, $3, $4, $5, $6)",
        id,
        user.as_uuid(),
        page,
        name,
        query,
        shared
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes a view of this version. False: it has another by now.
pub async fn update(
    conn: &mut Conn,
    id: Uuid,
    version: i32,
    page: &str,
    name: &str,
    query: &str,
    shared: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.saved_views set page = $3, name = $4, query = $5, shared = $6, updated_at = now(), version = version + 1
         where id = $1 and version = $2",
        id,
        version,
        page,
        name,
        query,
        shared
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a view.
pub async fn delete(conn: &mut Conn, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from config.saved_views where id = $1", id).execute(conn).await?;
    Ok(())
}
