//! `/api/ops/bulk`: one action over all tasks that pass a filter.
mod get;
mod start;
mod stop;
mod undo;

use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::bulk::BulkOperation;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An operation and how far it got.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkOperation)]
pub struct BulkAnswer {
    id: Uuid,
    action: String,
    filter: String,
    #[schema(value_type = Object)]
    arguments: Value,
    reason: String,
    /// `pending`, `running`, `stopping`, `stopped`, `completed` or `failed`.
    status: String,
    /// Tasks that passed the filter at the start.
    total_count: i64,
    done_count: i64,
    /// Tasks that were in no state for it any more.
    refused_count: i64,
    /// The operation whose discards it takes back.
    undoes: Option<Uuid>,
    undo_until: Option<DateTime<Utc>>,
    requested_by: String,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<BulkOperation> for BulkAnswer {
    fn from(operation: BulkOperation) -> Self {
        Self {
            id: operation.id,
            action: operation.action,
            filter: operation.filter,
            arguments: operation.arguments,
            reason: operation.reason,
            status: operation.status,
            total_count: operation.total_count,
            done_count: operation.done_count,
            refused_count: operation.refused_count,
            undoes: operation.undoes,
            undo_until: operation.undo_until,
            requested_by: operation.requested_by,
            created_at: operation.created_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
        }
    }
}

/// The operation as it is now.
async fn now(app: &App, signed: &SignedIn, id: Uuid) -> Result<Json<BulkAnswer>, Problem> {
    let mut tx = app.db.look("ops.bulk").await?;
    Ok(Json(views::bulk(&mut tx, &app.ctx(&signed.caller), id).await?.into()))
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get::list, start::start))
        .routes(routes!(get::get))
        .routes(routes!(stop::stop))
        .routes(routes!(undo::undo))
}
