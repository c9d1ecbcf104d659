//! `POST /api/config/fqdns/:id/resolve`
use axum::extract::State;
use mipo_app::{AppError, fqdns, planning};
use mipo_domain::ids::FqdnId;
use mipo_domain::rights::Right;
use serde::Serialize;
use utoipa::ToSchema;

use super::FqdnAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Something to know about an answer of the resolver.
#[derive(Serialize, ToSchema)]
struct ResolveWarning {
    /// `unresolved`, `outside_allowed`, `too_many_addresses`.
    code: String,
    message: String,
}

/// What an FQDN resolves to now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FqdnResolved {
    /// With the addresses that a scan would take now; unchanged when the name does not resolve.
    #[serde(flatten)]
    object: FqdnAnswer,
    warnings: Vec<ResolveWarning>,
}

/// Asks the resolver of the server now, A and AAAA. Scans ask again when they are planned.
#[utoipa::path(
    post,
    path = "/api/config/fqdns/{id}/resolve",
    tag = "fqdns",
    operation_id = "resolveFqdn",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The FQDN")),
    responses(
        (status = 200, description = "What it resolves to", body = FqdnResolved),
        (status = 409, description = "`STALE_VERSION`: it got another host name meanwhile"),
    )
)]
pub async fn resolve(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
) -> Result<Json<FqdnResolved>, Problem> {
    let resolved = now(&app, &signed, id).await?;
    let warnings = resolved.warnings.into_iter();
    Ok(Json(FqdnResolved {
        object: resolved.fqdn.into(),
        warnings: warnings.map(|warning| ResolveWarning { code: warning.code, message: warning.message }).collect(),
    }))
}

/// Resolves outside any transaction, because that may take seconds.
pub(crate) async fn now(app: &App, signed: &SignedIn, id: FqdnId) -> Result<fqdns::ResolvedNow, AppError> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ConfigManage)?;
    let mut tx = app.db.read("fqdns.get").await?;
    let hostname = fqdns::get(&mut tx, &ctx, id).await?.hostname;
    drop(tx);
    let answers = planning::resolve([hostname].into()).await;
    let mut tx = app.db.tx("fqdns.resolve").await?;
    let resolved = fqdns::keep_resolved(&mut tx, &ctx, id, &answers).await?;
    tx.commit().await?;
    Ok(resolved)
}
