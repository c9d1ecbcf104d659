//! Every message in an example (`golden/messages.json`): the bodies that scanner and server exchange over the job of
//! `golden/spec.json`. Both sides are tested against them.
use std::path::Path;

use chrono::{DateTime, Utc};
use mipo_domain::states::JobStatus;
use mipo_protocol::messages::{
    ClaimedJob, CompleteAnswer, CompleteRequest, CompleteStatus, Directive, HeartbeatAnswer, HeartbeatRequest,
    JobDirective, Metrics, ProgressAnswer, ProgressRequest, ProvisionAnswer, ProvisionRequest, ReleaseRequest,
    ResultsAnswer, RotateAnswer, RunningJob, StartAnswer, StartRequest,
};
use mipo_protocol::problem::{Code, Problem};
use mipo_protocol::signature::{Purpose, RotatedKey, Signature, SigningKey};
use mipo_protocol::wire::{Base64, HEARTBEAT_SECONDS};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    serde_json::from_slice(&std::fs::read(path).expect("golden file")).expect("json")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("time")
}

/// The key of `spec.json`, and the one that follows it.
fn keys() -> (SigningKey, SigningKey) {
    (SigningKey::from_seed(&[42; 32]), SigningKey::from_seed(&[43; 32]))
}

fn rotated() -> RotatedKey {
    let (old, new) = keys();
    RotatedKey {
        key_id: new.public().key_id(),
        public_key: new.public(),
        signed_by: Some(old.public().key_id()),
        signature: Some(old.sign(Purpose::Key, new.public().as_bytes())),
    }
}

fn requests() -> Value {
    let machine = Metrics {
        load_avg1m: Some(0.5),
        load_avg5m: Some(0.25),
        load_avg15m: Some(0.125),
        memory_total_bytes: Some(8_589_934_592),
        memory_available_bytes: Some(4_294_967_296),
        network_rx_bytes: Some(1_000),
        network_tx_bytes: Some(2_000),
        num_cpus: Some(2),
    };
    json!({
        "provision": ProvisionRequest {
            token: format!("mipo_pt_{}_{}", "a".repeat(12), "B".repeat(43)),
            hostname: "probe-1".to_owned(),
            version: "1.2.3".to_owned(),
            platform: "linux".to_owned(),
            arch: "amd64".to_owned(),
            binary_sha256: "ab".repeat(32).parse().expect("hash"),
        },
        "heartbeat": HeartbeatRequest {
            version: Some("1.2.3".to_owned()),
            hostname: Some("probe-1".to_owned()),
            internal_ip: Some("10.1.1.1".parse().expect("ip")),
            capabilities: Some(vec!["tcp-connect".to_owned()]),
            metrics: Some(machine),
            running_jobs: Some(vec![RunningJob { job_id: 7.into(), lease_attempt: 1 }]),
            late_ms: Some(3),
            last_error: Some("the disk is slow".to_owned()),
        },
        "claim": "/scanner/jobs?wait=0&max=1&holding=6:2",
        "start": StartRequest { lease_attempt: 1 },
        "progress": ProgressRequest { lease_attempt: 1, probed_index: 9, result_count: 1 },
        "release": ReleaseRequest { lease_attempt: 1, probed_index: 12, reason: "shutdown".to_owned() },
        "complete": CompleteRequest {
            lease_attempt: 1,
            status: CompleteStatus::Failed,
            result_count: 1,
            last_seq: 0,
            probes_attempted: 9,
            result_hash: Some("cd".repeat(32).parse().expect("hash")),
            error_message: Some("the scan engine stopped".to_owned()),
        },
    })
}

fn answers() -> Value {
    let spec = &read("spec.json")[0];
    let text = |field: &str| spec[field].as_str().expect("text").to_owned();
    let added = serde_json::from_value(json!([{ "cidr": "10.0.0.10/32", "ports": [] }])).expect("exclusions");
    json!({
        "provision": ProvisionAnswer {
            scanner_id: "018f0000-0000-7000-8000-000000000001".parse().expect("id"),
            name: "hall".to_owned(),
            api_key: format!("mipo_sk_{}_{}", "c".repeat(12), "D".repeat(43)),
            job_public_key: keys().0.public().into(),
            heartbeat_seconds: HEARTBEAT_SECONDS,
            server_time: at("2026-01-02T03:04:05.123456Z"),
        },
        "rotate": RotateAnswer { api_key: format!("mipo_sk_{}_{}", "e".repeat(12), "F".repeat(43)) },
        "heartbeat": HeartbeatAnswer {
            server_time: at("2026-01-02T03:04:05.123456Z"),
            heartbeat_seconds: HEARTBEAT_SECONDS,
            directives: vec![JobDirective { job_id: 7.into(), directive: Directive::Continue }],
            draining: false,
            rotate_key: false,
            min_version: Some("1.0.0".to_owned()),
            job_public_keys: vec![rotated()],
        },
        "claim": vec![ClaimedJob {
            spec: Base64::decode(&text("spec")).expect("base64"),
            signature: Signature::from_base64(&text("signature")).expect("base64"),
            job_id: 7.into(),
            added_exclusions: Vec::new(),
            max_probes_per_second: 200,
            resume_index: 0,
            lease_attempt: 1,
            lease_seconds: 60,
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }],
        "start": StartAnswer { lease_seconds: 300, directive: Directive::Continue },
        "results": ResultsAnswer { accepted: true, next_seq: 1, lease_seconds: 300, directive: Directive::Continue },
        "progress": ProgressAnswer {
            lease_seconds: 300,
            directive: Directive::Pause,
            added_exclusions: added,
            max_probes_per_second: 50,
        },
        "complete": CompleteAnswer { final_status: JobStatus::Partial },
    })
}

#[test]
fn the_messages_have_the_published_form() {
    let problems: Vec<Problem> =
        Code::ALL.iter().map(|code| Problem::new(*code, "what happened", "018f-request")).collect();
    let messages = json!({ "requests": requests(), "answers": answers(), "problems": problems });
    if std::env::var_os("MIPO_UPDATE_GOLDEN").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/messages.json");
        std::fs::write(path, serde_json::to_string_pretty(&messages).expect("json") + "\n").expect("writes");
    }
    assert_eq!(messages, read("messages.json"));
}

#[test]
fn the_published_messages_are_read_as_they_were_written() {
    fn same<T: DeserializeOwned + Serialize>(message: &Value) {
        let read: T = serde_json::from_value(message.clone()).unwrap_or_else(|error| panic!("{error}: {message}"));
        assert_eq!(serde_json::to_value(read).expect("json"), *message);
    }
    let messages = read("messages.json");
    let (requests, answers) = (&messages["requests"], &messages["answers"]);
    same::<ProvisionRequest>(&requests["provision"]);
    same::<HeartbeatRequest>(&requests["heartbeat"]);
    same::<StartRequest>(&requests["start"]);
    same::<ProgressRequest>(&requests["progress"]);
    same::<ReleaseRequest>(&requests["release"]);
    same::<CompleteRequest>(&requests["complete"]);
    same::<ProvisionAnswer>(&answers["provision"]);
    same::<RotateAnswer>(&answers["rotate"]);
    same::<HeartbeatAnswer>(&answers["heartbeat"]);
    same::<Vec<ClaimedJob>>(&answers["claim"]);
    same::<StartAnswer>(&answers["start"]);
    same::<ResultsAnswer>(&answers["results"]);
    same::<ProgressAnswer>(&answers["progress"]);
    same::<CompleteAnswer>(&answers["complete"]);
    for problem in messages["problems"].as_array().expect("a list") {
        same::<Problem>(problem);
    }
}
