//! A machine without files to spare: nothing may be called closed or filtered because of it.
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;

use mipo_protocol::part::Verdict;

use crate::listeners::{How, Silent, open, probe};

const CHILD: &str = "MIPO_TEST_FEW_FILES";

/// Runs in a process of its own, whose limit the shell has lowered: the engine believes that it may have 1,000 connects
/// under way, the kernel gives it a handful.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let silent = Silent::everywhere();
    let (_listeners, listening) = open("127.77.8.1", 3);
    let mut targets: Vec<(IpAddr, u16)> =
        (1..=30).map(|host| (IpAddr::from([127, 77, 8, host]), silent.port)).collect();
    targets.extend(listening.iter().map(|port| (IpAddr::from([127, 77, 8, 1]), *port)));
    let (found, stats, _) = probe(targets, How::default());
    assert!(stats.faults > 0, "this process was to run out of files: {stats:?}");
    assert_eq!(found.with(Verdict::Filtered).len(), 30, "{found:?} {stats:?}");
    assert_eq!(found.with(Verdict::Open).len(), 3, "{found:?} {stats:?}");
}

#[test]
fn running_out_of_files_changes_no_verdict() {
    let this = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 36 && exec \"$0\" --exact few_files::child --test-threads 1 --nocapture"])
        .arg(this)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_limit_of_64_files_is_enough_for_every_port() {
    let (_listeners, ours) = open("127.77.9.1", 10);
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" scan 127.77.9.1 -p 1-65535 --json"])
        .arg(env!("CARGO_BIN_EXE_mipo-scanner"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, found) = lines.split_last().unwrap();
    let found: BTreeSet<u16> = found.iter().map(|line| line["port"].as_u64().unwrap() as u16).collect();
    assert!(ours.is_subset(&found), "missed {:?}", ours.difference(&found));
    let summary = &summary["summary"];
    assert_eq!((&summary["error"], &summary["not_probed"]), (&0.into(), &0.into()), "{summary}");
}
