//! Pages around signing in: setup, login, logout, step-up.
pub mod login;
pub mod reauth;
pub mod setup;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};

use crate::http::Client;
use crate::state::App;

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/setup", get(setup::page).post(setup::create))
        .route("/login", get(login::page).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/reauth", get(reauth::page).post(reauth::step_up))
}

/// `next` if it is a path of ours, else home. Whoever follows a link to the login must land here and nowhere else.
pub fn own_path(next: &str) -> &str {
    let mut chars = next.chars();
    let ours = chars.next() == Some('/')
        && !matches!(chars.next(), Some('/' | '\\'))
        && next.len() <= 2000
        && !next.chars().any(|c| c.is_control() || c == '\\' || c.is_whitespace());
    if ours { next } else { "/" }
}

/// The page that the request came from, if it is one of ours.
pub fn came_from(headers: &HeaderMap, client: &Client) -> Option<String> {
    let referer = headers.get(axum::http::header::REFERER)?.to_str().ok()?;
    let rest = referer.strip_prefix(&client.origin())?;
    let path = own_path(rest);
    (path == rest).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        for good in ["/", "/scans/12?tab=jobs", "/config/scanners#s-1"] {
            assert_eq!(own_path(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\nb",
            "/\t/evil",
            "evil",
            "/a\\b",
        ] {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
    }
}
