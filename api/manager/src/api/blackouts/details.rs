//! `GET /api/config/blackouts/:id/details`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;
use serde::Serialize;
use utoipa::ToSchema;

use super::BlackoutAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A time at which a blackout window holds.
#[derive(Serialize, ToSchema)]
#[schema(as = BlackoutSpan)]
pub struct SpanAnswer {
    from: DateTime<Utc>,
    /// `null`: it goes on for ever.
    to: Option<DateTime<Utc>>,
}

/// A blackout window with what comes of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlackoutDetails {
    #[serde(flatten)]
    object: BlackoutAnswer,
    /// The next five times at which it holds, the one of now first; none when it is disabled.
    upcoming: Vec<SpanAnswer>,
    /// Scan jobs that it holds now.
    held_jobs: i64,
}

/// A blackout window with its next times and the jobs that it holds.
#[utoipa::path(
    get,
    path = "/api/config/blackouts/{id}/details",
    tag = "blackouts",
    operation_id = "getBlackoutDetails",
    extensions(("x-right" = json!("safety:view"))),
    params(("id" = Uuid, Path, description = "The blackout window")),
    responses((status = 200, description = "The blackout window and what comes of it", body = BlackoutDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
) -> Result<Json<BlackoutDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("blackouts.details").await?;
    let row = blackouts::get(&mut tx, &ctx, id).await?;
    let standing = blackouts::standing(&mut tx, &ctx, &row).await?;
    let upcoming = standing.upcoming.into_iter().map(|span| SpanAnswer { from: span.from, to: span.to }).collect();
    let object = BlackoutAnswer::of(row, ctx.now());
    Ok(Json(BlackoutDetails { object, upcoming, held_jobs: standing.held_jobs }))
}
