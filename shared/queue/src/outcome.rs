//! How an attempt ends, in words.
use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

use apalis_core::error::{AbortError, BoxDynError, RetryAfterError};

/// What a handler answers when it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Done,
    /// It did not work out; try again after `delay`. Counts as a failed attempt.
    RetryAfter {
        /// Instead of the kind's back-off.
        delay: Duration,
        /// Why.
        reason: String,
    },
    /// Not yet; look again after so long. Uses no attempt.
    Snooze(Duration),
    /// It can never work: dead at once.
    Abort {
        /// Why.
        reason: String,
    },
}

/// Why a handler failed. Every error turns into one by `?` and is tried again with the kind's back-off;
/// [`HandlerError::abort`] is for what no attempt can mend.
pub struct HandlerError {
    error: BoxDynError,
    abort: bool,
}

impl HandlerError {
    /// Try again with the kind's back-off.
    pub fn retry(error: impl Into<BoxDynError>) -> Self {
        Self { error: error.into(), abort: false }
    }

    /// No further attempt: the task is dead at once.
    pub fn abort(error: impl Into<BoxDynError>) -> Self {
        Self { error: error.into(), abort: true }
    }

    /// True when no further attempt can mend it.
    pub const fn is_abort(&self) -> bool {
        self.abort
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError").field("error", &self.error).field("abort", &self.abort).finish()
    }
}

// It is no `Error` itself: that is what makes `?` work on every error.
impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::retry(error)
    }
}

impl From<HandlerError> for BoxDynError {
    fn from(error: HandlerError) -> Self {
        if error.abort { Box::new(AbortError::new(error.error)) } else { error.error }
    }
}

/// How long a task of a newer version waits for a newer process, and so how soon the same old one may look again.
pub(crate) const NEWER: Duration = Duration::from_secs(10);

/// The end of an attempt as the driver reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// Without a delay: the kind's back-off.
    Failed {
        delay: Option<Duration>,
        error: String,
    },
    Snoozed(Duration),
    /// Written by a newer version of this program, which will read it: it waits for [`NEWER`] and uses no attempt.
    Newer,
    Dead {
        error: String,
    },
    /// Not begun, or interrupted by our own end: the attempt does not count.
    Returned,
    Cancelled {
        error: String,
    },
    /// The lease belongs to somebody else by now: nothing to say.
    Lost,
}

impl Verdict {
    /// From what the handler, wrapped in whatever layers, answered.
    pub(crate) fn of(result: Result<Outcome, BoxDynError>) -> Self {
        match result {
            Ok(Outcome::Done) => Self::Done,
            Ok(Outcome::RetryAfter { delay, reason }) => Self::Failed { delay: Some(delay), error: reason },
            Ok(Outcome::Snooze(delay)) => Self::Snoozed(delay),
            Ok(Outcome::Abort { reason }) => Self::Dead { error: reason },
            Err(error) => {
                if error.is::<AbortError>() {
                    let inner = error.source().map_or_else(|| chain(&*error), chain);
                    Self::Dead { error: inner }
                } else if let Some(retry) = error.downcast_ref::<RetryAfterError>() {
                    let inner = error.source().map_or_else(|| chain(&*error), chain);
                    Self::Failed { delay: Some(retry.get_duration()), error: inner }
                } else {
                    Self::Failed { delay: None, error: chain(&*error) }
                }
            }
        }
    }

    /// The word that `jobs.end_attempt` knows it by; `None`: acknowledged as done, or not at all.
    pub(crate) const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Done | Self::Lost => None,
            Self::Failed { delay: None, .. } => Some("failed"),
            Self::Failed { delay: Some(_), .. } => Some("retry"),
            Self::Snoozed(_) | Self::Newer => Some("snoozed"),
            Self::Dead { .. } => Some("dead"),
            Self::Returned => Some("returned"),
            Self::Cancelled { .. } => Some("cancelled"),
        }
    }

    /// The error, as it is stored.
    pub(crate) fn error(&self) -> Option<String> {
        match self {
            Self::Failed { error, .. } | Self::Dead { error } | Self::Cancelled { error } => Some(storable(error)),
            _ => None,
        }
    }
}

/// Longest error text that is kept.
const MAX_ERROR_CHARS: usize = 8000;

/// A text that a PostgreSQL column takes: without NUL, not too long, never empty.
fn storable(text: &str) -> String {
    let kept: String = text.chars().filter(|c| *c != '\0').take(MAX_ERROR_CHARS).collect();
    if kept.trim().is_empty() { "failed without a word".to_owned() } else { kept }
}

/// An error with what caused it, each cause said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Groups failures: the kind and the shape of the error, without what differs from case to case.
pub(crate) fn fingerprint(kind: &str, error: &str) -> String {
    let mut shape = String::with_capacity(kind.len() + 1 + error.len().min(160));
    shape.push_str(kind);
    shape.push(':');
    let first_line = error.lines().next().unwrap_or_default();
    for word in first_line.split_whitespace().take(24) {
        let varies = word.chars().any(|c| c.is_ascii_digit()) || word.len() > 40;
        shape.push(' ');
        if varies {
            // Keeps punctuation at the end, so that "after 30 s:" and "after 5 s:" are one shape.
            shape.push('#');
            if let Some(last) = word.chars().last().filter(char::is_ascii_punctuation) {
                shape.push(last);
            }
        } else {
            shape.push_str(word);
        }
    }
    shape.chars().filter(|c| *c != '\0').take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    fn handler(error: impl Into<HandlerError>) -> Verdict {
        Verdict::of(Err(error.into().into()))
    }

    #[test]
    fn any_error_is_tried_again_and_tells_its_causes() {
        assert_eq!(
            handler(Outer(std::io::Error::other("disk full"))),
            Verdict::Failed { delay: None, error: "outer: disk full".to_owned() }
        );
    }

    #[test]
    fn an_abort_is_dead_at_once() {
        assert_eq!(handler(HandlerError::abort("no such scan")), Verdict::Dead { error: "no such scan".to_owned() });
    }

    #[test]
    fn apalis_retry_errors_keep_their_delay() {
        let error: BoxDynError = Box::new(RetryAfterError::new("busy", Duration::from_secs(7)));
        assert_eq!(
            Verdict::of(Err(error)),
            Verdict::Failed { delay: Some(Duration::from_secs(7)), error: "busy".to_owned() }
        );
    }

    #[test]
    fn what_is_stored_can_be_stored() {
        assert_eq!(Verdict::Dead { error: "a\0b".to_owned() }.error().as_deref(), Some("ab"));
        assert_eq!(Verdict::Dead { error: "\0 ".to_owned() }.error().as_deref(), Some("failed without a word"));
        let long = Verdict::Dead { error: "ä".repeat(10_000) }.error().expect("an error");
        assert_eq!(long.chars().count(), MAX_ERROR_CHARS);
    }

    #[test]
    fn one_shape_one_fingerprint() {
        let one = fingerprint("plan_scan", "scan 17 has no target after 30s: subnet 019a-77 is gone\nmore");
        let other = fingerprint("plan_scan", "scan 2 has no target after 5s: subnet 019b-00 is gone");
        assert_eq!(one, other);
        assert_ne!(one, fingerprint("store_results", "scan 2 has no target after 5s: subnet 019b-00 is gone"));
        assert_ne!(one, fingerprint("plan_scan", "database is away"));
    }
}
