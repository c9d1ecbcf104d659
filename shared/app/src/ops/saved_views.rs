//! Filters that people keep under a name, for themselves or for everybody.
use mipo_domain::ids::{SavedViewId, UserId};
use mipo_domain::rights::Right;
use mipo_store::config::saved_views as store;
use mipo_store::{Conn, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::saved_views::SavedView;

use super::touched;
use crate::audit::{self, Entry};
use crate::fields::Checks;
use crate::history::{self, Change};
use crate::{AppError, Ctx};

/// Longest query.
const QUERY_MAX: usize = 4000;
/// Pages that have saved views.
pub const PAGES: [&str; 3] = ["ops/tasks", "ops/failures", "ops/queues"];

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// One of [`PAGES`].
    pub page: String,
    /// 1 to 64 characters of `[A-Za-z0-9_-]`, unique for the person and page.
    pub name: String,
    /// The query string of the page.
    pub query: String,
    /// Everybody with the right sees it.
    pub shared: bool,
}

/// One's own views of a page, and those that others share.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, page: &str) -> Result<Vec<SavedView>, AppError> {
    ctx.require(Right::QueuesView)?;
    Ok(store::list(conn, me(ctx)?, page).await?)
}

/// One view, if it is one's own or shared.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<SavedView, AppError> {
    ctx.require(Right::QueuesView)?;
    store::get(conn, me(ctx)?, id).await?.ok_or(AppError::NotFound("saved view"))
}

/// Keeps a view. Answers its id.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: &Input) -> Result<Uuid, AppError> {
    ctx.require(Right::QueuesView)?;
    let (me, input) = (me(ctx)?, checked(input)?);
    let id = SavedViewId::mint(ctx.clock, ctx.entropy).as_uuid();
    store::insert(conn, id, me, &input.page, &input.name, &input.query, input.shared).await.map_err(taken)?;
    record(conn, ctx, id, "created", Value::Null, shown(&input)).await?;
    Ok(id)
}

/// Changes one's own view whose `version` one has seen.
pub async fn update(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid, version: i32, input: &Input) -> Result<(), AppError> {
    let (before, input) = (own(conn, ctx, id).await?, checked(input)?);
    let changed = store::update(conn, id, version, &input.page, &input.name, &input.query, input.shared).await;
    if !changed.map_err(taken)? {
        return Err(AppError::Stale);
    }
    let before = Input { page: before.page, name: before.name, query: before.query, shared: before.shared };
    record(conn, ctx, id, "updated", shown(&before), shown(&input)).await
}

/// Copies a view under a name of one's own. Answers the id of the copy.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid, name: &str) -> Result<Uuid, AppError> {
    let view = get(conn, ctx, id).await?;
    let input = Input { page: view.page, name: name.to_owned(), query: view.query, shared: false };
    create(conn, ctx, &input).await
}

/// What was changed on a view, newest first.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<Vec<Change>, AppError> {
    get(conn, ctx, id).await?;
    history::of(conn, "saved view", id).await
}

/// Removes one's own view.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
    let before = own(conn, ctx, id).await?;
    store::delete(conn, id).await?;
    let before = Input { page: before.page, name: before.name, query: before.query, shared: before.shared };
    record(conn, ctx, id, "deleted", shown(&before), Value::Null).await
}

fn me(ctx: &Ctx<'_>) -> Result<UserId, AppError> {
    ctx.caller.user_id().ok_or_else(|| AppError::Refused {
        code: "PEOPLE_ONLY",
        detail: "Saved views belong to people; sign in as one.".to_owned(),
    })
}

/// What is shared can be seen by others and changed by its owner alone.
async fn own(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<SavedView, AppError> {
    let view = get(conn, ctx, id).await?;
    if view.own {
        return Ok(view);
    }
    let detail = format!("This view belongs to {}; save it under a name of your own to change it.", view.owner);
    Err(AppError::Refused { code: "NOT_YOURS", detail })
}

fn checked(input: &Input) -> Result<Input, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", &input.name);
    let query = checks.text("query", &input.query, QUERY_MAX);
    if !PAGES.contains(&input.page.as_str()) {
        checks.refuse("page", "unknown", format!("One of {}.", PAGES.join(", ")));
    }
    checks.done()?;
    Ok(Input { page: input.page.clone(), name, query, shared: input.shared })
}

fn taken(error: StoreError) -> AppError {
    AppError::on_constraint(error, "saved_views_name_unique", || {
        AppError::conflict("NAME_TAKEN", "You have a view of this name for this page.")
    })
}

fn shown(input: &Input) -> Value {
    json!({ "page": input.page, "name": input.name, "query": input.query, "shared": input.shared })
}

async fn record(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: Uuid,
    action: &str,
    before: Value,
    after: Value,
) -> Result<(), AppError> {
    touched(conn, format!("view:{id}")).await?;
    audit::record(conn, ctx, Entry::change(action, "saved view", id).diff(before, after)).await
}
