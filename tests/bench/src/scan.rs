//! The scan engine on loopback, beside `nmap -sT` where it is installed and a bare blocking connect loop as the limit.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::figure::{Figure, median};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Measures one host, all ports (a small range with `smoke`), with ten listeners that have to be found.
pub fn measure(bin_dir: &Path, smoke: bool, rounds: usize) -> Result<Vec<Figure>, String> {
    let scanner = bin_dir.join("mipo-scanner");
    if !scanner.is_file() {
        return Err(format!("{} is missing: build it first, or name its folder with --bin-dir", scanner.display()));
    }
    let listeners: Vec<_> = (0..10)
        .map(|_| TcpListener::bind((HOST, 0)))
        .collect::<Result<_, _>>()
        .map_err(|e| format!("cannot listen: {e}"))?;
    let ours_open: BTreeSet<u16> = listeners.iter().filter_map(|l| l.local_addr().ok()).map(|a| a.port()).collect();
    let (first, last) = if smoke {
        (*ours_open.first().expect("ten listeners"), *ours_open.last().expect("ten listeners"))
    } else {
        (1, 65_535)
    };
    let ports = format!("{first}-{last}");
    let nmap =
        !smoke && Command::new("nmap").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());

    let (mut ours, mut limit, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        let found = scan_once(&scanner, &ports)?;
        ours.push(started.elapsed().as_secs_f64());
        if let Some(missed) = ours_open.iter().find(|port| !found.contains(port)) {
            return Err(format!("port {missed} is open and was not found: a wrong scan has no speed"));
        }
        limit.push(bare_connects(first, last).as_secs_f64());
        if nmap {
            let started = Instant::now();
            let status = Command::new("nmap")
                .args(["-sT", "-n", "-Pn", "-p", &ports, "127.0.0.1"])
                .stdout(Stdio::null())
                .status()
                .map_err(|e| format!("nmap: {e}"))?;
            if status.success() {
                peer.push(started.elapsed().as_secs_f64());
            }
        }
    }
    let goal = (!smoke).then_some(0.6);
    let mut wall =
        Figure::lower(format!("1 host x {} ports, wall", u32::from(last - first) + 1), "s", median(ours), goal);
    wall.limit = Some(median(limit));
    if !peer.is_empty() {
        wall.peers.insert("nmap -sT".into(), median(peer));
    }
    Ok(vec![wall])
}

fn scan_once(scanner: &Path, ports: &str) -> Result<BTreeSet<u16>, String> {
    let output = Command::new(scanner)
        .args(["scan", "127.0.0.1", "-p", ports, "--json"])
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("{}: {e}", scanner.display()))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", scanner.display(), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|row| row["state"] == "open")
        .filter_map(|row| u16::try_from(row["port"].as_u64()?).ok())
        .collect())
}

/// What two threads of plain blocking connects need for the same ports: loopback answers inside the call, so nothing
/// that waits for events can be faster by much.
fn bare_connects(first: u16, last: u16) -> Duration {
    let started = Instant::now();
    thread::scope(|scope| {
        for lane in 0..2_u32 {
            scope.spawn(move || {
                for port in (u32::from(first)..=u32::from(last)).filter(|p| p % 2 == lane) {
                    let port = u16::try_from(port).expect("within the range of ports");
                    drop(TcpStream::connect(SocketAddr::new(HOST, port)));
                }
            });
        }
    });
    started.elapsed()
}
