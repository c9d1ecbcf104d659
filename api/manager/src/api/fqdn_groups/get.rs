//! `GET /api/config/fqdn-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;

use super::FqdnGroupAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An FQDN group.
#[utoipa::path(
    get,
    path = "/api/config/fqdn-groups/{id}",
    tag = "fqdn-groups",
    operation_id = "getFqdnGroup",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN group")),
    responses((status = 200, description = "The FQDN group", body = FqdnGroupAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnGroupId>,
) -> Result<Json<FqdnGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdn_groups.get").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Fqdns, id.as_uuid()).await?;
    Ok(Json(row.into()))
}
