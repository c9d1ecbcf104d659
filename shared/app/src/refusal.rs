//! What the scanner API refuses: always one of the codes of product 6.4.
use mipo_domain::ids::ScanJobId;
use mipo_protocol::problem::Code;
use mipo_queue::QueueError;
use mipo_store::StoreError;

use crate::{AppError, FieldError};

/// A refusal of a scanner's call.
#[derive(Debug)]
pub struct Refusal {
    /// Which.
    pub code: Code,
    /// A sentence about this case; for `INTERNAL` only for the log.
    pub detail: String,
    /// Wrong values.
    pub fields: Vec<FieldError>,
    /// Where to go on: number of the next part and index.
    pub resume: Option<(u32, u64)>,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
    /// The open transaction holds a record of the refusal (an event, a counter): the caller commits it.
    pub commit: bool,
}

impl Refusal {
    /// A refusal with `code`; whatever the transaction did is rolled back.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), resume: None, retry_after: None, commit: false }
    }

    /// A value is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut refusal = Self::new(Code::Invalid, message.clone());
        refusal.fields.push(FieldError::new(field, code, message));
        refusal
    }

    /// The job is not this scanner's, or gone.
    pub fn job_not_found(id: ScanJobId) -> Self {
        Self::new(Code::JobNotFound, format!("scan job {id} does not exist or belongs to another scanner"))
    }

    /// The transaction holds a record of it.
    pub fn recorded(mut self) -> Self {
        self.commit = true;
        self
    }

    /// Says where to go on.
    pub fn resume_at(mut self, next_seq: i32, resume_index: i64) -> Self {
        self.resume = Some((u32::try_from(next_seq).unwrap_or(0), u64::try_from(resume_index).unwrap_or(0)));
        self
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Invalid(fields) => {
                let detail = fields.first().map_or_else(String::new, |f| f.message.clone());
                Self { fields, ..Self::new(Code::Invalid, detail) }
            }
            AppError::RateLimited(seconds) => {
                Self { retry_after: Some(seconds), ..Self::new(Code::RateLimited, "too many calls") }
            }
            AppError::Unavailable(seconds) => {
                Self { retry_after: Some(seconds), ..Self::new(Code::Unavailable, "not available right now") }
            }
            AppError::Store(error) => error.into(),
            other => Self::new(Code::Internal, other.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self { retry_after: Some(5), ..Self::new(Code::Unavailable, "the database is not available right now") }
        } else {
            Self::new(Code::Internal, error.to_string())
        }
    }
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        AppError::from(error).into()
    }
}
