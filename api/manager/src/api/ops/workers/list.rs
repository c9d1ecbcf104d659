//! `GET /api/ops/workers`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::workers::{RunningTask, Worker};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The workers.
#[derive(Serialize, ToSchema)]
pub struct Workers {
    /// Those that live first.
    items: Vec<WorkerAnswer>,
}

/// A process, one start of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Worker)]
pub struct WorkerAnswer {
    /// The number by which it is drained.
    no: i32,
    /// Name and ULID of the start.
    id: String,
    name: String,
    service: String,
    host: String,
    pid: i32,
    version: String,
    queues: Vec<String>,
    slots: i32,
    /// `live`, `draining`, `lost` or `stopped`.
    status: &'static str,
    /// Answers that were refused because its lease was gone.
    stale_count: i64,
    started_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    drain_requested_at: Option<DateTime<Utc>>,
    stopped_at: Option<DateTime<Utc>>,
    running: Vec<WorkerTask>,
}

/// A task that a worker runs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerTask {
    id: Uuid,
    queue: String,
    kind: String,
    attempt: i32,
    started_at: DateTime<Utc>,
    cancel_requested: bool,
}

impl From<RunningTask> for WorkerTask {
    fn from(task: RunningTask) -> Self {
        Self {
            id: task.id.into(),
            queue: task.queue,
            kind: task.kind,
            attempt: task.attempt,
            started_at: task.started_at,
            cancel_requested: task.cancel_requested,
        }
    }
}

impl From<Worker> for WorkerAnswer {
    fn from(worker: Worker) -> Self {
        Self {
            no: worker.no,
            id: worker.id,
            name: worker.name,
            service: worker.service,
            host: worker.host,
            pid: worker.pid,
            version: worker.version,
            queues: worker.queues,
            slots: worker.slots,
            status: worker.state.as_str(),
            stale_count: worker.stale_count,
            started_at: worker.started_at,
            last_seen_at: worker.last_seen_at,
            drain_requested_at: worker.drain_requested_at,
            stopped_at: worker.stopped_at,
            running: worker.running.into_iter().map(Into::into).collect(),
        }
    }
}

/// Processes that work on the queues, with what they run now; those that were lost or ended within a day too.
#[utoipa::path(
    get,
    path = "/api/ops/workers",
    tag = "ops",
    operation_id = "listWorkers",
    extensions(("x-right" = json!("queues:view"))),
    responses((status = 200, description = "The workers", body = Workers))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<Workers>, Problem> {
    let mut tx = app.db.look("ops.workers").await?;
    let workers = views::workers(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(Workers { items: workers.into_iter().map(Into::into).collect() }))
}
