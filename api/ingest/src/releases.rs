//! Release binaries: nothing is served whose signature does not verify (product 6.4, S26).
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use mipo_domain::hash::Hash256;
use mipo_protocol::release;
use mipo_protocol::signature::{PublicKey, Signature};

/// Larger files are no scanner.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// A verified binary.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) file_name: String,
    pub(crate) binary: Bytes,
    pub(crate) sha256: Hash256,
    pub(crate) signature: Signature,
}

type Stamp = (u64, Option<SystemTime>, String);

/// The folder of releases, with what was verified before.
pub(crate) struct Releases {
    folder: Option<PathBuf>,
    key: Option<PublicKey>,
    verified: Mutex<HashMap<String, (Stamp, Release)>>,
}

impl Releases {
    pub(crate) fn new(folder: Option<PathBuf>, key: Option<PublicKey>) -> Self {
        Self { folder, key, verified: Mutex::new(HashMap::new()) }
    }

    /// The key that the install script carries.
    pub(crate) const fn key(&self) -> Option<PublicKey> {
        self.key
    }

    /// The release for a platform; none when there is none or its signature does not verify.
    pub(crate) async fn find(&self, platform: &str, arch: &str) -> Option<Release> {
        let (folder, key) = (self.folder.as_ref()?, self.key?);
        let file_name = release::file_name(platform, arch);
        let path = folder.join(&file_name);
        let signature = tokio::fs::read_to_string(folder.join(format!("{file_name}.sig"))).await.ok()?;
        let about = tokio::fs::metadata(&path).await.ok()?;
        if !about.is_file() || about.len() > MAX_BYTES {
            return None;
        }
        let stamp = (about.len(), about.modified().ok(), signature);
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&file_name).cloned();
        if let Some((seen, found)) = known
            && seen == stamp
        {
            return Some(found);
        }
        let binary = Bytes::from(tokio::fs::read(&path).await.ok()?);
        let (bytes, text) = (binary.clone(), stamp.2.clone());
        let verified = tokio::task::spawn_blocking(move || release::verify(&key, &bytes, &text)).await.ok()?;
        let Some((sha256, signature)) = verified else {
            tracing::error!(file = file_name, "the signature of a release does not verify; it is not served");
            return None;
        };
        let found = Release { file_name: file_name.clone(), binary, sha256, signature };
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(file_name, (stamp, found.clone()));
        Some(found)
    }
}
