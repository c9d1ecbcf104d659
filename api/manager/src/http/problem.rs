//! Refusals as `application/problem+json` (product 6.1, RFC 9457).
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mipo_app::AppError;
use mipo_app::error::Referrer;
use mipo_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal. The request id is filled in on the way out.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the kind of problem: `urn:mipo:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// A few words for people, the same for every problem of this status.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// A stable word for programs, such as `STALE_VERSION`.
    code: &'static str,
    /// What happened and what would be right.
    detail: String,
    /// The inputs that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
    /// What refers to the object, with `IN_USE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    used_by: Vec<User>,
    /// The right that is missing, with `FORBIDDEN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<&'static str>,
    /// The request, for the log.
    request_id: String,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// One input that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProblemField)]
pub struct Field {
    /// Its name, as it was sent.
    field: String,
    /// A stable word for programs.
    code: &'static str,
    /// What is wrong and what would be right.
    message: String,
}

/// Something that refers to the object.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProblemUser)]
pub struct User {
    /// What it is.
    kind: &'static str,
    /// Its name.
    name: String,
    /// The path of its page.
    path: String,
}

impl Problem {
    /// A refusal with a code of its own.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:mipo:problem:{code}"),
            title: title(status),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            fields: Vec::new(),
            used_by: Vec::new(),
            right: None,
            request_id: String::new(),
            retry_after: None,
        }
    }

    /// Nobody is signed in.
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "NOT_SIGNED_IN", "Sign in first, by POST /api/auth/login.")
    }

    /// There is nothing here.
    pub fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing at this address.")
    }

    /// For a status that something below us answered without words.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "METHOD_NOT_ALLOWED", "This address does not know this method.")
            }
            StatusCode::NOT_FOUND => Self::nothing_here(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "BODY_TOO_LARGE", "The body is larger than 1 MiB."),
            _ if status.is_server_error() => Self::new(status, "INTERNAL", INTERNAL),
            _ => Self::new(status, "BAD_REQUEST", "The request cannot be read."),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer, with the request that it answers.
    pub(super) fn answer(mut self, request_id: &str) -> Response {
        request_id.clone_into(&mut self.request_id);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

const INTERNAL: &str = "This is a fault of mipo. The log has the details under the request id.";

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        if let AppError::Internal(_) | AppError::Store(_) = error {
            tracing::error!(%error, "a request could not be answered");
        }
        match error {
            AppError::Invalid(errors) => {
                let fields: Vec<Field> = errors
                    .into_iter()
                    .map(|error| Field { field: error.field, code: error.code, message: error.message })
                    .collect();
                let detail = fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" ");
                Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_FIELDS", detail) }
            }
            AppError::NotFound(what) => Self::new(
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                format!("There is no such {what}, or you may not see it."),
            ),
            AppError::Unauthenticated { code, detail } => Self::new(StatusCode::UNAUTHORIZED, code, detail),
            AppError::Forbidden(right) => Self {
                right: Some(right.as_str()),
                ..Self::new(
                    StatusCode::FORBIDDEN,
                    "FORBIDDEN",
                    format!("This needs the right {right}, which none of your roles has."),
                )
            },
            AppError::Refused { code, detail } => Self::new(StatusCode::FORBIDDEN, code, detail),
            AppError::ReauthRequired => Self::new(
                StatusCode::FORBIDDEN,
                "REAUTH_REQUIRED",
                "Give your password again, by POST /api/auth/reauth, and repeat the request within 5 minutes.",
            ),
            AppError::Conflict { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            AppError::Stale => Self::new(
                StatusCode::CONFLICT,
                "STALE_VERSION",
                "The object was changed meanwhile. Read it again and repeat the change with its new version.",
            ),
            AppError::InUse(users) => Self::in_use(users),
            AppError::RateLimited(seconds) => Self {
                retry_after: Some(seconds),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "RATE_LIMITED",
                    format!("Too often. Try again in {seconds} s."),
                )
            },
            AppError::Unavailable(seconds) => Self {
                retry_after: Some(seconds),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", format!("Try again in {seconds} s."))
            },
            AppError::Store(error) if error.is_transient() => Self {
                retry_after: Some(5),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "DATABASE_AWAY",
                    "The database does not answer. It usually comes back by itself; try again in a moment.",
                )
            },
            AppError::Store(_) | AppError::Internal(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", INTERNAL)
            }
        }
    }
}

impl Problem {
    fn in_use(users: Vec<Referrer>) -> Self {
        let names: Vec<String> = users.iter().map(|user| format!("{} {}", user.kind, user.name)).collect();
        let detail = format!("It is used by {}. Take it out there first.", names.join(", "));
        let used_by =
            users.into_iter().map(|user| User { kind: user.kind, name: user.name, path: user.path }).collect();
        Self { used_by, ..Self::new(StatusCode::CONFLICT, "IN_USE", detail) }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        AppError::Store(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Written by the outermost layer, which knows the request id.
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A few words for a status.
pub(super) fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "Not readable",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Method not known",
        StatusCode::REQUEST_TIMEOUT => "Too slow",
        StatusCode::CONFLICT => "Not possible now",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Wrong content type",
        StatusCode::UNPROCESSABLE_ENTITY => "Wrong input",
        StatusCode::TOO_MANY_REQUESTS => "Too often",
        StatusCode::SERVICE_UNAVAILABLE => "Not available",
        _ if status.is_server_error() => "Something went wrong",
        _ => "Refused",
    }
}
