//! Tells the binary which commit it was built from, for `--version`. Without git, as in a source archive, it is unknown.
use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn main() {
    println!("cargo:rerun-if-env-changed=MIPO_COMMIT");
    let given = std::env::var("MIPO_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo:rustc-env=MIPO_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    // Only files that are there may be named, else every build would run this again.
    if let Some(logs) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={logs}");
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}
