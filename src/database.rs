//! How commands find the database: `DATABASE_URL`, or beside `mipo up` by `MIPO_DATA_DIR`.
use std::path::PathBuf;

use mipo_runtime::config::{DatabaseUrl, Reader};
use mipo_runtime::postgres::PrivatePostgres;

use crate::Failure;

/// The database of the local trial.
pub(crate) const NAME: &str = "mipo";

/// In the data directory: the URL of a database that is not the trial's own.
pub(crate) const NOTE: &str = "secrets/database_url";

/// `MIPO_DATA_DIR`.
pub(crate) fn data_dir() -> PathBuf {
    std::env::var_os("MIPO_DATA_DIR")
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from(".mipo"), PathBuf::from)
}

/// A URL to work with the database from the command line.
pub(crate) fn find() -> Result<DatabaseUrl, Failure> {
    let mut reader = Reader::from_environment();
    let given: Option<DatabaseUrl> = reader.optional("DATABASE_URL");
    reader.finish()?;
    if let Some(url) = given {
        return Ok(url);
    }
    let folder = data_dir();
    // A trial on somebody else's PostgreSQL notes where it is; one on its own takes the note away.
    if let Ok(url) = std::fs::read_to_string(folder.join(NOTE)) {
        return Ok(url.trim().parse()?);
    }
    let beside = folder.is_dir().then(|| PrivatePostgres::beside(&folder, NAME)).flatten();
    if let Some(url) = beside {
        return Ok(url.parse()?);
    }
    Err(format!(
        "no database: set DATABASE_URL, or start `mipo up` and point MIPO_DATA_DIR at its data directory (now {})",
        folder.display()
    )
    .into())
}
