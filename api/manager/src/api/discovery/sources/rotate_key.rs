//! `POST /api/config/discovery/sources/:id/rotate-key`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use super::DiscoverySourceKey;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Gives a discovery source a new key, shown this once. The one before works no more at once.
#[utoipa::path(
    post,
    path = "/api/config/discovery/sources/{id}/rotate-key",
    tag = "discovery",
    operation_id = "rotateDiscoverySourceKey",
    extensions(("x-right" = json!("discovery:manage"))),
    params(("id" = Uuid, Path, description = "The discovery source")),
    responses((status = 200, description = "The discovery source with its new key", body = DiscoverySourceKey))
)]
pub async fn rotate_key(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
) -> Result<Json<DiscoverySourceKey>, Problem> {
    let mut tx = app.db.tx("discovery_sources.rotate_key").await?;
    let shown = discovery::rotate_key(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(Json(shown.into()))
}
