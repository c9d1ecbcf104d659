//! The data directory of a local trial: one mipo at a time, and secrets that only its owner reads.
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mipo_domain::entropy::{Entropy, bytes};
use mipo_runtime::config::{Effective, Secret};
use serde_json::json;

use crate::Failure;

const CONFIGURATION: &str = "configuration.json";

/// How long `mipo reset` waits for the mipo that it asked to stop, in tenths of a second: longer than that may take.
const STOP_TENTHS: u32 = 1200;

/// A data directory that this process holds.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked as long as it is open; holds the pid for people and for `mipo reset`.
    _lock: File,
}

impl DataDir {
    /// Makes it where it is missing, and holds it; refuses while another mipo does.
    pub(crate) fn hold(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| format!("{shown}: {error}"))?;
        let path = path.canonicalize()?;
        let mut lock = open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!("mipo is already running on {shown} ({})", running(&path)).into());
            }
            Err(TryLockError::Error(error)) => return Err(format!("{shown}/lock: {error}").into()),
        }
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())?;
        private_folder(&path.join("secrets"))?;
        Ok(Self { path, _lock: lock })
    }

    /// True when `mipo up` made this folder.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.join("lock").is_file() && path.join("secrets").is_dir()
    }

    /// Stops the mipo that runs on the folder, and waits until it has.
    pub(crate) async fn stop_running(path: &Path) -> Result<(), Failure> {
        let lock = open_lock(path)?;
        for round in 0..STOP_TENTHS {
            match lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if round == 0 => {
                    let pid = read_pid(path).and_then(rustix::process::Pid::from_raw);
                    let pid = pid.ok_or("the running mipo did not say its pid; stop it first")?;
                    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
                }
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("mipo still runs on {} ({})", path.display(), running(path)).into())
    }

    /// Notes where mipo is, for the commands beside it.
    pub(crate) fn note_address(&self, url: &str) -> io::Result<()> {
        fs::write(self.path.join("address"), url)
    }

    /// Where the mipo of this folder was last started.
    pub(crate) fn address(path: &Path) -> Option<String> {
        fs::read_to_string(path.join("address")).ok()
    }

    /// Notes what configuration is in force, redacted, for `mipo doctor` beside it.
    pub(crate) fn note_configuration(&self, services: &[(&str, Effective)]) -> Result<(), Failure> {
        let shown: Vec<_> = services
            .iter()
            .flat_map(|(service, effective)| effective.iter().map(move |setting| (service, setting)))
            .map(|(service, setting)| {
                json!({
                    "service": service, "name": setting.name, "value": setting.value, "source": setting.source,
                })
            })
            .collect();
        Ok(write_private(&self.path.join(CONFIGURATION), &serde_json::to_string(&shown)?)?)
    }

    /// What [`DataDir::note_configuration`] noted at the last start.
    pub(crate) fn configuration(path: &Path) -> Option<String> {
        fs::read_to_string(path.join(CONFIGURATION)).ok()
    }

    /// The folder, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, made where it is missing, 0700.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        private_folder(&path)?;
        Ok(path)
    }

    /// The path of a secret, which is made on first use (0600).
    pub(crate) fn secret_file(&self, name: &str, make: impl FnOnce() -> String) -> Result<PathBuf, Failure> {
        let path = self.path.join("secrets").join(name);
        if !path.exists() {
            write_private(&path, &make())?;
        }
        Ok(path)
    }

    /// The secret itself.
    pub(crate) fn secret(&self, name: &str, make: impl FnOnce() -> String) -> Result<Secret, Failure> {
        let path = self.secret_file(name, make)?;
        Ok(Secret::new(fs::read_to_string(path)?.trim_end()))
    }
}

/// 32 random bytes as hex: letters and digits only, so that it needs no escaping anywhere.
pub(crate) fn random_hex(entropy: &dyn Entropy) -> String {
    hex::encode(bytes::<32>(entropy))
}

/// Writes a file that only its owner can read; complete or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path.join("lock"))
}

fn read_pid(path: &Path) -> Option<i32> {
    let mut text = String::new();
    File::open(path.join("lock")).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn running(path: &Path) -> String {
    read_pid(path).map_or_else(|| "pid unknown".to_owned(), |pid| format!("pid {pid}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use mipo_runtime::OsEntropy;

    use super::*;

    #[test]
    fn one_mipo_at_a_time_and_secrets_stay_what_they_were() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trial");
        let held = DataDir::hold(&path).expect("free");
        let refused = DataDir::hold(&path).expect_err("held").to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        let first = held.secret("token", || random_hex(&OsEntropy)).expect("made");
        drop(held);
        let held = DataDir::hold(&path).expect("free again");
        let again = held.secret("token", || random_hex(&OsEntropy)).expect("kept");
        assert_eq!(first.expose(), again.expose());
        let mode = fs::metadata(path.join("secrets/token")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
