//! `DELETE /api/config/fqdns/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes an FQDN. What was found on its addresses stays.
#[utoipa::path(
    delete,
    path = "/api/config/fqdns/{id}",
    tag = "fqdns",
    operation_id = "deleteFqdn",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The FQDN")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<FqdnId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("fqdns.delete").await?;
    fqdns::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
