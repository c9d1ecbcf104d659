//! Holds each request to what its operation says it needs, before any input is read.
use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use mipo_app::AppError;
use mipo_domain::rights::Right;
use utoipa::openapi::path::Operation;

use super::openapi::DOCUMENT;
use crate::http::Problem;
use crate::signed::SignedIn;

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// Somebody who is signed in.
    SignedIn,
    /// A right.
    Right(Right),
}

/// The extension that names the right.
const EXTENSION: &str = "x-right";

static NEEDS: LazyLock<HashMap<(Method, String), Need>> =
    LazyLock::new(|| operations().map(|(method, path, need)| ((method, path.to_owned()), need)).collect());

/// Every operation with what it needs.
pub fn operations() -> impl Iterator<Item = (Method, &'static str, Need)> {
    DOCUMENT.paths.paths.iter().flat_map(|(path, item)| {
        let all = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        all.into_iter().filter_map(|(method, operation)| {
            let operation = operation.as_ref()?;
            Some((method, path.as_str(), need(operation)))
        })
    })
}

fn need(operation: &Operation) -> Need {
    let named = operation.extensions.as_ref().and_then(|extensions| extensions.get(EXTENSION)?.as_str());
    match named {
        // An unknown right is nobody's: a test walks the document and finds it.
        Some(text) => text.parse().map_or(Need::SignedIn, Need::Right),
        None if operation.security.as_ref().is_some_and(|all| all.iter().any(|one| one == &Default::default())) => {
            Need::Nothing
        }
        None => Need::SignedIn,
    }
}

/// See the module.
pub async fn layer(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    // HEAD is answered by the handler of GET.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let need = NEEDS.get(&(method, path)).copied().unwrap_or(Need::SignedIn);
    let signed = request.extensions().get::<SignedIn>();
    let refusal = match (need, signed) {
        (Need::Nothing, _) | (Need::SignedIn, Some(_)) => None,
        (_, None) => Some(Problem::not_signed_in()),
        (Need::Right(right), Some(signed)) if signed.caller.may(right) => None,
        (Need::Right(right), Some(_)) => Some(AppError::Forbidden(right).into()),
    };
    match refusal {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}
