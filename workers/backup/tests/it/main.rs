//! The internal API on its real router.
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use mipo_runtime::config::{Backup, Reader};
use mipo_runtime::{Shutdown, config};
use tower::ServiceExt as _;

fn config(folder: &std::path::Path, url: &str) -> config::Backup {
    let key = format!("k1:{}=", "A".repeat(43));
    for (name, text) in [("key", key.as_str()), ("token", "right")] {
        std::fs::write(folder.join(name), text).expect("writes");
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let values = [
        ("DATABASE_URL", url.to_owned()),
        ("SECRETS_KEY_FILE", path("key")),
        ("BACKUP_API_TOKEN_FILE", path("token")),
        ("BACKUP_DIR", path("bundles")),
    ];
    Backup::read(Reader::from_values(values)).expect("good").0
}

#[tokio::test]
async fn the_status_says_that_backups_are_off_and_is_for_the_manager_only() {
    let (db, folder) = (mipo_testkit::database().await, tempfile::tempdir().expect("a folder"));
    let config = config(folder.path(), &db.url_as("mipo_backup"));
    let router =
        mipo_backup::service::start(&config, db.db_as("mipo_backup"), &Shutdown::manual()).await.expect("starts");
    let ask = |path: &str, token: &str| {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        router.clone().oneshot(request.body(Body::empty()).expect("a request"))
    };
    assert_eq!(ask("/internal/status", "wrong").await.expect("answers").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ask("/internal/other", "right").await.expect("answers").status(), StatusCode::NOT_FOUND);
    let answer = ask("/internal/status", "right").await.expect("answers");
    assert_eq!(answer.status(), StatusCode::OK);
    let body = to_bytes(answer.into_body(), 10_000).await.expect("a body");
    let status: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(status["enabled"], false);
    assert!(status["reason"].as_str().expect("a reason").contains("recipient"));
}
