//! `PUT /api/config/discovery/lists/:id`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoveryListId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::DiscoveryListAnswer;
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What people may change of a discovery list; the rest is its source's.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscoveryListPatch {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    /// Probes per second over all its scanners, 0 to 100,000; 0 = no limit.
    rate_limit: i64,
}

/// Sets the rate limit of a discovery list. Running scans keep theirs.
#[utoipa::path(
    put,
    path = "/api/config/discovery/lists/{id}",
    tag = "discovery",
    operation_id = "updateDiscoveryList",
    extensions(("x-right" = json!("discovery:manage"))),
    params(
        ("id" = Uuid, Path, description = "The discovery list"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = DiscoveryListPatch,
    responses(
        (status = 200, description = "The discovery list as it is now", body = DiscoveryListAnswer),
        (status = 409, description = "`STALE_VERSION`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
    if_match: IfMatch,
    Json(body): Json<DiscoveryListPatch>,
) -> Result<Json<DiscoveryListAnswer>, Problem> {
    let version = if_match.or(body.version)?;
    let mut tx = app.db.tx("discovery_lists.update").await?;
    let row = discovery::update_list(&mut tx, &app.ctx(&signed.caller), id, version, body.rate_limit).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
