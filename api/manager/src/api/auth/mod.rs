//! `/api/auth/*`: sign in, sign out, give the password again.
mod login;
mod logout;
mod reauth;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login::login)).routes(routes!(logout::logout)).routes(routes!(reauth::reauth))
}
