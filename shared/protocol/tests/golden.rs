//! The examples in `golden/`, which scanner and server are both tested against.
//!
//! `MIPO_UPDATE_GOLDEN=1 cargo test -p mipo-protocol` writes them anew; a changed file is a changed protocol.
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mipo_domain::exclusions::{Exclusion, Exclusions};
use mipo_domain::permutation::{Permutation, Seed};
use mipo_domain::ports::{PortSet, Protocol};
use mipo_domain::states::JobKind;
use mipo_domain::targets::{Probe, Target};
use mipo_protocol::part::{DefaultState, OpenPort, Part, PartHost};
use mipo_protocol::part_check::{PartRefusal, check};
use mipo_protocol::signature::{KeyId, PublicKey, Signature, SigningKey};
use mipo_protocol::spec::{Admission, SignedSpec, Spec, SpecError, Votes};
use mipo_protocol::wire::Base64;
use serde_json::{Value, json};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn compare(name: &str, value: &Value) {
    let path = golden(name);
    if std::env::var_os("MIPO_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(value).expect("json") + "\n").expect("writes");
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).expect("golden file")).expect("json");
    assert_eq!(*value, kept, "{name}");
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("time")
}

fn spec(kind: JobKind) -> Spec {
    Spec {
        v: 1,
        key_id: KeyId(String::new()),
        job_id: 7.into(),
        scan_id: 3.into(),
        kind,
        scanner_id: "018f0000-0000-7000-8000-000000000001".parse().expect("id"),
        min_attempt: 1,
        targets: vec![
            Target {
                protocol: Protocol::Tcp,
                addresses: vec!["10.0.0.1".parse().expect("ip"), "10.0.0.8-10.0.0.10".parse().expect("range")],
                ports: PortSet::from_ranges([(22, 22), (80, 81), (443, 443)]),
            },
            Target {
                protocol: Protocol::Tcp,
                addresses: vec!["2001:db8::1-2001:db8::2".parse().expect("range")],
                ports: PortSet::from_ranges([(8000, 8002)]),
            },
        ],
        exclusions: vec![Exclusion {
            cidr: "10.0.0.9/32".parse().expect("net"),
            ports: PortSet::from_ranges([(443, 443)]),
        }],
        rate_pps: 200,
        per_host_pps: 100,
        seed: "000102030405060708090a0b0c0d0e0f".parse().expect("seed"),
        not_before: at("2026-01-02T03:04:05Z"),
        expires_at: at("2026-01-03T03:04:05Z"),
        votes: (kind == JobKind::Confirm).then_some(Votes::DEFAULT),
    }
}

fn part() -> Part {
    let space = spec(JobKind::Sweep).index_space().expect("space");
    let first: Vec<Probe> = space.probes(0, 12).map(|(_, probe)| probe).collect();
    let mut hosts: Vec<PartHost> = Vec::new();
    for (n, probe) in first.iter().enumerate() {
        let at_host = hosts.iter().position(|host| host.ip == probe.ip).unwrap_or_else(|| {
            hosts.push(PartHost::new(probe.ip, probe.protocol));
            hosts.len() - 1
        });
        let host = &mut hosts[at_host];
        let one = PortSet::from_ranges([(probe.port, probe.port)]);
        match n % 4 {
            0 => host.open.push(OpenPort {
                port: probe.port,
                rtt_us: 1234,
                tries: 1,
                service: Some("ssh".to_owned()),
                version: Some("OpenSSH_9.2p1".to_owned()),
                at: at("2026-01-02T03:05:00.123456Z"),
            }),
            1 => host.other = host.other.union(&one),
            2 => host.error = host.error.union(&one),
            _ => host.not_probed = host.not_probed.union(&one),
        }
    }
    hosts.push(PartHost {
        default_state: DefaultState::Filtered,
        ..PartHost::new("2001:db8::2".parse().expect("ip"), Protocol::Tcp)
    });
    let mut seen = std::collections::HashSet::new();
    hosts.reverse();
    hosts.retain(|host| seen.insert(host.ip));
    hosts.sort_by_key(|host| host.ip);
    Part { lease_attempt: 1, seq: 0, from_index: 0, to_index: 12, default_state: DefaultState::Closed, hosts }
}

