//! `/api/*`: a folder a noun, a file an endpoint.
//!
//! Routes are made by `routes!` from handlers with `#[utoipa::path]`, so nothing is routed that is not described. Each
//! operation says what it needs: `extensions(("x-right" = json!("scans:view")))` a right, `security(())` nothing, and
//! neither of the two that somebody is signed in. [`guard`] holds requests to what is written there before any input
//! is read; the use case checks its right all the same.
pub mod alerting;
pub mod audit;
pub mod auth;
pub mod blackouts;
pub mod common;
pub mod discovery;
pub mod exclusions;
pub mod fqdn_groups;
pub mod fqdns;
pub mod guard;
pub mod job_errors;
pub mod me;
pub mod openapi;
pub mod ops;
pub mod port_catalog;
pub mod port_list_groups;
pub mod port_lists;
pub mod scan_template_groups;
pub mod scan_templates;
pub mod scanner_groups;
pub mod scanners;
pub mod scans;
pub mod schedules;
pub mod seeds;
pub mod subnet_groups;
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
        .merge(scanner_groups::routes())
        .merge(subnets::routes())
        .merge(subnet_groups::routes())
        .merge(fqdns::routes())
        .merge(fqdn_groups::routes())
        .merge(discovery::routes())
        .merge(port_lists::routes())
        .merge(port_list_groups::routes())
        .merge(port_catalog::routes())
        .merge(seeds::routes())
        .merge(scan_templates::routes())
        .merge(scan_template_groups::routes())
        .merge(exclusions::routes())
        .merge(job_errors::routes())
        .merge(blackouts::routes())
        .merge(ops::routes())
        .merge(openapi::routes())
}

/// Every endpoint, guarded.
pub fn routes() -> Router<App> {
    let (router, _) = described().split_for_parts();
    router.layer(from_fn(guard::layer))
}
