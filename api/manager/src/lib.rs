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
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use mipo_app::AppError;

use crate::http::{Problem, body, client, csrf, headers, idempotency, request_id, session};
use crate::state::App;

/// Everything that the manager serves. Whoever serves it adds `ConnectInfo`, by which callers are told apart.
pub fn router(app: App) -> Router {
    let with_app = || app.clone();
    Router::new()
        .merge(api::routes())
        .merge(ui::routes())
        .merge(live::stream::routes())
        .merge(assets::routes())
        .fallback(nothing_here)
        // The last one is the outermost.
        .layer(from_fn_with_state(with_app(), idempotency::layer))
        .layer(from_fn_with_state(with_app(), csrf::layer))
        .layer(from_fn_with_state(with_app(), session::layer))
        .layer(from_fn(body::layer))
        .layer(from_fn_with_state(with_app(), client::layer))
        .layer(from_fn(ui::errors::dress))
        .layer(from_fn(headers::layer))
        .layer(from_fn_with_state(with_app(), request_id::layer))
        .with_state(app)
}

/// What belongs to ingest (`/scanner`, `/discovery`) is nothing here either.
async fn nothing_here(uri: Uri) -> Response {
    if http::is_api(uri.path()) {
        Problem::nothing_here().into_response()
    } else {
        ui::Error(AppError::NotFound("page")).into_response()
    }
}
