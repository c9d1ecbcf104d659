//! `/api/config/discovery/*`
mod lists;
mod sources;

use utoipa_axum::router::OpenApiRouter;

use crate::state::App;

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    sources::routes().merge(lists::routes())
}
