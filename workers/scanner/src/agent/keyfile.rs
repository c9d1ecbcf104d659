//! The key file: who this scanner is, for which server, and whose signatures it believes.
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mipo_domain::ids::ScannerId;
use mipo_protocol::signature::{JobPublicKey, PublicKey};
use serde::{Deserialize, Serialize};

/// What the file holds. It has no `Debug`, because the key must never reach a log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFile {
    /// The server.
    pub server: String,
    /// This scanner.
    pub scanner_id: ScannerId,
    /// Its name at the server, for people.
    pub name: String,
    /// Its secret.
    pub api_key: String,
    /// Keys that sign jobs; during a rotation there are two.
    pub job_public_keys: Vec<JobPublicKey>,
    /// Certificates to trust instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl KeyFile {
    /// The keys whose signatures count.
    pub fn pinned(&self) -> Vec<PublicKey> {
        self.job_public_keys.iter().map(|key| key.public_key).collect()
    }

    /// Reads it; others must not be able to.
    pub fn load(path: &Path) -> Result<Self, String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => at(&"no such key file; run `mipo-scanner enrol` first"),
            _ => at(&error),
        })?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(at(&"others may read this key; set its mode to 0600"));
        }
        let bytes = std::fs::read(path).map_err(|error| at(&error))?;
        // The parser's message is left out: it may quote the key.
        serde_json::from_slice(&bytes).map_err(|error| at(&format!("not a key file (line {})", error.line())))
    }

    /// Writes it whole or not at all, mode 0600.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| at(&error))?;
        write_atomically(path, &bytes).map_err(|error| at(&error))
    }
}

/// Makes sure that a key can be written, before a one-time token is spent on it.
pub fn prepare(path: &Path) -> Result<(), String> {
    let at = |error: std::io::Error| format!("{}: {error}", path.display());
    let folder = folder_of(path);
    std::fs::create_dir_all(folder).map_err(at)?;
    let probe = folder.join(".mipo-scanner-probe");
    std::fs::write(&probe, b"").map_err(at)?;
    std::fs::remove_file(&probe).map_err(at)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file by synced bytes, mode 0600.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        let key = KeyFile {
            server: "https://mipo.example".into(),
            scanner_id: uuid::Uuid::nil().into(),
            name: "hall".into(),
            api_key: "mipo_sk_x".into(),
            job_public_keys: vec![],
            ca_file: None,
        };
        key.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(KeyFile::load(&path).map(|key| key.api_key), Ok("mipo_sk_x".to_owned()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(KeyFile::load(&path).is_err());
    }
}
