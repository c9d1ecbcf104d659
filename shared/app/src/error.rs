//! What a use case can refuse, without a word of HTTP.
use mipo_domain::rights::Right;
use mipo_store::StoreError;

/// One input that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as the caller named it (camelCase, with an index where it is a list: `ports[2]`).
    pub field: String,
    /// A stable word for programs, such as `required` or `host_bits_set`.
    pub code: &'static str,
    /// What is wrong and what would be right, for people.
    pub message: String,
}

impl FieldError {
    /// A refusal of `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// Something that refers to the object that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// What it is: `scan template`, `subnet group`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The path of its page.
    pub path: String,
}

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Inputs are wrong; nothing was stored.
    #[error("invalid input: {}", .0.iter().map(|f| f.field.as_str()).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<FieldError>),
    /// Absent, or not visible to the caller.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Not signed in, or the credential is not good.
    #[error("not authenticated: {code}")]
    Unauthenticated {
        /// Stable word, such as `INVALID_KEY`.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// The right is missing.
    #[error("the right {0} is missing")]
    Forbidden(Right),
    /// Refused although the right is there (built-in objects, self-protection, …).
    #[error("refused: {code}")]
    Refused {
        /// Stable word.
        code: &'static str,
        /// For people: what would be possible instead.
        detail: String,
    },
    /// The password has to be given again first.
    #[error("the password has to be given again")]
    ReauthRequired,
    /// The state of things does not allow it.
    #[error("conflict: {code}")]
    Conflict {
        /// Stable word, such as `NAME_TAKEN`.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// Somebody else changed the object first.
    #[error("changed by somebody else meanwhile")]
    Stale,
    /// Something refers to the object.
    #[error("in use")]
    InUse(Vec<Referrer>),
    /// Too often; try again after so many seconds.
    #[error("too often, again in {0} s")]
    RateLimited(u64),
    /// Not now; try again after so many seconds.
    #[error("not available, again in {0} s")]
    Unavailable(u64),
    /// The database refused or is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug or a broken installation; the text goes to the log, never to the user.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<mipo_queue::QueueError> for AppError {
    fn from(error: mipo_queue::QueueError) -> Self {
        match error {
            mipo_queue::QueueError::Database(error) => Self::Store(StoreError::from(error)),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl AppError {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, message)])
    }

    /// A conflict.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// Maps the refusal of the constraint `name` to `error`; everything else stays what it was.
    pub fn on_constraint(error: StoreError, name: &str, refusal: impl FnOnce() -> Self) -> Self {
        if error.constraint() == Some(name) { refusal() } else { Self::Store(error) }
    }
}
