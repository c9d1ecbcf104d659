//! Tells the binary which commit it is built from.
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=MIPO_COMMIT");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/refs/heads");
    let given = std::env::var("MIPO_COMMIT").ok();
    let asked = || {
        let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    println!("cargo:rustc-env=MIPO_COMMIT={}", given.or_else(asked).unwrap_or_else(|| "unknown".to_owned()));
}
