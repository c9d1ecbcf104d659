//! `/api/me*`: one's own account.
mod account;
mod password;
mod sessions;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(account::get, account::put))
        .routes(routes!(password::put))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
}
