//! `DELETE /api/config/discovery/sources/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a discovery source. Its lists and their addresses go with it; what was found stays.
#[utoipa::path(
    delete,
    path = "/api/config/discovery/sources/{id}",
    tag = "discovery",
    operation_id = "deleteDiscoverySource",
    extensions(("x-right" = json!("discovery:manage"))),
    params(("id" = Uuid, Path, description = "The discovery source")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("discovery_sources.delete").await?;
    discovery::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
