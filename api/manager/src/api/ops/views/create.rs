//! `POST /api/ops/views`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::saved_views::{self, Input};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ViewAnswer;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A view to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    /// `ops/tasks`, `ops/failures` or `ops/queues`.
    page: String,
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    /// The query string of the page.
    query: String,
    /// Everybody who may see the queues sees it.
    #[serde(default)]
    shared: bool,
}

/// Keeps a view.
#[utoipa::path(
    post,
    path = "/api/ops/views",
    tag = "ops",
    operation_id = "createView",
    extensions(("x-right" = json!("queues:view"))),
    request_body = NewView,
    responses(
        (status = 201, description = "The view", body = ViewAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewView>,
) -> Result<(StatusCode, Json<ViewAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let input = Input { page: body.page, name: body.name, query: body.query, shared: body.shared };
    let mut tx = app.db.tx("ops.create_view").await?;
    let id = saved_views::create(&mut tx, &ctx, &input).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, super::now(&app, &signed, id).await?))
}
