//! `GET /api/config/port-list-groups/:id/details`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::PortListGroupAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A port list group with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortListGroupDetails {
    #[serde(flatten)]
    object: PortListGroupAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A port list group with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/port-list-groups/{id}/details",
    tag = "port-list-groups",
    operation_id = "getPortListGroupDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list group")),
    responses((status = 200, description = "The port list group", body = PortListGroupDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
) -> Result<Json<PortListGroupDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_list_groups.details").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::PortLists, id.as_uuid()).await?;
    let used_by = used_by(groups::users(&mut tx, &ctx, GroupKind::PortLists, id.as_uuid()).await?);
    let object = row.into();
    Ok(Json(PortListGroupDetails { object, used_by }))
}
