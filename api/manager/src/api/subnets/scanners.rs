//! `PUT /api/config/subnets/:id/scanners`
use axum::extract::State;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::SubnetAnswer;
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Who scans a subnet.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetScanners {
    /// The version of the subnet that is edited; else `If-Match`.
    version: Option<i32>,
    /// All scanners that are to scan it; an empty list takes every one away.
    scanner_ids: Vec<Uuid>,
    /// All scanner groups whose members are to scan it; those that are assigned stay when it is left out.
    scanner_group_ids: Option<Vec<Uuid>>,
}

/// Sets which scanners and scanner groups scan a subnet. Each scanner that is reached scans all of it, once.
#[utoipa::path(
    put,
    path = "/api/config/subnets/{id}/scanners",
    tag = "subnets",
    operation_id = "assignSubnetScanners",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The subnet")),
    request_body = SubnetScanners,
    responses(
        (status = 200, description = "The subnet as it is now", body = SubnetAnswer),
        (status = 409, description = "`STALE_VERSION`"),
    )
)]
pub async fn assign(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    if_match: IfMatch,
    Json(body): Json<SubnetScanners>,
) -> Result<Json<SubnetAnswer>, Problem> {
    let version = if_match.or(body.version)?;
    let (scanners, groups) = (body.scanner_ids, body.scanner_group_ids);
    let mut tx = app.db.tx("subnets.assign").await?;
    let row = subnets::assign_scanners(&mut tx, &app.ctx(&signed.caller), id, version, scanners, groups).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
