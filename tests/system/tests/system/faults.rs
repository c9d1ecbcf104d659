//! Each fault strikes in the middle of a scan; the scan completes all the same, with exactly the listeners as its
//! result, and nothing stored contradicts anything else.
use std::net::Ipv4Addr;
use std::time::Duration;

use mipo_domain::ids::ScanId;

use crate::listeners::Listeners;
use crate::stack::Stack;

/// Two addresses with all ports at this rate take about ten seconds.
pub(crate) const RATE: i64 = 13_000;

/// Generous: a dead holder's lease runs out after five minutes at most, but each fault heals faster.
const WITHIN: Duration = Duration::from_mins(2);

pub(crate) fn listeners(net: u8) -> Listeners {
    Listeners::open(&[Ipv4Addr::new(127, 77, net, 1), Ipv4Addr::new(127, 77, net, 2)], 40)
}

pub(crate) async fn finished(stack: &Stack, scan: ScanId, listeners: &Listeners) {
    assert_eq!(stack.ended(scan, WITHIN).await, "completed");
    assert_eq!(stack.open(scan).await, listeners.expected());
    stack.is_consistent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_survives_the_death_of_every_part() {
    let mut stack = Stack::start(RATE).await;

    let (known, scan) = begin(&stack, 1).await;
    stack.scanner.take().expect("it runs").kill();
    stack.start_scanner();
    finished(&stack, scan, &known).await;

    let (known, scan) = begin(&stack, 2).await;
    stack.dispatcher.take().expect("it runs").kill();
    stack.start_dispatcher();
    finished(&stack, scan, &known).await;

    let (known, scan) = begin(&stack, 3).await;
    stack.ingest.take().expect("it runs").kill();
    stack.start_ingest();
    finished(&stack, scan, &known).await;

    let (known, scan) = begin(&stack, 4).await;
    stack.restart_postgres();
    finished(&stack, scan, &known).await;
    for process in [&mut stack.scanner, &mut stack.dispatcher, &mut stack.ingest] {
        assert!(process.as_mut().is_some_and(crate::processes::Process::runs), "no service ended with the database");
    }

    // Work that is lost from the queues is found again from the state of the scan alone.
    let (known, scan) = begin(&stack, 5).await;
    let mut emptied = 0;
    while stack.open_scan(scan).await {
        emptied += stack.empty_queues().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        if emptied > 20 {
            break;
        }
    }
    finished(&stack, scan, &known).await;
}

/// Starts a scan of known listeners and waits until it is under way.
async fn begin(stack: &Stack, net: u8) -> (Listeners, ScanId) {
    let known = listeners(net);
    let scan = stack.scan(known.target(), "1-65535").await;
    stack.in_mid_scan(scan).await;
    (known, scan)
}
