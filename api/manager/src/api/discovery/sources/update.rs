//! `PUT /api/config/discovery/sources/:id`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use super::{DiscoverySourceAnswer, DiscoverySourcePatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a discovery source; fields that are left out stay as they are.
#[utoipa::path(
    put,
    path = "/api/config/discovery/sources/{id}",
    tag = "discovery",
    operation_id = "updateDiscoverySource",
    extensions(("x-right" = json!("discovery:manage"))),
    params(
        ("id" = Uuid, Path, description = "The discovery source"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = DiscoverySourcePatchBody,
    responses(
        (status = 200, description = "The discovery source as it is now", body = DiscoverySourceAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    if_match: IfMatch,
    Json(body): Json<DiscoverySourcePatchBody>,
) -> Result<Json<DiscoverySourceAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("discovery_sources.update").await?;
    let row = discovery::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
