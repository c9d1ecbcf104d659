//! `GET /api/ops/cron`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::cron::CronLine;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The entries.
#[derive(Serialize, ToSchema)]
pub struct CronEntries {
    /// By name.
    items: Vec<CronEntry>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronEntry {
    name: String,
    /// Five fields.
    schedule: String,
    zone: String,
    /// The schedule in words.
    words: String,
    queue: String,
    kind: String,
    /// After downtime one tick makes up for all that were missed.
    catch_up: bool,
    paused: bool,
    last_tick: DateTime<Utc>,
    /// The next five ticks, as if it were not paused.
    next: Vec<DateTime<Utc>>,
    last: Option<CronResult>,
    /// Tasks of its kind that ended well, by hour, 24 of them, the newest last.
    done: Vec<i64>,
    /// Those that died.
    dead: Vec<i64>,
    version: i32,
}

/// The task of the last tick or of the last "run now".
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronResult {
    task_id: Uuid,
    status: String,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl From<CronLine> for CronEntry {
    fn from(line: CronLine) -> Self {
        Self {
            done: line.hours.iter().map(|(done, _)| *done).collect(),
            dead: line.hours.iter().map(|(_, dead)| *dead).collect(),
            name: line.name,
            schedule: line.schedule,
            zone: line.zone,
            words: line.words,
            queue: line.queue,
            kind: line.kind,
            catch_up: line.catch_up,
            paused: line.paused,
            last_tick: line.last_tick,
            next: line.next,
            last: line.last.map(|last| CronResult {
                task_id: last.task.into(),
                status: last.state,
                started_at: last.started_at,
                finished_at: last.finished_at,
                error: last.error,
            }),
            version: line.version,
        }
    }
}

/// What runs by the clock: in words, when next, and how it went.
#[utoipa::path(
    get,
    path = "/api/ops/cron",
    tag = "ops",
    operation_id = "listCron",
    extensions(("x-right" = json!("queues:view"))),
    responses((status = 200, description = "The entries", body = CronEntries))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<CronEntries>, Problem> {
    let mut tx = app.db.look("ops.cron").await?;
    let entries = views::cron(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(CronEntries { items: entries.into_iter().map(Into::into).collect() }))
}
