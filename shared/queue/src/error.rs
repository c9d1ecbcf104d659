//! What can go wrong on the way to the queue.

/// An error of the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The payload is not something that JSON can hold, or not an object of ids.
    #[error("payload of {kind}: {reason}")]
    Payload {
        /// The kind of the task.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A five-field expression that means nothing.
    #[error("schedule `{expression}`: {reason}")]
    Schedule {
        /// The expression.
        expression: String,
        /// What would be right.
        reason: String,
    },
    /// The database refused or is away.
    #[error("queue database: {0}")]
    Database(#[from] sqlx::Error),
}

impl QueueError {
    /// The database error inside, for callers that sort errors by their code.
    pub const fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}
