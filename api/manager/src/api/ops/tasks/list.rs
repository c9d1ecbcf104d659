//! `GET /api/ops/tasks`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::tasks::{Ask, Order, PAGE_MAX, TaskRow};
use mipo_app::{AppError, FieldError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ops::CountAnswer;
use crate::http::{Json, Problem};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// Rows a page without `pageSize`.
const PAGE_SIZE: u16 = 25;

/// A page of tasks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    items: Vec<TaskLine>,
    /// `cursor` of the next page; `null` at the end.
    next: Option<Uuid>,
    /// The page is short because it looked no further than to tasks of this time; the next page goes on there.
    looked_until: Option<DateTime<Utc>>,
    /// How many pass the filter; on the first page alone.
    total: Option<CountAnswer>,
    /// The filter as it was understood.
    filter: String,
}

/// A task in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskLine {
    id: Uuid,
    queue: String,
    kind: String,
    /// One of the ten shown states.
    status: String,
    priority: i16,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
    fingerprint: Option<String>,
    worker: Option<String>,
    cancel_requested: bool,
    /// Since it was due or has ended; negative until it is due.
    age_seconds: f64,
    wait_ms: Option<f64>,
    run_ms: Option<f64>,
}

impl From<TaskRow> for TaskLine {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id.as_uuid(),
            queue: row.queue,
            kind: row.kind,
            status: row.state,
            priority: row.priority,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            error: row.error,
            fingerprint: row.fingerprint,
            worker: row.worker,
            cancel_requested: row.cancel_requested,
            age_seconds: row.age_seconds,
            wait_ms: row.wait_ms,
            run_ms: row.run_ms,
        }
    }
}

/// Reads what is asked of the list; every mistake is named.
fn ask(raw: Option<&str>) -> Result<Ask, AppError> {
    let (mut ask, mut errors) = (Ask { limit: PAGE_SIZE, ..Ask::default() }, Vec::new());
    for (name, value) in pairs(raw.unwrap_or_default()) {
        match (name.as_str(), value.trim()) {
            (_, "") => {}
            ("q", text) => match views::filter("q", text) {
                Ok(filter) => ask.filter = filter,
                Err(AppError::Invalid(bad)) => errors.extend(bad),
                Err(other) => return Err(other),
            },
            ("cursor", text) => match text.parse() {
                Ok(id) => ask.after = Some(id),
                Err(_) => errors.push(FieldError::new("cursor", "wrong_type", "The `next` of the page before.")),
            },
            ("pageSize", text) => match text.parse().ok().filter(|n| (1..=PAGE_MAX).contains(n)) {
                Some(size) => ask.limit = size,
                None => errors.push(FieldError::new("pageSize", "range", format!("A number from 1 to {PAGE_MAX}."))),
            },
            ("sort", "-id") => ask.order = Order::Newest,
            ("sort", "id") => ask.order = Order::Oldest,
            ("sort", _) => errors.push(FieldError::new("sort", "unknown_column", "Write -id (newest first) or id.")),
            (other, _) => {
                let message = "Known are q, cursor, pageSize and sort.";
                errors.push(FieldError::new(other, "unknown_field", message));
            }
        }
    }
    if errors.is_empty() { Ok(ask) } else { Err(AppError::Invalid(errors)) }
}

/// Tasks, live and ended, that pass a filter such as `status:dead kind:plan_scan age:<1h`.
#[utoipa::path(
    get,
    path = "/api/ops/tasks",
    tag = "ops",
    operation_id = "listTasks",
    extensions(("x-right" = json!("queues:view"))),
    params(
        ("q" = Option<String>, Query, description = "The filter: queue: kind: status: error: fingerprint: age: id: worker: payload:path=value"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("pageSize" = Option<u16>, Query, description = "1 to 200; 25 unless said"),
        ("sort" = Option<String>, Query, description = "`-id` (newest first, unless said) or `id`"),
    ),
    responses((status = 200, description = "A page", body = Tasks))
)]
pub async fn list(State(app): State<App>, signed: SignedIn, RawQuery(query): RawQuery) -> Result<Json<Tasks>, Problem> {
    let ask = ask(query.as_deref())?;
    let mut tx = app.db.look("ops.tasks").await?;
    let page = views::tasks(&mut tx, &app.ctx(&signed.caller), &ask).await?;
    Ok(Json(Tasks {
        items: page.items.into_iter().map(Into::into).collect(),
        next: page.next.map(Into::into),
        looked_until: page.looked_until,
        total: page.total.map(Into::into),
        filter: ask.filter.to_string(),
    }))
}
