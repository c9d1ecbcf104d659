//! `POST /api/config/discovery/sources`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::discovery;

use super::{DiscoverySourceKey, NewDiscoverySourceBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a discovery source. The answer holds its key, this once.
#[utoipa::path(
    post,
    path = "/api/config/discovery/sources",
    tag = "discovery",
    operation_id = "createDiscoverySource",
    extensions(("x-right" = json!("discovery:manage"))),
    request_body = NewDiscoverySourceBody,
    responses(
        (status = 201, description = "The new discovery source", body = DiscoverySourceKey),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewDiscoverySourceBody>,
) -> Result<(StatusCode, Json<DiscoverySourceKey>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("discovery_sources.create").await?;
    let row = discovery::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
