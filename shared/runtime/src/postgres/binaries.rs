//! Finds the programs of PostgreSQL.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// A folder with `initdb`, `pg_ctl` and `postgres` of one major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub folder: PathBuf,
    /// The major version.
    pub major: u32,
}

impl Binaries {
    /// The newest, or with `major` those of that version: Debian's folders, and the one that `pg_config` names.
    pub fn find(major: Option<u32>) -> Result<Self, PostgresError> {
        let mut found: Vec<_> = candidates().into_iter().filter_map(Self::at).collect();
        found.sort_by_key(|binaries| binaries.major);
        match major {
            Some(major) => found.into_iter().rfind(|binaries| binaries.major == major),
            None => found.pop(),
        }
        .ok_or_else(|| PostgresError::NoBinaries { root: rustix::process::geteuid().is_root() })
    }

    fn at(folder: PathBuf) -> Option<Self> {
        if !["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"; a beta says 19beta1.
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().nth(2)?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { folder, major: digits.parse().ok()? })
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        let named = Path::new(String::from_utf8_lossy(&output.stdout).trim()).to_path_buf();
        if !folders.contains(&named) {
            folders.push(named);
        }
    }
    folders
}
