//! `/api/ops/tasks`: the tasks, live and ended, and what people do to one.
mod args;
mod cancel;
mod discard;
mod get;
mod list;
mod priority;
mod retry;
mod run_now;
mod undo;

use mipo_app::ops::views;
use mipo_domain::ids::TaskId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The task as it is after a change.
async fn now(app: &App, signed: &SignedIn, id: TaskId) -> Result<Json<get::TaskAnswer>, Problem> {
    let mut tx = app.db.look("ops.task").await?;
    let (detail, why) = views::task(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(get::TaskAnswer::of(detail, why)))
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(args::args))
        .routes(routes!(retry::retry))
        .routes(routes!(cancel::cancel))
        .routes(routes!(discard::discard))
        .routes(routes!(undo::undo))
        .routes(routes!(run_now::run_now))
        .routes(routes!(priority::priority))
}
