//! What can go wrong between mipo and its database.

/// An error of the store. Constraints carry their name, so that `mipo-app` can map them to a field.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A named constraint refused the row.
    #[error("constraint {0} refused the row")]
    Constraint(String),
    /// A stored value cannot be read as what it should be.
    #[error("inconsistent row: {what}")]
    Inconsistent {
        /// Table, column and value, in words.
        what: String,
    },
    /// Anything else that the database or the way to it said.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// The row cannot be read; `what` says which and why.
    pub fn inconsistent(what: impl Into<String>) -> Self {
        Self::Inconsistent { what: what.into() }
    }

    /// The name of the constraint that refused the row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint(name) => Some(name),
            _ => None,
        }
    }

    /// True when the role of the connection may not do it.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "42501"))
    }

    /// True when trying again later can help: the database is away, or a transaction has to be repeated.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                // Class 08 connection, 53 resources, 57 operator intervention; 40001/40P01 serialisation, deadlock.
                error.code().is_some_and(|code| {
                    matches!(&code[..2.min(code.len())], "08" | "53" | "57") || matches!(&*code, "40001" | "40P01")
                })
            }
            Self::Database(error) => matches!(
                error,
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Protocol(_)
            ),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(ref database) = error
            && let Some(name) = database.constraint()
        {
            return Self::Constraint(name.to_owned());
        }
        Self::Database(error)
    }
}
