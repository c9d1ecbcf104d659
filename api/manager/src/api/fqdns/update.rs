//! `PUT /api/config/fqdns/:id`
use axum::extract::State;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;

use super::{FqdnAnswer, FqdnPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes an FQDN; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/fqdns/{id}",
    tag = "fqdns",
    operation_id = "updateFqdn",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The FQDN"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = FqdnPatchBody,
    responses(
        (status = 200, description = "The FQDN as it is now", body = FqdnAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    if_match: IfMatch,
    Json(body): Json<FqdnPatchBody>,
) -> Result<Json<FqdnAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("fqdns.update").await?;
    let row = fqdns::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
