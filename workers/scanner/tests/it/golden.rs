//! The published examples, as this side reads and writes them; the server's side is tested with the same files.
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mipo_domain::exclusions::Exclusions;
use mipo_domain::hash::Hash256;
use mipo_protocol::messages::{ClaimedJob, HeartbeatAnswer, ProgressAnswer, ProvisionAnswer};
use mipo_protocol::part::{Part, Verdict};
use mipo_protocol::problem::{Action, Problem};
use mipo_protocol::signature::PublicKey;
use mipo_protocol::spec::Admission;
use mipo_scanner::agent::parts::build;
use mipo_scanner::ledger::{Draft, Found, Mark};
use serde_json::Value;

use crate::coverage::read;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/protocol/golden").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn what_a_server_says_is_understood() {
    let messages = golden("messages.json");
    let answer = |name: &str| messages["answers"][name].clone();
    let enrolled: ProvisionAnswer = serde_json::from_value(answer("provision")).unwrap();
    let pinned = vec![enrolled.job_public_key.public_key];
    let beat: HeartbeatAnswer = serde_json::from_value(answer("heartbeat")).unwrap();
    assert!(beat.job_public_keys.iter().all(|key| key.is_vouched_for(&pinned)));
    let mut claimed: Vec<ClaimedJob> = serde_json::from_value(answer("claim")).unwrap();
    let claim = claimed.pop().unwrap();
    let spec = claim.signed_spec().verify(&pinned).unwrap();
    let admission = Admission {
        scanner_id: enrolled.scanner_id,
        now: spec.not_before,
        job_id: claim.job_id,
        lease_attempt: claim.lease_attempt,
        remembered_attempt: None,
    };
    assert_eq!(spec.admit(&admission), Ok(()));
    let progress: ProgressAnswer = serde_json::from_value(answer("progress")).unwrap();
    assert_eq!(Exclusions::new(progress.added_exclusions).meeting(&spec.targets).len(), 1);
    for problem in messages["problems"].as_array().unwrap() {
        let problem: Problem = serde_json::from_value(problem.clone()).unwrap();
        let code = problem.known_code().unwrap_or_else(|| panic!("{} is not known here", problem.code));
        assert_eq!((problem.action, problem.status), (code.action(), code.status()));
        assert!(!matches!(problem.status, 429 | 503) || problem.action == Action::Retry);
    }
}

#[test]
fn the_published_specs_verify_and_have_the_published_space() {
    for case in golden("spec.json").as_array().unwrap() {
        let key: PublicKey = case["publicKey"].as_str().unwrap().parse().unwrap();
        let signed =
            serde_json::from_value(serde_json::json!({ "spec": case["spec"], "signature": case["signature"] }));
        let signed: mipo_protocol::spec::SignedSpec = signed.unwrap();
        let spec = signed.verify(&[key]).unwrap();
        assert_eq!(spec.index_space().unwrap().count(), case["n"].as_u64().unwrap());
        assert_eq!(spec.scope_hash().to_string(), case["scopeHash"].as_str().unwrap());
    }
}

#[test]
fn a_part_built_here_means_what_the_published_one_does() {
    let published = golden("part.json");
    let text = published["text"].as_str().unwrap();
    assert_eq!(Hash256::of(text.as_bytes()).to_string(), published["sha256"].as_str().unwrap());
    let part = Part::from_bytes(text.as_bytes()).unwrap();
    let claimed: Vec<ClaimedJob> = serde_json::from_value(golden("messages.json")["answers"]["claim"].clone()).unwrap();
    let key: PublicKey = golden("spec.json")[0]["publicKey"].as_str().unwrap().parse().unwrap();
    let space = claimed[0].signed_spec().verify(&[key]).unwrap().index_space().unwrap();
    let verdicts = read(&part, &space);
    let open = part.hosts.iter().flat_map(|host| &host.open).next().unwrap();
    let found = Found {
        rtt: Some(Duration::from_micros(open.rtt_us.into())),
        tries: u8::try_from(open.tries).unwrap(),
        at: open.at,
    };
    let mark = |verdict: &Verdict| match verdict {
        Verdict::NotProbed => Mark::Excluded,
        verdict => Mark::Judged(*verdict),
    };
    let draft = Draft {
        from: part.from_index,
        marks: verdicts.values().map(mark).collect(),
        found: verdicts.iter().filter(|(_, v)| **v == Verdict::Open).map(|(index, _)| (*index, found)).collect(),
        ballots: BTreeMap::new(),
    };
    let (built, tally) = build(&draft, &space, part.lease_attempt, part.seq);
    assert_eq!(tally.attempted, published["counts"]["attempted"].as_u64().unwrap());
    assert_eq!(tally.open, published["counts"]["open"].as_u64().unwrap());
    // What is not probed has the default of its host: the engine leaves it out only where it is excluded.
    let judged = |verdicts: BTreeMap<u64, Verdict>, known: &BTreeMap<u64, Verdict>| -> Vec<(u64, Verdict)> {
        verdicts.into_iter().filter(|(index, _)| known[index] != Verdict::NotProbed).collect()
    };
    assert_eq!(judged(read(&built, &space), &verdicts), judged(verdicts.clone(), &verdicts));
    let again = Part::from_bytes(&built.to_bytes()).unwrap();
    assert_eq!(again, built, "what is sent is what was built");
}
