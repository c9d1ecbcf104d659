//! Problem bodies of the scanner API, and of the discovery API beside it: which code means what, and what the scanner does about it (product 6.4).
use serde::{Deserialize, Serialize};

/// What a scanner does about a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Try again later.
    #[default]
    Retry,
    /// Give this up.
    Stop,
    /// The key or token is no good: a person has to enrol the scanner anew.
    Reprovision,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $action:ident, $title:literal),+ $(,)?) => {
        /// Every refusal of the scanner API and of the discovery API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name),+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// What the scanner does about it.
            pub const fn action(self) -> Action {
                match self { $(Self::$name => Action::$action),+ }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

codes! {
    /// The body cannot be read.
    BadRequest = "BAD_REQUEST", 400, Stop, "The request cannot be read",
    /// The body is too big.
    TooLarge = "TOO_LARGE", 413, Stop, "The body is too big",
    /// A value is wrong.
    Invalid = "INVALID", 422, Stop, "A value is not valid",
    /// The key is unknown, revoked or missing.
    InvalidKey = "INVALID_KEY", 401, Reprovision, "The key is not valid",
    /// The token is unknown, expired or used.
    TokenInvalid = "TOKEN_INVALID", 401, Reprovision, "The token is not valid",
    /// The scanner is disabled.
    ScannerDisabled = "SCANNER_DISABLED", 403, Retry, "The scanner is disabled",
    /// The source is outside the binding.
    IpBindingViolation = "IP_BINDING_VIOLATION", 403, Retry, "The source address is not the bound one",
    /// The discovery source is disabled.
    SourceDisabled = "SOURCE_DISABLED", 403, Retry, "The discovery source is disabled",
    /// No route has this path.
    NotFound = "NOT_FOUND", 404, Stop, "There is nothing here",
    /// Not this scanner's job, or gone.
    JobNotFound = "JOB_NOT_FOUND", 404, Stop, "There is no such job",
    /// A discovery list names a scanner or a group that does not exist.
    ScannerNotFound = "SCANNER_NOT_FOUND", 404, Stop, "There is no such scanner or scanner group",
    /// Not a list of this source, or gone.
    ListNotFound = "LIST_NOT_FOUND", 404, Stop, "There is no such list",
    /// The route knows another method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, Stop, "The method is not allowed here",
    /// The lease attempt is stale, expired, or there is no lease.
    LeaseLost = "LEASE_LOST", 409, Stop, "The lease is lost",
    /// The job is terminal.
    JobEnded = "JOB_ENDED", 409, Stop, "The job has ended",
    /// The part is not next in line, or known with another hash.
    SeqConflict = "SEQ_CONFLICT", 409, Retry, "The part is not the next one",
    /// Parts are missing at complete.
    PartsMissing = "PARTS_MISSING", 409, Retry, "Parts are missing",
    /// The discovery list is there with another scanner or group.
    OtherAssignment = "OTHER_ASSIGNMENT", 409, Stop, "The list is scanned by another scanner",
    /// A row outside the targets.
    OutOfScope = "OUT_OF_SCOPE", 422, Stop, "A result lies outside the targets of the job",
    /// The scanner is too old.
    VersionTooOld = "VERSION_TOO_OLD", 426, Stop, "The scanner is too old",
    /// Too often.
    RateLimited = "RATE_LIMITED", 429, Retry, "Too many calls",
    /// A bug on the server's side.
    Internal = "INTERNAL", 500, Retry, "Something went wrong here",
    /// No build for the platform.
    NotReleased = "NOT_RELEASED", 501, Stop, "There is no release for this platform",
    /// The installation is being maintained.
    Maintenance = "MAINTENANCE", 503, Retry, "Maintenance",
    /// The database is away.
    Unavailable = "UNAVAILABLE", 503, Retry, "Not available",
}

/// A value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemField {
    /// The field.
    pub field: String,
    /// A stable word.
    pub code: String,
    /// What would be right.
    pub message: String,
}

/// A problem body (`application/problem+json`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// A name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable word.
    pub code: String,
    /// A sentence about this case.
    pub detail: String,
    /// Wrong values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ProblemField>,
    /// The request, for the log.
    pub request_id: String,
    /// What the scanner does about it.
    pub action: Action,
    /// With `SEQ_CONFLICT` and `PARTS_MISSING`: the number of the next part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_seq: Option<u32>,
    /// With `SEQ_CONFLICT` and `PARTS_MISSING`: where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_index: Option<u64>,
    /// With `NOT_RELEASED`: how to build it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_command: Option<String>,
}

impl Problem {
    /// A problem of `code`.
    pub fn new(code: Code, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:mipo:problem:{}", code.as_str().to_ascii_lowercase()),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            request_id: request_id.into(),
            action: code.action(),
            ..Self::default()
        }
    }

    /// The code, when this program knows it.
    pub fn known_code(&self) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == self.code)
    }
}