#[test]
fn the_permutation_is_the_published_one() {
    let cases: Vec<Value> = [
        ("00000000000000000000000000000000", 1_u64),
        ("00000000000000000000000000000000", 2),
        ("000102030405060708090a0b0c0d0e0f", 5),
        ("000102030405060708090a0b0c0d0e0f", 16),
        ("000102030405060708090a0b0c0d0e0f", 17),
        ("ffffffffffffffffffffffffffffffff", 1_000),
        ("0123456789abcdef0123456789abcdef", 65_535),
        ("0123456789abcdef0123456789abcdef", 5_000_000),
        ("0123456789abcdef0123456789abcdef", 4_611_686_018_427_387_904),
    ]
    .into_iter()
    .map(|(seed, count)| {
        let parsed: Seed = seed.parse().expect("seed");
        let p = Permutation::new(parsed, count);
        let values: Vec<[String; 2]> = (0..count.min(16))
            .chain((count > 16).then_some(count - 1))
            .map(|index| [index.to_string(), p.forward(index).expect("inside").to_string()])
            .collect();
        // Numbers as text: the largest are beyond what every JSON reader keeps exactly.
        json!({ "seed": seed, "n": count.to_string(), "indexToLinear": values })
    })
    .collect();
    compare("permutation.json", &json!(cases));
}

#[test]
fn a_signed_spec_has_the_published_bytes() {
    let key = SigningKey::from_seed(&[42; 32]);
    let kinds: Vec<Value> = [JobKind::Sweep, JobKind::Confirm]
        .into_iter()
        .map(|kind| {
            let signed = spec(kind).sign(&key);
            json!({
                "privateKey": Base64(key.seed().to_vec()),
                "publicKey": key.public(),
                "keyId": key.public().key_id(),
                "specText": String::from_utf8(signed.spec.0.clone()).expect("utf-8"),
                "spec": signed.spec,
                "signature": signed.signature,
                "scopeHash": spec(kind).scope_hash(),
                "n": spec(kind).index_space().expect("space").count(),
            })
        })
        .collect();
    compare("spec.json", &json!(kinds));
}

#[test]
fn the_published_spec_verifies_and_no_changed_byte_does() {
    let kept: Value = serde_json::from_slice(&std::fs::read(golden("spec.json")).expect("file")).expect("json");
    for case in kept.as_array().expect("list") {
        let key: PublicKey = case["publicKey"].as_str().expect("key").parse().expect("key");
        let signed = SignedSpec {
            spec: Base64::decode(case["spec"].as_str().expect("spec")).expect("base64"),
            signature: Signature::from_base64(case["signature"].as_str().expect("signature")).expect("base64"),
        };
        let spec = signed.verify(&[key]).expect("verifies");
        assert_eq!(spec.scope_hash().to_string(), case["scopeHash"].as_str().expect("hash"));
        let targets = serde_json::to_string(&spec.targets).expect("json");
        assert!(case["specText"].as_str().expect("text").contains(&format!("\"targets\":{targets},")));
        for at in 0..signed.spec.0.len() {
            let mut changed = signed.clone();
            changed.spec.0[at] ^= 1;
            assert_eq!(changed.verify(&[key]), Err(SpecError::BadSignature));
        }
        let stranger = SigningKey::from_seed(&[1; 32]).public();
        assert_eq!(signed.verify(&[stranger]), Err(SpecError::BadSignature));
    }
}

#[test]
fn a_scanner_admits_only_its_own_fresh_jobs() {
    let spec = spec(JobKind::Sweep);
    let good = Admission {
        scanner_id: spec.scanner_id,
        now: at("2026-01-02T04:00:00Z"),
        job_id: spec.job_id,
        lease_attempt: 2,
        remembered_attempt: Some(1),
    };
    assert_eq!(spec.admit(&good), Ok(()));
    let other = "018f0000-0000-7000-8000-000000000002".parse().expect("id");
    assert_eq!(spec.admit(&Admission { scanner_id: other, ..good }), Err(SpecError::OtherScanner));
    assert_eq!(spec.admit(&Admission { job_id: 8.into(), ..good }), Err(SpecError::OtherJob));
    assert_eq!(spec.admit(&Admission { now: at("2026-01-02T02:58:00Z"), ..good }), Err(SpecError::NotYetValid));
    assert_eq!(spec.admit(&Admission { now: at("2026-01-02T03:01:00Z"), ..good }), Ok(()));
    assert_eq!(spec.admit(&Admission { now: at("2026-01-03T03:10:00Z"), ..good }), Err(SpecError::Expired));
    assert_eq!(
        spec.admit(&Admission { remembered_attempt: Some(2), ..good }),
        Err(SpecError::Replayed { attempt: 2, least: 3 })
    );
    assert_eq!(
        spec.admit(&Admission { lease_attempt: 0, remembered_attempt: None, ..good }),
        Err(SpecError::Replayed { attempt: 0, least: 1 })
    );
}

