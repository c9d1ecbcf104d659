//! `mipo-scanner scan` as scripts see it.
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::listeners::{Silent, open};

fn scanner(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mipo-scanner")).args(arguments).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lists_open_ports_and_ends_with_the_summary() {
    let (_listeners, ports) = open("127.78.1.1", 3);
    let silent = Silent::everywhere();
    let list: Vec<String> = ports.iter().chain([&silent.port, &1]).map(u16::to_string).collect();
    let list = list.join(",");
    let output = scanner(&["scan", "127.78.1.1", "-p", &list, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let all = lines(&output);
    let (last, found) = all.split_last().unwrap();
    assert_eq!(found.len(), 3);
    for line in found {
        assert_eq!((&line["ip"], &line["protocol"]), (&"127.78.1.1".into(), &"tcp".into()));
        assert!(line["state"] == "open" && line["rttUs"].is_u64());
        assert!(ports.contains(&(line["port"].as_u64().unwrap() as u16)));
    }
    let summary = last["summary"].as_object().unwrap();
    let names = ["probes", "open", "closed", "filtered", "error", "not_probed"];
    assert_eq!(names.map(|name| summary[name].as_u64().unwrap()), [5, 3, 1, 1, 0, 0]);
    assert!(summary.len() == 7 && summary["seconds"].is_f64());

    let output = scanner(&["scan", "127.78.1.1", "-p", &list, "--json", "--all"]);
    let mut states: Vec<String> =
        lines(&output)[..5].iter().map(|line| line["state"].as_str().unwrap().to_owned()).collect();
    states.sort_unstable();
    assert_eq!(states, ["closed", "filtered", "open", "open", "open"]);
}

#[test]
fn a_table_is_for_people_and_xml_for_readers_of_nmap() {
    let (_listeners, ports) = open("127.78.2.1", 1);
    let port = ports.first().unwrap().to_string();
    let list = format!("1,{port}");
    let text = String::from_utf8(scanner(&["scan", "127.78.2.0/31", "-p", &list]).stdout).unwrap();
    assert!(text.starts_with("ADDRESS") && text.contains(&format!("{port}/tcp  open")), "{text}");
    assert!(text.contains("1 open, 3 closed, 0 filtered; 4 probes"), "{text}");
    let text = String::from_utf8(scanner(&["scan", "127.78.2.1", "-p", &list, "--xml"]).stdout).unwrap();
    for piece in [
        "<nmaprun scanner=\"mipo-scanner\"",
        "<scaninfo type=\"connect\" protocol=\"tcp\" numservices=\"2\"",
        "<address addr=\"127.78.2.1\" addrtype=\"ipv4\"/>",
        "<extraports state=\"closed\" count=\"1\">",
        &format!("<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\" reason=\"syn-ack\""),
        "</nmaprun>",
    ] {
        assert!(text.contains(piece), "{piece} is missing in {text}");
    }
}

#[test]
fn wrong_usage_is_2_and_names_the_mistake_a_failure_is_1() {
    for (arguments, code, words) in [
        (&["scan", "127.0.0.1", "-p", "22,abc"][..], 2, "abc"),
        (&["scan", "127.0.0.1", "-p", "70000"], 2, "70000"),
        (&["scan", "10.0.0.0/33", "-p", "22"], 2, "10.0.0.0/33"),
        (&["scan", "127.0.0.1"], 2, "--ports"),
        (&["scan", "127.0.0.1", "-p", "53/udp"], 2, "TCP"),
        (&["fly"], 2, "fly"),
        (&["scan", "no-such-host.invalid", "-p", "22"], 1, "no-such-host.invalid"),
        (&["scan", "127.0.0.1", "-p", "22", "--deny-file", "/no/such/file"], 1, "/no/such/file"),
        (&["run", "--key-file", "/no/such/key"], 1, "enrol"),
        (&["enrol", "--server", "http://192.0.2.1", "--token", "x", "--key-file", "/tmp/x/key"], 1, "https"),
    ] {
        let output = scanner(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

#[test]
fn the_version_has_name_number_and_commit() {
    let text = String::from_utf8(scanner(&["--version"]).stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!((words.len(), words[0], words[1]), (3, "mipo-scanner", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_denied_address_is_not_probed() {
    let (_listeners, ports) = open("127.78.3.1", 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deny");
    std::fs::write(&file, "127.78.3.1 # not this one\n").unwrap();
    let port = ports.first().unwrap().to_string();
    let file = file.to_str().unwrap();
    let output = scanner(&["scan", "127.78.3.0/31", "-p", &port, "--json", "--all", "--deny-file", file]);
    let lines = lines(&output);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().any(|line| line["ip"] == "127.78.3.1" && line["state"] == "not_probed"), "{lines:?}");
    assert_eq!((&lines[2]["summary"]["not_probed"], &lines[2]["summary"]["open"]), (&1.into(), &0.into()));
}

#[test]
fn an_interrupt_ends_with_what_was_found() {
    let child = Command::new(env!("CARGO_BIN_EXE_mipo-scanner"))
        .args(["scan", "127.78.4.1", "-p", "1-65535", "--rate", "2000", "--json", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(900));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"));
    let lines = lines(&output);
    let (last, found) = lines.split_last().unwrap();
    let summary = &last["summary"];
    assert_eq!(summary["probes"], 65_535);
    assert!(summary["not_probed"].as_u64().unwrap() > 1_000 && !found.is_empty());
    assert_eq!(found.len() as u64 + summary["not_probed"].as_u64().unwrap(), 65_535);
}
