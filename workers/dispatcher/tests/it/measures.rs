//! What the queue tells Prometheus, asked of the real listener.
use mipo_dispatcher::reconcile;
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::{ConcludeScan, Nothing};
use mipo_queue::{NewTask, kinds};
use mipo_runtime::Shutdown;
use mipo_runtime::ops::{self, Readiness};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::place;

async fn scrape(address: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    answer
}

/// The type, the name, and a series of each.
const MEASURES: &[(&str, &str, &str)] = &[
    ("gauge", "mipo_queue_tasks", "{queue=\"planning\",state=\"ready\"}"),
    ("gauge", "mipo_queue_tasks", "{queue=\"planning\",state=\"running\"}"),
    ("gauge", "mipo_queue_oldest_age_seconds", "{queue=\"planning\"}"),
    ("histogram", "mipo_queue_wait_seconds", "_bucket{kind=\"conclude_scan\",le=\"0.001\"}"),
    ("histogram", "mipo_queue_run_seconds", "_bucket{kind=\"conclude_scan\",le=\"7200\"}"),
    ("counter", "mipo_queue_attempts_total", "{kind=\"prune_jobs\",outcome=\"failed\"}"),
    ("counter", "mipo_queue_retries_total", "{kind=\"prune_jobs\"}"),
    ("counter", "mipo_queue_stale_answers_total", "{kind=\"plan_scan\"}"),
    ("counter", "mipo_queue_lost_leases_total", "{kind=\"plan_scan\"}"),
    ("counter", "mipo_queue_rescued_total", ""),
    ("counter", "mipo_queue_dead_total", "{kind=\"conclude_scan\"}"),
];

#[tokio::test]
async fn every_measure_of_the_queue_is_shown_with_its_help() {
    let listener = ops::bind("127.0.0.1:0".parse().expect("an address"), false).await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let shutdown = Shutdown::manual();
    let server = tokio::spawn(ops::serve(listener, Readiness::new(), shutdown.clone()));
    let place = place().await;
    place.enqueue(NewTask::new(&kinds::ROLLUP_QUEUES, Nothing {})).await;
    place.enqueue(ConcludeScan::task(ScanId::from(1))).await;
    place.run_tasks().await;
    // One that cannot be read is dead at once, and one fails and is tried again.
    place.enqueue(ConcludeScan::task(ScanId::from(2))).await;
    place.execute("update jobs.tasks set payload = '{}'; alter table jobs.scope_cuts rename to scope_cuts_away").await;
    place.enqueue(NewTask::new(&kinds::PRUNE_JOBS, Nothing {})).await;
    assert_eq!(place.run_tasks().await.len(), 2);
    reconcile::round(&place.world).await;

    let shown = scrape(address).await;
    for (kind, name, series) in MEASURES {
        assert!(shown.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind} in {shown}");
        assert!(shown.contains(&format!("# HELP {name} ")), "{name} has no help in {shown}");
        assert!(shown.contains(&format!("\n{name}{series} ")), "{name}{series} is not in {shown}");
    }
    for one in ["retries_total{kind=\"prune_jobs\"} ", "dead_total{kind=\"conclude_scan\"} "] {
        let (_, after) = shown.split_once(one).expect("it is there");
        assert!(!after.starts_with('0'), "{one}0");
    }
    place.end().await;
    shutdown.stop_now();
    server.await.expect("ends").expect("well");
}
