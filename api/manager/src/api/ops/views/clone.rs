//! `POST /api/ops/views/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::saved_views;
use uuid::Uuid;

use super::ViewAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a view, shared ones of others too; the copy is one's own.
#[utoipa::path(
    post,
    path = "/api/ops/views/{id}/clone",
    tag = "ops",
    operation_id = "cloneView",
    extensions(("x-right" = json!("queues:view"))),
    params(("id" = Uuid, Path, description = "The view that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ViewAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ViewAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.clone_view").await?;
    let copy = saved_views::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, super::now(&app, &signed, copy).await?))
}
