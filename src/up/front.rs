//! One port for everything, as the gateway does it in production: `/scanner` and `/discovery` go to ingest, the rest
//! to the manager.
use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::{ServiceExt as _, service_fn};

/// Joins both routers; each keeps its own fallback, limits and headers.
pub(crate) fn router(manager: Router, ingest: Router) -> Router {
    Router::new().fallback_service(service_fn(move |request: Request| {
        let router = if is_for_ingest(request.uri().path()) { ingest.clone() } else { manager.clone() };
        async move { Ok::<Response, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    }))
}

/// `/scanner` and what lies below it, but not `/scanners`.
fn is_for_ingest(path: &str) -> bool {
    ["/scanner", "/discovery"]
        .into_iter()
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_path_segments_count() {
        assert!(is_for_ingest("/scanner/jobs") && is_for_ingest("/scanner") && is_for_ingest("/discovery/lists"));
        assert!(!is_for_ingest("/scanners") && !is_for_ingest("/config/scanner") && !is_for_ingest("/"));
    }
}
