//! `POST /api/config/discovery/sources/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use super::DiscoverySourceKey;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a discovery source like another one, with a key of its own, shown this once. Lists are not copied.
#[utoipa::path(
    post,
    path = "/api/config/discovery/sources/{id}/clone",
    tag = "discovery",
    operation_id = "cloneDiscoverySource",
    extensions(("x-right" = json!("discovery:manage"))),
    params(("id" = Uuid, Path, description = "The discovery source that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = DiscoverySourceKey),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<DiscoverySourceKey>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("discovery_sources.clone").await?;
    let row = discovery::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
