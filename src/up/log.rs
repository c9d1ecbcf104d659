//! The terminal belongs to the story; logs go to a file, the last run's beside it.
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mipo_runtime::telemetry::{self, LogFormat, LogTarget};

use super::data_dir::DataDir;
use crate::Failure;

/// Starts logging into the data directory.
pub(crate) fn start(data: &DataDir) -> Result<PathBuf, Failure> {
    let path = data.path().join("mipo.log");
    if path.exists() {
        fs::rename(&path, data.path().join("mipo.log.1"))?;
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    telemetry::init_with(
        "info",
        LogFormat::Pretty,
        LogTarget::File(Arc::new(Mutex::new(file))),
        mipo_queue::LogCapture,
        None,
    );
    Ok(path)
}
