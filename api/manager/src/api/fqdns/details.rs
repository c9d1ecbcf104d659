//! `GET /api/config/fqdns/:id/details`
use axum::extract::State;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;
use serde::Serialize;
use utoipa::ToSchema;

use super::FqdnAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An FQDN with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FqdnDetails {
    #[serde(flatten)]
    object: FqdnAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// An FQDN with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/fqdns/{id}/details",
    tag = "fqdns",
    operation_id = "getFqdnDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN")),
    responses((status = 200, description = "The FQDN", body = FqdnDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
) -> Result<Json<FqdnDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdns.details").await?;
    let row = fqdns::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(fqdns::users(&mut tx, &ctx, id).await?);
    let object = row.into();
    Ok(Json(FqdnDetails { object, used_by }))
}
