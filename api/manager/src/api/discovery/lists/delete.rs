//! `DELETE /api/config/discovery/lists/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::discovery;
use mipo_domain::ids::DiscoveryListId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a discovery list. Its addresses go with it; what was found on them stays. The source can make it anew.
#[utoipa::path(
    delete,
    path = "/api/config/discovery/lists/{id}",
    tag = "discovery",
    operation_id = "deleteDiscoveryList",
    extensions(("x-right" = json!("discovery:manage"))),
    params(("id" = Uuid, Path, description = "The discovery list")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("discovery_lists.delete").await?;
    discovery::delete_list(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
