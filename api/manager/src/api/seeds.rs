//! `/api/admin/seeds`: what is shipped with mipo.
use axum::extract::State;
use mipo_app::builtins;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was missing.
#[derive(Serialize, ToSchema)]
struct Reloaded {
    /// The names of what was added: port lists, entries of the port catalog, exclusions.
    added: Vec<String>,
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reload_builtins))
}

/// Restores the built-in objects that are missing; what is there stays as it is.
#[utoipa::path(
    post,
    path = "/api/admin/seeds/reload-builtins",
    tag = "seeds",
    operation_id = "reloadBuiltins",
    extensions(("x-right" = json!("settings:manage"))),
    responses((status = 200, description = "What was added", body = Reloaded))
)]
async fn reload_builtins(State(app): State<App>, signed: SignedIn) -> Result<Json<Reloaded>, Problem> {
    let mut tx = app.db.tx("seeds.reload").await?;
    let added = builtins::seed(&mut tx, &app.ctx(&signed.caller)).await?;
    tx.commit().await?;
    Ok(Json(Reloaded { added }))
}