#[test]
fn a_part_has_the_published_bytes_and_counts() {
    let mut part = part();
    let text = String::from_utf8(part.to_bytes()).expect("utf-8");
    let spec = spec(JobKind::Sweep);
    let space = spec.index_space().expect("space");
    let counts = check(&spec, &space, &Exclusions::new(spec.exclusions.clone()), &mut part).expect("accepted");
    assert_eq!(counts.attempted + counts.not_probed + counts.excluded, 12);
    compare(
        "part.json",
        &json!({
            "text": text,
            "sha256": mipo_domain::hash::Hash256::of(text.as_bytes()),
            "counts": {
                "attempted": counts.attempted,
                "errors": counts.errors,
                "notProbed": counts.not_probed,
                "excluded": counts.excluded,
                "open": counts.open,
            },
        }),
    );
}

#[test]
fn a_part_is_refused_as_a_whole() {
    let spec = spec(JobKind::Sweep);
    let space = spec.index_space().expect("space");
    let none = Exclusions::default();
    let refusal = |change: &dyn Fn(&mut Part)| {
        let mut part = part();
        change(&mut part);
        check(&spec, &space, &none, &mut part).expect_err("refused")
    };
    let field = |refusal: PartRefusal| match refusal {
        PartRefusal::Invalid { field, .. } => field,
        PartRefusal::OutOfScope { .. } => "OUT_OF_SCOPE".to_owned(),
    };
    assert_eq!(field(refusal(&|p| p.to_index = p.from_index)), "toIndex");
    assert_eq!(field(refusal(&|p| p.to_index = 1_000)), "toIndex");
    assert_eq!(field(refusal(&|p| p.default_state = DefaultState::Filtered)), "defaultState");
    assert_eq!(field(refusal(&|p| p.hosts[0].ip = "10.0.0.2".parse().expect("ip"))), "OUT_OF_SCOPE");
    assert_eq!(field(refusal(&|p| p.hosts.push(p.hosts[0].clone()))), "hosts[5].ip");
    assert_eq!(field(refusal(&|p| p.hosts[0].error = PortSet::from_ranges([(9, 9)]))), "OUT_OF_SCOPE");
    assert_eq!(
        field(refusal(&|p| p.hosts[0].votes.push(mipo_protocol::part::Vote {
            port: 22,
            open: 1,
            closed: 0,
            filtered: 0
        }))),
        "hosts[0].votes"
    );
    let outside = space.probe_at(20).expect("probe");
    let wrong = refusal(&|p| {
        p.hosts.retain(|host| host.ip != outside.ip);
        p.hosts.push(PartHost {
            error: PortSet::from_ranges([(outside.port, outside.port)]),
            ..PartHost::new(outside.ip, outside.protocol)
        });
    });
    assert!(field(wrong).ends_with("].error"));
    let twice = refusal(&|p| {
        let host = p.hosts.iter_mut().find(|host| !host.open.is_empty()).expect("an open port");
        let port = host.open[0].port;
        host.error = host.error.union(&PortSet::from_ranges([(port, port)]));
    });
    assert!(field(twice).starts_with("hosts["));
    let long = refusal(&|p| {
        let host = p.hosts.iter_mut().find(|host| !host.open.is_empty()).expect("an open port");
        host.open[0].service = Some("x".repeat(257));
    });
    assert!(field(long).ends_with(".service"));
}

#[test]
fn rows_of_excluded_addresses_are_dropped_and_counted() {
    let spec = spec(JobKind::Sweep);
    let space = spec.index_space().expect("space");
    let all = Exclusions::new(vec![
        Exclusion::all_ports("10.0.0.0/8".parse().expect("net")),
        Exclusion::all_ports("2001:db8::/32".parse().expect("net")),
    ]);
    let mut part = part();
    let counts = check(&spec, &space, &all, &mut part).expect("accepted");
    assert_eq!((counts.attempted, counts.excluded, counts.open, counts.errors, counts.not_probed), (0, 12, 0, 0, 0));
    assert!(counts.dropped > 0);
    assert!(part.hosts.iter().all(|host| host.open.is_empty() && host.error.is_empty()));
}

#[test]
fn answers_may_grow_and_parts_may_not() {
    let answer = r#"{"leaseSeconds":300,"directive":"continue","somethingNew":1}"#;
    assert!(serde_json::from_str::<mipo_protocol::messages::StartAnswer>(answer).is_ok());
    let part =
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":1,"defaultState":"closed","hosts":[],"notprobed":1}"#;
    let error = Part::from_bytes(part.as_bytes()).expect_err("refused");
    assert!(error.to_string().contains("notprobed"));
}
