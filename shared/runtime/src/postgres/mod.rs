//! The private PostgreSQL of a local trial: a cluster of its own, reached over a Unix socket only.
//!
//! PostgreSQL refuses to run as root, so as root the cluster belongs to user `postgres` and lies in
//! `/var/lib/mipo/<hash of the data directory>`, which that user can reach even when the data directory is closed to
//! it; `<data directory>/postgres` is then a link. Otherwise it lies in the data directory.
//!
//! The server is not a child of mipo: a mipo that is killed leaves it running and whole, and the next start takes it
//! over.
mod binaries;
mod cluster;
mod place;

pub use binaries::Binaries;
pub use cluster::PrivatePostgres;
pub use place::Place;

/// Why the private PostgreSQL does not run.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server binaries.
    #[error("no PostgreSQL server was found on this machine; install one: {}apt-get install -y postgresql", if *.root { "" } else { "sudo " })]
    NoBinaries {
        /// True when the process may install it itself.
        root: bool,
    },
    /// The cluster was made by another major version.
    #[error(
        "the data in {path} was made by PostgreSQL {version}, which is not installed; install it (apt-get install -y \
         postgresql-{version}), or delete the trial with `mipo reset --yes`"
    )]
    WrongVersion {
        /// Its folder.
        path: String,
        /// Its major version.
        version: String,
    },
    /// As root, user `postgres` is missing.
    #[error("there is no user `postgres` to run the database as; install the PostgreSQL server package")]
    NoUser,
    /// A folder is not as it must be.
    #[error("{path}: {problem}")]
    Folder {
        /// The folder.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody asked to stop while it was made or started.
    #[error("stopped before the database was ready")]
    Stopped,
    /// A command of PostgreSQL failed.
    #[error("{command} failed: {output}")]
    Command {
        /// Which one.
        command: String,
        /// What it said.
        output: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

pub(crate) trait At<T> {
    fn at(self, path: &std::path::Path) -> Result<T, PostgresError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &std::path::Path) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::Io { path: path.display().to_string(), source })
    }
}
