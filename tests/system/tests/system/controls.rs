//! Pause, resume and cancel reach a real scanner, proved against listeners that count: what was told to stop probes
//! nothing more.
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mipo_domain::ids::ScanId;

use crate::processes::until;
use crate::stack::Stack;

/// Each address has one port that counts, among these.
const PORTS: &str = "22100-22139";
const PORT: u16 = 22_107;
const ADDRESSES: u8 = 250;
/// 10,000 probes take twenty seconds.
const RATE: i64 = 500;
/// So long nothing may come: at this rate it would be dozens.
const STILL: Duration = Duration::from_secs(4);

/// Listeners that count who connects.
struct Counting {
    connections: Arc<AtomicU64>,
    /// Passes over all listeners in which nobody waited to be counted.
    empty_passes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Counting {
    fn start() -> Self {
        let listen = |n| TcpListener::bind(SocketAddr::from((Ipv4Addr::new(127, 78, 0, n), PORT)));
        let listeners: Vec<TcpListener> = (1..=ADDRESSES).filter_map(|n| listen(n).ok()).collect();
        assert!(listeners.len() > usize::from(ADDRESSES) / 2, "the port is free on most addresses");
        for listener in &listeners {
            listener.set_nonblocking(true).expect("can be asked without waiting");
        }
        let connections = Arc::new(AtomicU64::new(0));
        let empty_passes = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (count, passes, end) = (Arc::clone(&connections), Arc::clone(&empty_passes), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                let mut taken = 0;
                for listener in &listeners {
                    while listener.accept().is_ok() {
                        taken += 1;
                    }
                }
                count.fetch_add(taken, Ordering::SeqCst);
                if taken == 0 {
                    passes.fetch_add(1, Ordering::SeqCst);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { connections, empty_passes, stop, thread: Some(thread) }
    }

    /// Everybody who has connected until now.
    async fn counted(&self) -> u64 {
        // The pass under way may have passed by a listener before somebody connected; the next one is whole.
        let seen = self.empty_passes.load(Ordering::SeqCst);
        until("everybody is counted", Duration::from_mins(1), async || {
            (self.empty_passes.load(Ordering::SeqCst) >= seen + 2).then_some(())
        })
        .await;
        self.connections.load(Ordering::SeqCst)
    }

    /// Nobody connects for a while. Answers how many have.
    async fn still(&self) -> u64 {
        let before = self.counted().await;
        tokio::time::sleep(STILL).await;
        assert_eq!(self.counted().await, before, "probed after it had let go");
        before
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_or_cancelled_probes_nothing_more() {
    let counting = Counting::start();
    let stack = Stack::start(RATE).await;
    let scan = stack.scan(format!("127.78.0.1-127.78.0.{ADDRESSES}"), PORTS).await;
    stack.in_mid_scan(scan).await;

    stack.control(scan, "pause").await;
    job_becomes(&stack, scan, "paused").await;
    let how =
        "select (attempts -> -1 ? 'releasedAt')::text || ' ' || failed_leases from jobs.scan_jobs where scan_id = $1";
    assert_eq!(stack.text(scan, how).await, "true 0", "handed back by the scanner, long before its lease ended");
    let paused = counting.still().await;
    assert!(paused > 0, "it had begun");

    stack.control(scan, "resume").await;
    until("it goes on", Duration::from_mins(1), async || (counting.counted().await > paused).then_some(())).await;

    stack.control(scan, "cancel").await;
    job_becomes(&stack, scan, "cancelled").await;
    let cancelled = counting.still().await;
    assert!(cancelled < u64::from(ADDRESSES), "it was cancelled before its end");

    assert_eq!(stack.ended(scan, Duration::from_mins(1)).await, "cancelled");
    let kept =
        "select (sum(open_count) > 0 and sum(not_probed_count) > 0)::text from results.coverage where scan_id = $1";
    assert_eq!(stack.text(scan, kept).await, "true", "what was found stays, and what was not probed is said");
    let receipt = "select final_status || ' ' || (open_count > 0 and probes_attempted < probes_planned)::text from results.receipts where scan_id = $1";
    assert_eq!(stack.text(scan, receipt).await, "cancelled true");
    stack.is_consistent().await;
}

async fn job_becomes(stack: &Stack, scan: ScanId, status: &str) {
    until(status, Duration::from_mins(1), async || {
        let sql = "select string_agg(distinct status, ' ') from jobs.scan_jobs where scan_id = $1";
        (stack.text(scan, sql).await == status).then_some(())
    })
    .await;
}
