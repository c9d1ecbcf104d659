//! `GET /api/config/subnets/:id`
use axum::extract::State;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;

use super::SubnetAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A subnet.
#[utoipa::path(
    get,
    path = "/api/config/subnets/{id}",
    tag = "subnets",
    operation_id = "getSubnet",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The subnet")),
    responses((status = 200, description = "The subnet", body = SubnetAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
) -> Result<Json<SubnetAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnets.get").await?;
    let row = subnets::get(&mut tx, &ctx, id).await?;
    Ok(Json(row.into()))
}
