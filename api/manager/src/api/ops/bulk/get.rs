//! `GET /api/ops/bulk`, `GET /api/ops/bulk/:id`
use axum::extract::State;
use mipo_app::ops::views;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::BulkAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The newest operations.
#[derive(Serialize, ToSchema)]
pub struct BulkOperations {
    /// Newest first.
    items: Vec<BulkAnswer>,
}

/// The newest bulk operations.
#[utoipa::path(
    get,
    path = "/api/ops/bulk",
    tag = "ops",
    operation_id = "listBulk",
    extensions(("x-right" = json!("queues:execute"))),
    responses((status = 200, description = "The operations", body = BulkOperations))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<BulkOperations>, Problem> {
    let mut tx = app.db.look("ops.bulks").await?;
    let all = views::bulks(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(BulkOperations { items: all.into_iter().map(Into::into).collect() }))
}

/// How far a bulk operation got.
#[utoipa::path(
    get,
    path = "/api/ops/bulk/{id}",
    tag = "ops",
    operation_id = "getBulk",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The operation")),
    responses((status = 200, description = "The operation", body = BulkAnswer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<Uuid>) -> Result<Json<BulkAnswer>, Problem> {
    super::now(&app, &signed, id).await
}
