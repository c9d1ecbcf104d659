//! `GET /api/openapi.json`: the description of everything under `/api`.
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::Problem;
use crate::signed::SignedIn;
use crate::state::App;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "mipo admin API",
        description = "Errors are application/problem+json. Writes carry the cookie of the login and its csrfToken as X-CSRF-Token; with an Idempotency-Key they can be repeated safely for 24 h."
    ),
    components(schemas(Problem))
)]
struct Base;

/// The document, made once.
pub static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = super::described().into_openapi();
    complete(&mut document);
    document
});

static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_json().unwrap_or_default());

/// A router with the head of the document.
pub(super) fn base() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Base::openapi())
}

/// What every operation has in common.
fn complete(document: &mut OpenApi) {
    let problem = ResponseBuilder::new()
        .description("What was refused, and what would be right")
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name("Problem"))))
        .build();
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in all.into_iter().flatten() {
            operation.responses.responses.entry("default".to_owned()).or_insert(RefOr::T(problem.clone()));
        }
    }
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-mipo")));
    let components = document.components.get_or_insert_with(Default::default);
    components.add_security_scheme("session", cookie);
    document.security = Some(vec![SecurityRequirement::new("session", Vec::<String>::new())]);
}

/// The endpoint.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(openapi_json))
}

/// This document: OpenAPI 3.1 of everything under /api.
#[utoipa::path(get, path = "/api/openapi.json", tag = "openapi", responses((status = 200, description = "The document")))]
async fn openapi_json(_: SignedIn) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
