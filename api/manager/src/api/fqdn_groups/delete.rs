//! `DELETE /api/config/fqdn-groups/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes an FQDN group. Its members stay.
#[utoipa::path(
    delete,
    path = "/api/config/fqdn-groups/{id}",
    tag = "fqdn-groups",
    operation_id = "deleteFqdnGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The FQDN group")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<FqdnGroupId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("fqdn_groups.delete").await?;
    groups::delete(&mut tx, &app.ctx(&signed.caller), GroupKind::Fqdns, id.as_uuid()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
