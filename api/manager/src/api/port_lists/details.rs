//! `GET /api/config/port-lists/:id/details`
use axum::extract::State;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;
use serde::Serialize;
use utoipa::ToSchema;

use super::PortListAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A port list with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortListDetails {
    #[serde(flatten)]
    object: PortListAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A port list with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/port-lists/{id}/details",
    tag = "port-lists",
    operation_id = "getPortListDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list")),
    responses((status = 200, description = "The port list", body = PortListDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListId>,
) -> Result<Json<PortListDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_lists.details").await?;
    let row = port_lists::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(port_lists::users(&mut tx, &ctx, id).await?);
    let object = PortListAnswer::of(row)?;
    Ok(Json(PortListDetails { object, used_by }))
}
