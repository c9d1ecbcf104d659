//! `GET /api/config/fqdn-groups/:id/details`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::FqdnGroupAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An FQDN group with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FqdnGroupDetails {
    #[serde(flatten)]
    object: FqdnGroupAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// An FQDN group with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/fqdn-groups/{id}/details",
    tag = "fqdn-groups",
    operation_id = "getFqdnGroupDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN group")),
    responses((status = 200, description = "The FQDN group", body = FqdnGroupDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnGroupId>,
) -> Result<Json<FqdnGroupDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdn_groups.details").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Fqdns, id.as_uuid()).await?;
    let used_by = used_by(groups::users(&mut tx, &ctx, GroupKind::Fqdns, id.as_uuid()).await?);
    let object = row.into();
    Ok(Json(FqdnGroupDetails { object, used_by }))
}
