//! `/api/ops/views`: filters that people keep under a name.
mod clone;
mod create;
mod delete;
mod get;
mod history;
mod list;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::ops::saved_views::{self, SavedView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A saved view.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SavedView)]
pub struct ViewAnswer {
    id: Uuid,
    page: String,
    name: String,
    /// The query string of the page.
    query: String,
    shared: bool,
    /// It belongs to whoever asked, and can be changed.
    own: bool,
    owner: String,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl From<SavedView> for ViewAnswer {
    fn from(view: SavedView) -> Self {
        Self {
            id: view.id,
            page: view.page,
            name: view.name,
            query: view.query,
            shared: view.shared,
            own: view.own,
            owner: view.owner,
            updated_at: view.updated_at,
            version: view.version,
        }
    }
}

/// The view as it is now.
async fn now(app: &App, signed: &SignedIn, id: Uuid) -> Result<Json<ViewAnswer>, Problem> {
    let mut tx = app.db.read("ops.view").await?;
    Ok(Json(saved_views::get(&mut tx, &app.ctx(&signed.caller), id).await?.into()))
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get::get, update::update, delete::delete))
        .routes(routes!(clone::clone))
        .routes(routes!(history::history))
}
