//! Area Ops: queues, workers, tasks, failures, cron, database, bulk operations, saved views.
mod act;
mod bulk;
mod can;
mod cron;
mod database;
mod failures;
mod latency;
mod limits;
mod pictures;
mod queue;
mod queues;
mod reason;
mod task;
mod tasks;
mod timeline;
mod verdict;
mod views;
mod why;
mod words;
mod workers;

use axum::Router;
use axum::routing::{get, post};

use crate::state::App;

/// Pages and forms of the area.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ops/queues", get(queues::page))
        .route("/ops/queues/{name}", get(queue::page))
        .route("/ops/queues/{name}/pause", get(limits::pause_page).post(limits::pause))
        .route("/ops/queues/{name}/resume", post(limits::resume))
        .route("/ops/queues/{name}/limits", get(limits::limits_page).post(limits::set))
        .route("/ops/tasks", get(tasks::page))
        .route("/ops/tasks/{id}", get(task::page))
        .route("/ops/tasks/{id}/arguments", get(task::hide).post(task::reveal))
        .route("/ops/tasks/{id}/retry", post(act::retry))
        .route("/ops/tasks/{id}/run-now", post(act::run_now))
        .route("/ops/tasks/{id}/undo", post(act::undo))
        .route("/ops/tasks/{id}/resume-queue", post(act::resume_queue))
        .route("/ops/tasks/{id}/cancel", get(act::cancel_page).post(act::cancel))
        .route("/ops/tasks/{id}/discard", get(act::discard_page).post(act::discard))
        .route("/ops/tasks/{id}/priority", get(act::priority_page).post(act::priority))
        .route("/ops/bulk", get(bulk::list).post(bulk::start))
        .route("/ops/bulk/new", get(bulk::new_page))
        .route("/ops/bulk/{id}", get(bulk::one))
        .route("/ops/bulk/{id}/stop", post(bulk::stop))
        .route("/ops/bulk/{id}/undo", get(bulk::undo_page).post(bulk::undo))
        .route("/ops/views", get(views::list).post(views::create))
        .route("/ops/views/new", get(views::new_page))
        .route("/ops/views/{id}", get(views::one).post(views::update))
        .route("/ops/views/{id}/delete", get(views::delete_page).post(views::delete))
        .route("/ops/failures", get(failures::list))
        .route("/ops/failures/snooze", get(failures::snooze_page).post(failures::snooze))
        .route("/ops/failures/show", post(failures::show_again))
        .route("/ops/workers", get(workers::list))
        .route("/ops/workers/{no}/drain", get(workers::drain_page).post(workers::drain))
        .route("/ops/workers/{no}/undrain", post(workers::undrain))
        .route("/ops/cron", get(cron::list))
        .route("/ops/cron/{name}/pause", get(cron::pause_page).post(cron::pause))
        .route("/ops/cron/{name}/resume", post(cron::resume))
        .route("/ops/cron/{name}/run", post(cron::run))
        .route("/ops/database", get(database::panel))
}
