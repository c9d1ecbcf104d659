//! `PUT /api/ops/views/:id`
use axum::extract::State;
use mipo_app::ops::saved_views::{self, Input};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ViewAnswer;
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A change of a view; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewPatch {
    /// The version that is edited.
    version: Option<i32>,
    name: Option<String>,
    query: Option<String>,
    shared: Option<bool>,
}

/// Changes one's own view.
#[utoipa::path(
    put,
    path = "/api/ops/views/{id}",
    tag = "ops",
    operation_id = "updateView",
    extensions(("x-right" = json!("queues:view"))),
    params(
        ("id" = Uuid, Path, description = "The view"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ViewPatch,
    responses(
        (status = 200, description = "The view as it is now", body = ViewAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    Json(body): Json<ViewPatch>,
) -> Result<Json<ViewAnswer>, Problem> {
    let version = if_match.or(body.version)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.update_view").await?;
    let before = saved_views::get(&mut tx, &ctx, id).await?;
    let input = Input {
        page: before.page,
        name: body.name.unwrap_or(before.name),
        query: body.query.unwrap_or(before.query),
        shared: body.shared.unwrap_or(before.shared),
    };
    saved_views::update(&mut tx, &ctx, id, version, &input).await?;
    tx.commit().await?;
    super::now(&app, &signed, id).await
}
