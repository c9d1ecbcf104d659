//! `/api/ops/*`: queues, workers, tasks, failures, cron, bulk operations and saved views (product 9.5).
mod bulk;
mod cron;
mod database;
mod failures;
mod queues;
mod tasks;
mod views;
mod workers;

use mipo_app::ops::views::Count;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::state::App;

/// Why.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OpsReason)]
pub struct Reason {
    /// Goes to the audit log; at most 1,000 characters. Required where something is taken away: pause, cancel,
    /// discard, drain, snooze, bulk operations.
    #[serde(default)]
    pub reason: String,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = OpsCount)]
pub struct CountAnswer {
    /// The number.
    value: i64,
    /// It is an estimate, a bound or a minute old.
    about: bool,
}

impl From<Count> for CountAnswer {
    fn from(count: Count) -> Self {
        Self { value: count.value, about: count.about }
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(bulk::routes())
        .merge(cron::routes())
        .merge(database::routes())
        .merge(failures::routes())
        .merge(queues::routes())
        .merge(tasks::routes())
        .merge(views::routes())
        .merge(workers::routes())
}
