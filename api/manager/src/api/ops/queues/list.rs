//! `GET /api/ops/queues`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::overview::Deploy;
use serde::Serialize;
use utoipa::ToSchema;

use super::QueueAnswer;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// All queues.
#[derive(Serialize, ToSchema)]
pub struct Queues {
    /// By name.
    items: Vec<QueueAnswer>,
    /// Versions of workers that started within the last hour.
    deploys: Vec<DeployAnswer>,
}

/// A version that began to work.
#[derive(Serialize, ToSchema)]
#[schema(as = Deploy)]
pub struct DeployAnswer {
    version: String,
    at: DateTime<Utc>,
}

impl From<Deploy> for DeployAnswer {
    fn from(deploy: Deploy) -> Self {
        Self { version: deploy.version, at: deploy.at }
    }
}

/// Every queue: what stands in it, how fast it goes, and the last hour by minute.
#[utoipa::path(
    get,
    path = "/api/ops/queues",
    tag = "ops",
    operation_id = "listQueues",
    extensions(("x-right" = json!("queues:view"))),
    responses((status = 200, description = "The queues", body = Queues))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<Queues>, Problem> {
    let mut tx = app.db.look("ops.queues").await?;
    let all = views::overview(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(Queues {
        items: all.queues.into_iter().map(Into::into).collect(),
        deploys: all.deploys.into_iter().map(Into::into).collect(),
    }))
}
