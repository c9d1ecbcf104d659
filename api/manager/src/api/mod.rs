//! `/api/*`: a folder a noun, a file an endpoint.
//!
//! Routes are made by `routes!` from handlers with `#[utoipa::path]`, so nothing is routed that is not described. Each
//! operation says what it needs: `extensions(("x-right" = json!("scans:view")))` a right, `security(())` nothing, and
//! neither of the two that somebody is signed in. [`guard`] holds requests to what is written there before any input
//! is read; the use case checks its right all the same.
pub mod alerting;
pub mod audit;
pub mod auth;
pub mod common;
pub mod exclusions;
pub mod guard;
pub mod job_errors;
pub mod me;
pub mod openapi;
pub mod ops;
pub mod port_lists;
pub mod scan_templates;
pub mod scanners;
pub mod scans;
pub mod schedules;
pub mod subnets;

use axum::Router;
use axum::middleware::from_fn;
use utoipa_axum::router::OpenApiRouter;

use crate::state::App;

/// Every endpoint with its description.
fn described() -> OpenApiRouter<App> {
    openapi::base()
        .merge(alerting::routes())
        .merge(audit::routes())
        .merge(auth::routes())
        .merge(me::routes())
        .merge(scans::routes())
        .merge(schedules::routes())
        .merge(scanners::routes())
        .merge(subnets::routes())
        .merge(port_lists::routes())
        .merge(scan_templates::routes())
        .merge(exclusions::routes())
        .merge(job_errors::routes())
        .merge(ops::routes())
        .merge(openapi::routes())
}

/// Every endpoint, guarded.
pub fn routes() -> Router<App> {
    let (router, _) = described().split_for_parts();
    router.layer(from_fn(guard::layer))
}
