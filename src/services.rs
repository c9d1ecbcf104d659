//! `mipo manager`, `mipo ingest`, `mipo dispatcher`, `mipo backup`: one service a process.
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use mipo_domain::clock::Clock as _;
use mipo_runtime::config::{Backup, Common, Dispatcher, Ingest, Manager, Reader};
use mipo_runtime::ops::{self, Readiness};
use mipo_runtime::telemetry::{self, LogTarget};
use mipo_runtime::traces::Traces;
use mipo_runtime::{Shutdown, SystemClock};
use mipo_store::config::service_heartbeats::{self, Beat};
use mipo_store::migrate::{self, MigrateError};
use mipo_store::{Db, StoreError};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::serve::serve;

/// How often a service shows that it is alive (product 11.1).
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How often a service looks whether what it waits for is there.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) async fn manager() -> Result<ExitCode, Failure> {
    let (config, _) = Manager::read(Reader::from_environment())?;
    let process = Process::start("manager", &config.common).await?;
    let router = mipo_manager::service::start(&config, process.db.clone(), &process.shutdown).await?;
    if let Some(path) = mipo_manager::service::setup_path(&process.db, &process.shutdown).await? {
        let address = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen_addr));
        // Not through the log: it is for whoever reads this process's output now, once and for 15 minutes.
        eprintln!("create the owner (once, within 15 min): {address}{path}");
    }
    process.serve(config.listen_addr, router).await
}

pub(crate) async fn ingest() -> Result<ExitCode, Failure> {
    let (config, _) = Ingest::read(Reader::from_environment())?;
    let process = Process::start("ingest", &config.common).await?;
    let router = mipo_ingest::service::start(&config, process.db.clone(), &process.shutdown).await?;
    process.serve(config.listen_addr, router).await
}

pub(crate) async fn dispatcher() -> Result<ExitCode, Failure> {
    let (config, _) = Dispatcher::read(Reader::from_environment())?;
    let process = Process::start("dispatcher", &config.common).await?;
    let (db, shutdown) = (process.db.clone(), process.shutdown.clone());
    let working = mipo_dispatcher::service::run(&config, db, &shutdown);
    process.until_done(working).await
}

pub(crate) async fn backup() -> Result<ExitCode, Failure> {
    let (config, _) = Backup::read(Reader::from_environment())?;
    let process = Process::start("backup", &config.common).await?;
    let router = mipo_backup::service::start(&config, process.db.clone(), &process.shutdown).await?;
    process.serve(config.listen_addr, router).await
}

/// What every service process has.
struct Process {
    name: &'static str,
    db: Db,
    shutdown: Shutdown,
    /// The ops listener, which answers from the first moment on.
    ops: JoinHandle<std::io::Result<()>>,
    /// `/readyz` says no until then.
    started: Arc<AtomicBool>,
    traces: Option<Traces>,
}

impl Process {
    /// Starts logging and the ops listener, and waits for the database.
    async fn start(name: &'static str, common: &Common) -> Result<Self, Failure> {
        let traces = Traces::start(&common.otlp, name)?;
        let captured = mipo_queue::LogCapture;
        telemetry::init_with(&common.log_filter, common.log_format, LogTarget::Stderr, captured, traces.clone());
        let shutdown = Shutdown::on_signals()?;
        let ops = ops::bind(common.ops_listen_addr, false)
            .await
            .map_err(|error| format!("OPS_LISTEN_ADDR: {}: {error}", common.ops_listen_addr))?;
        let db = Db::lazy(common.database_url.expose(), common.db_pool_max, &format!("mipo {name}"))?;
        let started = Arc::new(AtomicBool::new(false));
        let ready = readiness(&db).with("start", {
            let started = Arc::clone(&started);
            move || {
                let started = started.load(Ordering::Relaxed);
                async move { if started { Ok(()) } else { Err("waits for the database and its schema".to_owned()) } }
            }
        });
        // Before anything is waited for: a service that waits is alive, and says what is missing.
        let ops = tokio::spawn(ops::serve(ops, ready, shutdown.clone()));
        wait_for_schema(common.database_url.expose(), &shutdown).await?;
        tracing::info!(service = name, version = env!("CARGO_PKG_VERSION"), commit = env!("MIPO_COMMIT"), "started");
        Ok(Self { name, db, shutdown, ops, started, traces })
    }

    async fn serve(self, address: SocketAddr, router: Router) -> Result<ExitCode, Failure> {
        let listener = TcpListener::bind(address).await.map_err(|error| format!("LISTEN_ADDR: {address}: {error}"))?;
        let serving = serve(listener, router, self.shutdown.clone());
        self.until_done(serving).await
    }

    /// Runs the service beside its heartbeat and its ops listener.
    async fn until_done(self, working: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
        let beating = tokio::spawn(beat(self.name, self.db.clone(), self.shutdown.clone()));
        self.started.store(true, Ordering::Relaxed);
        let now = self.shutdown.now_token().clone();
        let outcome = tokio::select! {
            outcome = working => outcome,
            () = now.cancelled() => Ok(()),
        };
        self.shutdown.stop_now();
        // Both end with the shutdown; how is of no interest any more.
        let _ = tokio::join!(beating, self.ops);
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

/// Ready when the database answers.
pub(crate) fn readiness(db: &Db) -> Readiness {
    let db = db.clone();
    Readiness::new().with("database", move || {
        let db = db.clone();
        async move { if db.ping().await { Ok(()) } else { Err("does not answer".to_owned()) } }
    })
}

/// Services start in any order: each waits until the database is there and its schema is up to date.
async fn wait_for_schema(url: &str, shutdown: &Shutdown) -> Result<(), Failure> {
    loop {
        let state = async {
            let mut conn = migrate::connect(url).await?;
            migrate::pending(&mut conn).await
        };
        match state.await {
            Ok(missing) if missing.is_empty() => return Ok(()),
            Ok(missing) => tracing::warn!(missing = missing.len(), "waiting for migrations; run `mipo migrate`"),
            // Waiting heals no difference between this build and the database.
            Err(error @ MigrateError::Changed { .. }) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "waiting for the database"),
        }
        tokio::select! {
            () = shutdown.stopping() => return Err("stopped before the database was ready".into()),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Stores a heartbeat every 30 s.
pub(crate) async fn beat(service: &'static str, db: Db, shutdown: Shutdown) {
    let started_at = SystemClock.now();
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    while !shutdown.is_stopping() {
        let metrics = process_metrics();
        let beat = Beat { service, node: &node, started_at, version: env!("CARGO_PKG_VERSION"), metrics: &metrics };
        let stored: Result<(), StoreError> = async {
            let mut tx = db.tx("service_heartbeats.beat").await?;
            service_heartbeats::beat(&mut tx, &beat).await?;
            tx.commit().await
        }
        .await;
        if let Err(error) = stored {
            tracing::warn!(%error, service, "heartbeat not stored");
        }
        tokio::select! { () = shutdown.stopping() => {}, () = tokio::time::sleep(HEARTBEAT) => {} }
    }
}

/// Memory, threads and open files of this process; what cannot be read is left out.
fn process_metrics() -> serde_json::Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    json!({
        "rssBytes": number("VmRSS").map(|kib| kib * 1024),
        "threads": number("Threads"),
        "openFiles": std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
    })
}
