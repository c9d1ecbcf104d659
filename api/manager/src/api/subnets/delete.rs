//! `DELETE /api/config/subnets/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a subnet. What was found with it stays.
#[utoipa::path(
    delete,
    path = "/api/config/subnets/{id}",
    tag = "subnets",
    operation_id = "deleteSubnet",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The subnet")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<SubnetId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("subnets.delete").await?;
    subnets::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
