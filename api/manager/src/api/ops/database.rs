//! `GET /api/ops/database`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::database::{Holder, Statement, TableSize};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The tables of the queue, and what in the database is in their way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueDatabase {
    size_bytes: i64,
    tables: Vec<QueueTable>,
    /// Who keeps the vacuum from removing dead rows, the worst first.
    holders: Vec<VacuumHolder>,
    /// How full the queue of notifications is, 0 to 1.
    notify_used: f64,
    /// The statement on the queue that has run longest now.
    slowest: Option<SlowStatement>,
    /// False: this role may not see what others do; holders and the slowest statement are its own alone.
    sees_all: bool,
}

/// A table with its indexes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueTable {
    name: String,
    /// About so many.
    rows: i64,
    dead_rows: i64,
    bytes: i64,
    last_autovacuum: Option<DateTime<Utc>>,
}

/// What holds back the vacuum.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VacuumHolder {
    /// `session`, `replication slot` or `prepared transaction`.
    what: String,
    name: String,
    application: String,
    role: String,
    state: String,
    /// How many transactions ago its oldest snapshot was taken.
    xmin_age: i64,
    seconds: Option<f64>,
}

/// A running statement.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowStatement {
    text: String,
    application: String,
    pid: i32,
    seconds: f64,
    waits_for: Option<String>,
}

impl From<TableSize> for QueueTable {
    fn from(table: TableSize) -> Self {
        let TableSize { name, rows, dead_rows, bytes, last_autovacuum } = table;
        Self { name, rows, dead_rows, bytes, last_autovacuum }
    }
}

impl From<Holder> for VacuumHolder {
    fn from(holder: Holder) -> Self {
        let Holder { what, name, application, role, state, xmin_age, seconds } = holder;
        Self { what, name, application, role, state, xmin_age, seconds }
    }
}

impl From<Statement> for SlowStatement {
    fn from(statement: Statement) -> Self {
        let Statement { text, application, pid, seconds, waits_for } = statement;
        Self { text, application, pid, seconds, waits_for }
    }
}

/// Size and dead rows of the tables of the queue, who holds back the vacuum, and the slowest statement.
#[utoipa::path(
    get,
    path = "/api/ops/database",
    tag = "ops",
    operation_id = "getQueueDatabase",
    extensions(("x-right" = json!("queues:view"))),
    responses((status = 200, description = "The panel", body = QueueDatabase))
)]
pub async fn get(State(app): State<App>, signed: SignedIn) -> Result<Json<QueueDatabase>, Problem> {
    let mut tx = app.db.look("ops.database").await?;
    let found = views::database(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(QueueDatabase {
        size_bytes: found.size_bytes,
        tables: found.tables.into_iter().map(Into::into).collect(),
        holders: found.holders.into_iter().map(Into::into).collect(),
        notify_used: found.notify_used,
        slowest: found.slowest.map(Into::into),
        sees_all: found.sees_all,
    }))
}

/// The endpoint.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}
