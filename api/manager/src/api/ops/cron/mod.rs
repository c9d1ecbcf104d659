//! `/api/ops/cron`: what runs by the clock.
mod list;
mod pause;
mod resume;
mod run;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(run::run))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
}
