//! `mipo-scanner enrol`: a one-time token for a permanent key.
use std::path::PathBuf;
use std::process::ExitCode;

use mipo_domain::hash::Hash256;
use mipo_protocol::messages::{ProvisionAnswer, ProvisionRequest};

use super::api::Api;
use super::keyfile::{self, KeyFile};
use super::{heartbeat, metrics};
use crate::cli::{EnrolArgs, default_key_file};

/// Enrols, and says where the key is.
pub fn run(args: EnrolArgs) -> ExitCode {
    match enrol(args) {
        Ok((name, path)) => {
            println!("Enrolled as {name}. The key is in {}; start with: mipo-scanner run", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

fn enrol(args: EnrolArgs) -> Result<(String, PathBuf), String> {
    let path = args.key_file.unwrap_or_else(default_key_file);
    let ca_file = match args.ca_file {
        Some(file) => Some(std::path::absolute(&file).map_err(|error| format!("{}: {error}", file.display()))?),
        None => None,
    };
    let api = Api::new(&args.server, None, ca_file.as_deref())?;
    // The token works once: everything that can fail here fails before it is spent.
    keyfile::prepare(&path)?;
    let request = ProvisionRequest {
        token: args.token.trim().to_owned(),
        hostname: metrics::hostname(),
        version: heartbeat::version(),
        platform: platform().to_owned(),
        arch: arch().to_owned(),
        binary_sha256: own_hash()?,
    };
    let answer: ProvisionAnswer =
        api.post("/scanner/provision", &request).map_err(|error| format!("{}: {error}", args.server))?;
    let name = answer.name.clone();
    let file = KeyFile {
        server: args.server.trim_end_matches('/').to_owned(),
        scanner_id: answer.scanner_id,
        name: answer.name,
        api_key: answer.api_key,
        job_public_keys: vec![answer.job_public_key],
        ca_file,
    };
    file.save(&path)?;
    Ok((name, path))
}

fn own_hash() -> Result<Hash256, String> {
    let path = std::env::current_exe().map_err(|error| format!("this program's own file: {error}"))?;
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Hash256::of(&bytes))
}

fn platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
