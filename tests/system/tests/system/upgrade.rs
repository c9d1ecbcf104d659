//! An upgrade with a scan under way: the previous release and this one side by side on this one's schema, then the
//! previous one goes away.
//!
//! `tests/run upgrade` builds the previous release (the commit in `tests/system/previous-release`) and names its program
//! by `MIPO_PREVIOUS_BIN`; without it there is nothing to compare with, and the test passes at once.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::faults::{RATE, finished, listeners};
use crate::processes::{Process, binary, free_port, until};
use crate::stack::Stack;

/// Other work may use both cores.
const PATIENCE: Duration = Duration::from_mins(2);

/// What makes a release: its services, and where its HTTP services listen.
struct Release {
    ingest: Process,
    dispatcher: Process,
    manager: Process,
    ingest_port: u16,
    manager_port: u16,
}

impl Release {
    fn start(stack: &Stack, name: &str, program: &Path) -> Self {
        let (ingest_port, manager_port) = (free_port(), free_port());
        let start = |service: &str, port: u16| {
            Process::start(&format!("{name}-{service}"), stack.folder(), stack.service_of(program, service, port))
        };
        Self {
            ingest: start("ingest", ingest_port),
            dispatcher: start("dispatcher", 0),
            manager: start("manager", manager_port),
            ingest_port,
            manager_port,
        }
    }

    /// Its HTTP services answer.
    async fn answers(&self) {
        for (port, path) in [(self.ingest_port, "/scanner/install.sh"), (self.manager_port, "/api/openapi.json")] {
            until(&format!("port {port} answers {path}"), PATIENCE, async || {
                let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
                let url = format!("http://127.0.0.1:{port}{path}");
                let status = tokio::task::spawn_blocking(move || agent.get(url).call().map(|answer| answer.status()));
                status.await.expect("joins").ok().filter(|status| status.as_u16() < 500)
            })
            .await;
        }
    }

    /// Goes away as an upgrade lets it: what it does is finished or handed back.
    fn stop(mut self) {
        for process in [&mut self.manager, &mut self.ingest, &mut self.dispatcher] {
            assert!(process.interrupt(PATIENCE).success(), "it ends well:\n{}", process.said());
        }
    }
}

/// What the gateway does: each connection goes to the next ingest that takes it.
async fn gateway(listener: TcpListener, backends: Arc<[u16]>) {
    let turn = Arc::new(AtomicUsize::new(0));
    while let Ok((mut client, _)) = listener.accept().await {
        let (backends, turn) = (Arc::clone(&backends), Arc::clone(&turn));
        tokio::spawn(async move {
            for _ in 0..backends.len() {
                let port = backends[turn.fetch_add(1, Ordering::Relaxed) % backends.len()];
                if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
                    // Either end may hang up at any time.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_survives_the_upgrade_from_the_previous_release() {
    let Some(previous) = std::env::var_os("MIPO_PREVIOUS_BIN").map(PathBuf::from) else { return };
    let mut stack = Stack::migrated().await;
    // The previous one leads, since it was there first.
    let old = Release::start(&stack, "previous", &previous);
    old.answers().await;
    until("the previous dispatcher leads", PATIENCE, async || old.dispatcher.said().contains("leads").then_some(()))
        .await;
    let new = Release::start(&stack, "this", &binary("mipo"));
    new.answers().await;
    let listener = TcpListener::bind(("127.0.0.1", stack.ingest_port())).await.expect("the port is free");
    tokio::spawn(gateway(listener, Arc::new([old.ingest_port, new.ingest_port])));
    stack.enrol(RATE).await;
    stack.start_scanner();

    let known = listeners(6);
    let scan = stack.scan(known.target(), "1-65535").await;
    stack.in_mid_scan(scan).await;
    old.stop();
    finished(&stack, scan, &known).await;

    // And the next one is this release's alone.
    let known = listeners(7);
    let scan = stack.scan(known.target(), "1-65535").await;
    finished(&stack, scan, &known).await;
    let lost: i64 = sqlx::query_scalar(
        "select (select count(*) from jobs.task_history where status = 'dead')
           + (select count(*) from jobs.result_parts where stored_at is null)",
    )
    .fetch_one(&stack.pool)
    .await
    .expect("counts");
    assert_eq!(lost, 0, "no task died, and every part is stored");
    new.stop();
}
