//! What a page answers instead of itself.
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mipo_app::AppError;
use mipo_store::StoreError;

use super::auth::{came_from, own_path};
use super::page::{Page, Shell};
use super::{ErrorPage, GateError, flash, html};
use crate::http::Client;
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;

/// A refusal on its way to an error page. Handlers of pages return `Result<Response, ui::Error>`.
#[derive(Debug)]
pub struct Error(pub AppError);

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self(AppError::Store(error))
    }
}

/// What the error page says; travels in the response's extensions until [`dress`] draws it.
#[derive(Clone, Debug)]
struct Refusal {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

/// Where the session layer leaves who asks: the layers outside of it draw refusals inside the shell too.
#[derive(Clone, Default)]
pub(crate) struct Visitor(Arc<Mutex<Option<SignedIn>>>);

impl Visitor {
    pub(crate) fn is(&self, signed: &SignedIn) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(signed.clone());
    }

    fn take(&self) -> Option<SignedIn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Refusal {
    fn of(error: &AppError) -> Self {
        let (status, title, detail) = match error {
            AppError::NotFound(what) => (
                StatusCode::NOT_FOUND,
                "Not found",
                format!("There is no such {what}, or you may not see it. It may have been deleted."),
            ),
            AppError::Forbidden(right) => (
                StatusCode::FORBIDDEN,
                "Not allowed",
                format!("This needs the right {right}, which none of your roles has. An administrator can grant it."),
            ),
            AppError::Refused { detail, .. } => (StatusCode::FORBIDDEN, "Not allowed", detail.clone()),
            AppError::Unauthenticated { detail, .. } => (StatusCode::UNAUTHORIZED, "Sign in first", detail.clone()),
            AppError::ReauthRequired => (
                StatusCode::FORBIDDEN,
                "Give your password again",
                "This needs your password from within the last five minutes.".to_owned(),
            ),
            AppError::Conflict { detail, .. } => (StatusCode::CONFLICT, "Not possible now", detail.clone()),
            AppError::Stale => (
                StatusCode::CONFLICT,
                "Changed by somebody else",
                "The object was changed after you opened it. Open it again and repeat your change.".to_owned(),
            ),
            AppError::InUse(users) => (
                StatusCode::CONFLICT,
                "In use",
                format!(
                    "It is used by {}.",
                    users.iter().map(|user| format!("{} {}", user.kind, user.name)).collect::<Vec<_>>().join(", ")
                ),
            ),
            AppError::Invalid(fields) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Not understood",
                fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" "),
            ),
            AppError::RateLimited(seconds) => {
                (StatusCode::TOO_MANY_REQUESTS, "Too often", format!("Try again in {seconds} s."))
            }
            AppError::Unavailable(seconds) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Not available", format!("Try again in {seconds} s."))
            }
            AppError::Store(error) if error.is_transient() => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The database is away",
                "The page could not be read. It usually comes back by itself; try again in a moment.".to_owned(),
            ),
            AppError::Store(_) | AppError::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "This is a fault of mipo. The log has the details under the request below.".to_owned(),
            ),
        };
        Self { status, title, detail }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let refusal = Refusal::of(&self.0);
        if refusal.status.is_server_error() {
            tracing::error!(error = %self.0, "a page could not be answered");
        }
        let mut response = (refusal.status, refusal.detail.clone()).into_response();
        match self.0 {
            AppError::ReauthRequired => {
                response.extensions_mut().insert(StepUp);
            }
            AppError::RateLimited(seconds) | AppError::Unavailable(seconds) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            AppError::Store(ref error) if error.is_transient() => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(SOON));
            }
            _ => {}
        }
        response.extensions_mut().insert(refusal);
        response
    }
}

/// Refuses with words of its own, where no use case was asked.
pub fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Response {
    let mut response = (status, detail.to_owned()).into_response();
    response.extensions_mut().insert(Refusal { status, title, detail: detail.to_owned() });
    response
}

/// Seconds until a database that is away is worth another try.
const SOON: u64 = 5;

/// Marks a refusal for want of a fresh password.
#[derive(Clone, Copy, Debug)]
struct StepUp;

/// Where somebody goes on after giving the password again: the page itself, or the one with the form.
fn back(request: &Request) -> String {
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if request.method() == Method::GET {
        return own_path(here).to_owned();
    }
    let from = request.extensions().get::<Client>().and_then(|client| came_from(request.headers(), client));
    from.unwrap_or_else(|| "/".to_owned())
}

/// Draws refusals as pages: inside the shell when somebody is signed in, else alone. Writes the cookie of the flash. A
/// layer around all pages.
pub async fn dress(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let visitor = Visitor::default();
    request.extensions_mut().insert(visitor.clone());
    let secure = request.extensions().get::<Client>().is_some_and(|client| client.secure);
    let request_id =
        request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let back = back(&request);
    let mut response = next.run(request).await;
    if response.extensions_mut().remove::<StepUp>().is_some() {
        return flash::to(&format!("/reauth?next={}", encode(&back)));
    }
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        flash::settle(&mut response, secure);
        return response;
    };
    let mut page = drawn(&app, visitor.take(), refusal, request_id).await;
    for name in [header::ALLOW, header::RETRY_AFTER, header::SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(&name, value.clone());
        }
    }
    page
}

async fn drawn(app: &App, visitor: Option<SignedIn>, refusal: Refusal, request_id: String) -> Response {
    let Refusal { status, title, detail } = refusal;
    let theme = visitor.as_ref().map_or("", |signed| signed.theme);
    let shell = match visitor {
        // Without the database there is no navigation, but there is an answer.
        Some(signed) => Shell::read(app, signed, None).await.ok(),
        None => None,
    };
    match shell {
        Some(shell) => {
            let page = Page::new(shell).at("", title);
            html(status, &ErrorPage { page, status: status.as_u16(), detail, request_id })
        }
        None => {
            html(status, &GateError { theme, title: title.to_owned(), status: status.as_u16(), detail, request_id })
        }
    }
}
