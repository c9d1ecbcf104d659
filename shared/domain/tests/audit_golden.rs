//! The golden rows of the audit chain: whoever writes a verifier of their own tests it against `golden/audit.json`.
use std::path::Path;

use mipo_domain::audit::{AuditRow, GENESIS};
use serde_json::{Value, json};

fn rows() -> Vec<AuditRow> {
    let row = |seq: i64, at: &str, action: &str, diff: Value, reason: &str| AuditRow {
        seq,
        kind: "change".to_owned(),
        at: at.parse().expect("a time"),
        actor: "owner".to_owned(),
        actor_type: "user".to_owned(),
        action: action.to_owned(),
        resource_type: "scanner".to_owned(),
        resource_id: "018f0000-0000-7000-8000-000000000001".to_owned(),
        diff: diff.to_string(),
        reason: reason.to_owned(),
        ip: "192.0.2.7".to_owned(),
        request_id: "018f0000-0000-7000-8000-0000000000ff".to_owned(),
    };
    vec![
        row(1, "2026-01-02T03:04:05Z", "created", json!({ "before": null, "after": { "name": "north" } }), ""),
        row(
            2,
            "2026-01-02T03:04:05.000007Z",
            "updated",
            json!({ "before": { "rateLimit": 0 }, "after": { "rateLimit": 200 } }),
            "Grüße, \"quoted\"\n\u{1}\u{20ac}",
        ),
    ]
}

#[test]
fn rows_hash_as_published() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/audit.json");
    let mut before = GENESIS;
    let made: Vec<Value> = rows()
        .iter()
        .map(|row| {
            let hash = row.hash(&before);
            let value = json!({
                "canonical": String::from_utf8(row.canonical()).expect("utf-8"),
                "prevHash": hex::encode(before),
                "rowHash": hex::encode(hash),
            });
            before = hash;
            value
        })
        .collect();
    if std::env::var_os("MIPO_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&made).expect("json") + "\n").expect("writes");
    }
    let kept: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).expect("golden file")).expect("json");
    assert_eq!(made, kept);
}
