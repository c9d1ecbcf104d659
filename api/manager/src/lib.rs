//! GUI and admin API.
pub mod api;
pub mod assets;
pub mod enrolment;
pub mod http;
pub mod lists;
pub mod live;
pub mod service;
pub mod signed;
pub mod state;
pub mod ui;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use mipo_app::AppError;

use crate::http::{Problem, body, client, csrf, headers, idempotency, panics, request_id, session};
use crate::state::App;

/// Everything that the manager serves. Whoever serves it adds `ConnectInfo`, by which callers are told apart.
pub fn router(app: App) -> Router {
    let routes =
        Router::new().merge(api::routes()).merge(ui::routes()).merge(live::stream::routes()).merge(assets::routes());
    around(routes, app)
}

/// `routes` with all that stands around every request, see [`http`].
pub fn around(routes: Router<App>, app: App) -> Router {
    let with_app = || app.clone();
    routes
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        // The last one is the outermost.
        .layer(from_fn_with_state(with_app(), idempotency::layer))
        .layer(from_fn_with_state(with_app(), csrf::layer))
        .layer(from_fn_with_state(with_app(), session::layer))
        .layer(from_fn(body::layer))
        .layer(from_fn(panics::layer))
        .layer(from_fn_with_state(with_app(), ui::errors::dress))
        .layer(from_fn_with_state(with_app(), client::layer))
        .layer(from_fn(headers::layer))
        .layer(from_fn_with_state(with_app(), request_id::layer))
        .with_state(app)
}

/// An address that takes other methods. One that only takes forms leads to the page that has the form: a refused form is
/// drawn there, and somebody may open the address again.
async fn not_this_way(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    if http::is_api(path) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if matches!(method, Method::GET | Method::HEAD) {
        let parent = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| parent);
        let parent = if parent.starts_with("/profile") { "/profile" } else { parent };
        return ui::flash::to(if parent.is_empty() { "/" } else { parent });
    }
    let detail = "This address cannot be used that way. Open the page and use what it offers.";
    ui::errors::refusal(StatusCode::METHOD_NOT_ALLOWED, "Not possible", detail)
}

/// What belongs to ingest (`/scanner`, `/discovery`) is nothing here either.
async fn nothing_here(uri: Uri) -> Response {
    if http::is_api(uri.path()) {
        Problem::nothing_here().into_response()
    } else {
        ui::Error(AppError::NotFound("page")).into_response()
    }
}
