//! `GET /api/ops/views/:id`
use axum::extract::State;
use uuid::Uuid;

use super::ViewAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// One view, if it is one's own or shared.
#[utoipa::path(
    get,
    path = "/api/ops/views/{id}",
    tag = "ops",
    operation_id = "getView",
    extensions(("x-right" = json!("queues:view"))),
    params(("id" = Uuid, Path, description = "The view")),
    responses((status = 200, description = "The view", body = ViewAnswer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<Uuid>) -> Result<Json<ViewAnswer>, Problem> {
    super::now(&app, &signed, id).await
}
