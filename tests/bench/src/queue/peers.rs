//! Builds the peers: a workspace of its own, so that nothing else waits for them.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::contestant::{Contestant, PEERS, Peer};

/// Builds what was asked for, and leaves out, with the reason, what cannot be built here.
pub fn build(names: &[String]) -> Result<Vec<Contestant>, String> {
    let wanted: Vec<Peer> =
        PEERS.iter().copied().filter(|peer| names.iter().any(|name| name == peer.feature)).collect();
    if let Some(unknown) = names.iter().find(|name| !PEERS.iter().any(|peer| peer.feature == **name)) {
        let known: Vec<_> = PEERS.iter().map(|peer| peer.feature).collect();
        return Err(format!("there is no peer {unknown}; there are {}", known.join(", ")));
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    if !folder.is_dir() {
        eprintln!("mipo-bench: without peers: their sources are not in {}", folder.display());
        return Ok(Vec::new());
    }
    let all: Vec<_> = PEERS.iter().map(|peer| peer.feature).collect();
    eprintln!("mipo-bench: building the peers {} (the first time takes minutes)", all.join(", "));
    // All together first: libraries that they share are built once, and the next run finds everything built.
    if cargo(&folder, &all).is_ok() {
        return Ok(wanted.into_iter().map(|peer| Contestant::peer(peer, &programs(&folder))).collect());
    }
    let mut built = Vec::new();
    for peer in wanted {
        match cargo(&folder, &[peer.feature]) {
            Ok(()) => built.push(Contestant::peer(peer, &programs(&folder))),
            Err(reason) => eprintln!("mipo-bench: without {}: it cannot be built here:\n{reason}", peer.name),
        }
    }
    Ok(built)
}

fn programs(folder: &Path) -> PathBuf {
    folder.join("target/release")
}

fn cargo(folder: &Path, features: &[&str]) -> Result<(), String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--release", "--locked", "--no-default-features", "--manifest-path"]);
    command.arg(folder.join("Cargo.toml")).args(["--features", &features.join(",")]);
    // Their queries are checked against what their crates ship, not against a database that happens to be near.
    command.env_remove("DATABASE_URL").env("SQLX_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", folder.join("target")).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("error")).take(5).collect();
    Err(errors.join("\n"))
}
