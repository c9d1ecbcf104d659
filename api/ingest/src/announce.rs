//! Says in the database what is served to those who install a scanner: the manager, which has no release folder, shows
//! the hashes beside the command (product 6.2, S26).
use std::sync::Arc;
use std::time::Duration;

use mipo_domain::hash::Hash256;
use mipo_protocol::release;
use mipo_store::StoreError;
use mipo_store::config::served_files;

use crate::routes::install;
use crate::state::Ingest;

/// Often enough that what is said never grows old while it is true.
const EVERY: Duration = Duration::from_secs(60);

/// Says it until the shutdown.
pub(crate) async fn run(state: Arc<Ingest>) {
    while !state.shutdown.is_stopping() {
        if let Err(error) = once(&state).await {
            tracing::warn!(%error, "the hashes of what is served could not be stored; it is tried again");
        }
        tokio::select! { () = state.shutdown.stopping() => {}, () = tokio::time::sleep(EVERY) => {} }
    }
}

/// Verifies every release and says which hash it has, and which the install script.
pub(crate) async fn once(state: &Ingest) -> Result<(), StoreError> {
    let script = install::shell_script(state).await?;
    let mut files = vec![("install.sh".to_owned(), Hash256::of(script.as_bytes()))];
    for platform in release::PLATFORMS {
        for arch in release::ARCHITECTURES {
            if let Some(found) = state.releases.find(platform, arch).await {
                files.push((found.file_name, found.sha256));
            }
        }
    }
    let mut tx = state.db.tx("served_files.announce").await?;
    for (name, hash) in &files {
        served_files::put(&mut tx, name, hash.as_bytes()).await?;
    }
    tx.commit().await
}
