//! `GET /api/config/discovery/lists/:id/ips`
use std::net::IpAddr;

use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::discovery::{self, Seen};
use mipo_domain::ids::DiscoveryListId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::discovery::IP_COLUMNS;

/// An address on a discovery list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredIp {
    #[schema(value_type = String, example = "192.0.2.7")]
    ip: IpAddr,
    /// When it was first pushed.
    first_seen_at: DateTime<Utc>,
    /// When it was last pushed.
    last_seen_at: DateTime<Utc>,
}

impl From<Seen> for DiscoveredIp {
    fn from(seen: Seen) -> Self {
        Self { ip: seen.ip, first_seen_at: seen.first_seen_at, last_seen_at: seen.last_seen_at }
    }
}

/// A page of the addresses of a discovery list, in their order.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists/{id}/ips",
    tag = "discovery",
    operation_id = "listDiscoveredIps",
    extensions(("x-right" = json!("discovery:view"))),
    params(
        ("id" = Uuid, Path, description = "The discovery list"),
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("q" = Option<String>, Query, description = "An address or a network to look in"),
    ),
    responses((status = 200, description = "A page of addresses", body = Listed<DiscoveredIp>))
)]
pub async fn ips(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<DiscoveredIp>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &IP_COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_lists.ips").await?;
    let (_, found) = discovery::ips(&mut tx, &ctx, id, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, DiscoveredIp::from)))
}
