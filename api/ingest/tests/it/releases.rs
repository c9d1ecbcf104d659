//! The install script and the binaries that it fetches.
use axum::body::Body;
use axum::http::Request;
use mipo_domain::hash::Hash256;
use mipo_ingest::Settings;
use mipo_protocol::release;
use mipo_protocol::signature::SigningKey;
use mipo_store::config::served_files;

use crate::world::{HOME, Reply, World};

async fn get(world: &World, path: &str) -> Reply {
    world.call(HOME, Request::get(path).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn only_what_is_signed_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = SigningKey::from_seed(&[11; 32]);
    let name = release::file_name("linux", "amd64");
    let (hash, signature) = release::sign(&key, b"a scanner");
    std::fs::write(folder.path().join(&name), b"a scanner").expect("writes");
    std::fs::write(folder.path().join(format!("{name}.sha256")), &hash).expect("writes");
    std::fs::write(folder.path().join(format!("{name}.sig")), &signature).expect("writes");
    let settings = Settings {
        release_dir: Some(folder.path().to_owned()),
        release_public_key: Some(key.public()),
        public_url: Some("https://mipo.example/".to_owned()),
        ..Settings::default()
    };
    let world = World::with(settings).await;
    let served = get(&world, "/scanner/binary/linux/amd64").await;
    assert_eq!((served.status.as_u16(), served.bytes.as_slice()), (200, &b"a scanner"[..]));
    assert_eq!(served.headers["x-mipo-sha256"], hash.trim());
    assert_eq!(served.headers["x-mipo-signature"], signature.trim());
    assert_eq!(get(&world, "/scanner/binary/linux/amd64/sha256").await.text(), hash);
    assert_eq!(get(&world, "/scanner/binary/linux/amd64/sig").await.text(), signature);

    let script = get(&world, "/scanner/install.sh").await;
    assert_eq!(script.status, 200);
    assert!(script.text().contains("SERVER='https://mipo.example'") && !script.text().contains("@RELEASE_KEY@"));
    let file = folder.path().join("install.sh");
    std::fs::write(&file, script.text()).expect("writes");
    let checked = std::process::Command::new("sh").arg("-n").arg(&file).output().expect("sh runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(get(&world, "/scanner/install.ps1").await.status, 200);

    // The manager, which has no release folder, is told what is served.
    world.ingest.announce().await.expect("announced");
    let mut conn = world.db.db_as("mipo_manager").pool().acquire().await.expect("a connection");
    let told = served_files::all(&mut conn).await.expect("reads");
    let told: Vec<_> = told
        .iter()
        .map(|file| (file.name.as_str(), Hash256::from_slice(&file.sha256).expect("a hash").to_string()))
        .collect();
    let script_hash = Hash256::of(script.text().as_bytes()).to_string();
    assert_eq!(told, [("install.sh", script_hash), (&*name, hash.trim().to_owned())]);

    let missing = get(&world, "/scanner/binary/darwin/arm64").await;
    assert_eq!((missing.refusal().as_str(), missing.status.as_u16()), ("NOT_RELEASED", 501));
    let command = missing.json()["buildCommand"].as_str().expect("a command").to_owned();
    assert!(command.starts_with("cargo build --release --package mipo-scanner"), "{command}");
    assert_eq!(get(&world, "/scanner/binary/linux/mips").await.refusal(), "BAD_REQUEST");
    assert_eq!(get(&world, "/scanner/binary/..%2F..%2Fetc/amd64").await.refusal(), "BAD_REQUEST");

    // Somebody replaces the file: it is not served any more.
    std::fs::write(folder.path().join(&name), b"another thing").expect("writes");
    assert_eq!(get(&world, "/scanner/binary/linux/amd64").await.refusal(), "NOT_RELEASED");
    assert_eq!(get(&world, "/scanner/binary/linux/amd64/sha256").await.refusal(), "NOT_RELEASED");
}

#[tokio::test]
async fn without_a_key_nothing_is_served() {
    let world = World::new().await;
    assert_eq!(get(&world, "/scanner/binary/linux/amd64").await.refusal(), "NOT_RELEASED");
    assert!(get(&world, "/scanner/install.sh").await.text().contains("RELEASE_KEY=''"));
}
