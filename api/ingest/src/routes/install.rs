//! `GET /scanner/install.sh` and `install.ps1`: scripts without a secret, which stop when what they fetched is not
//! what was signed (S26).
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mipo_store::StoreError;
use mipo_store::config::settings;

use super::Call;
use crate::answer::Answer;
use crate::state::Ingest;

const SHELL: &str = include_str!("../../scripts/install.sh");
const POWERSHELL: &str = include_str!("../../scripts/install.ps1");
/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410).
const DER_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

pub(super) async fn shell(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    Call::anonymous(&state, &request)?;
    drop(request);
    let script = shell_script(&state).await?;
    Ok(([(CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], script).into_response())
}

pub(super) async fn powershell(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    Call::anonymous(&state, &request)?;
    drop(request);
    let script = filled(&state, POWERSHELL).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], script).into_response())
}

/// `install.sh` as it is served.
pub(crate) async fn shell_script(state: &Ingest) -> Result<String, StoreError> {
    filled(state, SHELL).await
}

async fn filled(state: &Ingest, script: &str) -> Result<String, StoreError> {
    let mut tx = state.db.tx("settings.public_url").await?;
    let set = settings::public_url(&mut tx).await?;
    let server = set.or_else(|| state.settings.public_url.clone()).filter(|url| is_plain(url)).unwrap_or_default();
    let key = state.releases.key().map(|key| STANDARD.encode([&DER_PREFIX[..], &key.as_bytes()[..]].concat()));
    Ok(script.replace("@SERVER@", server.trim_end_matches('/')).replace("@RELEASE_KEY@", &key.unwrap_or_default()))
}

/// Only characters that mean nothing to a shell.
fn is_plain(url: &str) -> bool {
    url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte))
}
