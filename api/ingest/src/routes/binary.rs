//! `GET /scanner/binary/:platform/:arch` and its hash and signature.
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mipo_app::refusal::Refusal;
use mipo_protocol::problem::Code;
use mipo_protocol::release;
use mipo_protocol::wire::{RELEASE_SHA256_HEADER, RELEASE_SIGNATURE_HEADER};

use super::Call;
use crate::answer::{Answer, Refused, refused};
use crate::releases::Release;
use crate::state::Ingest;

type Asked = Path<(String, String)>;

pub(super) async fn binary(State(state): State<Arc<Ingest>>, Path(asked): Asked, request: Request) -> Answer {
    Call::anonymous(&state, &request)?;
    drop(request);
    let found = match find(&state, &asked).await? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let text =
        |value: String| HeaderValue::from_str(&value).map_err(|error| Refusal::new(Code::Internal, error.to_string()));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, text(format!("attachment; filename=\"{}\"", found.file_name))?),
        (HeaderName::from_static(RELEASE_SHA256_HEADER), text(found.sha256.to_string())?),
        (HeaderName::from_static(RELEASE_SIGNATURE_HEADER), text(found.signature.to_base64())?),
    ];
    Ok((StatusCode::OK, headers, found.binary).into_response())
}

pub(super) async fn sha256(State(state): State<Arc<Ingest>>, Path(asked): Asked, request: Request) -> Answer {
    Call::anonymous(&state, &request)?;
    drop(request);
    Ok(match find(&state, &asked).await? {
        Ok(found) => format!("{}\n", found.sha256).into_response(),
        Err(response) => response,
    })
}

pub(super) async fn signature(State(state): State<Arc<Ingest>>, Path(asked): Asked, request: Request) -> Answer {
    Call::anonymous(&state, &request)?;
    drop(request);
    Ok(match find(&state, &asked).await? {
        Ok(found) => format!("{}\n", found.signature.to_base64()).into_response(),
        Err(response) => response,
    })
}

/// The release; or the answer that there is none, with the command that builds one.
async fn find(state: &Ingest, (platform, arch): &(String, String)) -> Result<Result<Release, Response>, Refused> {
    if !release::is_known(platform, arch) {
        let detail = "platform is linux, darwin or windows, and arch is amd64 or arm64";
        return Err(Refusal::new(Code::BadRequest, detail).into());
    }
    if let Some(found) = state.releases.find(platform, arch).await {
        return Ok(Ok(found));
    }
    let detail = format!("no signed release for {platform}/{arch} is served here; build it from the source");
    Ok(Err(refused(Refusal::new(Code::NotReleased, detail), Some(build_command(platform, arch)))))
}

fn build_command(platform: &str, arch: &str) -> String {
    let cpu = if arch == "arm64" { "aarch64" } else { "x86_64" };
    let target = match platform {
        "darwin" => format!("{cpu}-apple-darwin"),
        "windows" => format!("{cpu}-pc-windows-msvc"),
        _ => format!("{cpu}-unknown-linux-musl"),
    };
    format!("cargo build --release --package mipo-scanner --target {target}")
}
