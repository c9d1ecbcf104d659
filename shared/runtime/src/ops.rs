//! The ops listener: `/healthz` (the process runs), `/readyz` (it can do its work), `/metrics` (Prometheus text).
//! Never routed to the outside.
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::Shutdown;

/// The port that ops listeners have unless told otherwise.
pub const PORT: u16 = 9100;

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;

/// What has to be true for `/readyz` to answer 200.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

impl Readiness {
    /// Ready as soon as it runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; its error is shown in the answer.
    pub fn with<F, A>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|(name, _)| name)).finish()
    }
}

/// Upper bounds of the buckets of histograms of seconds, from a millisecond to two hours.
const BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];

/// Binds `address`, or with `or_next` the next free port after it. What is measured and described from now on is shown.
pub async fn bind(address: SocketAddr, or_next: bool) -> io::Result<TcpListener> {
    recorder();
    let mut candidate = address;
    loop {
        match TcpListener::bind(candidate).await {
            Err(error)
                if or_next
                    && error.kind() == io::ErrorKind::AddrInUse
                    && candidate.port() < address.port().saturating_add(100) =>
            {
                candidate.set_port(candidate.port() + 1);
            }
            other => return other,
        }
    }
}

/// Serves until `shutdown` says now: while work is handed back the listener still answers (`/readyz` with 503).
pub async fn serve(listener: TcpListener, readiness: Readiness, shutdown: Shutdown) -> io::Result<()> {
    let handle = recorder();
    let state = Arc::new(Ops { handle, readiness, shutdown: shutdown.clone() });
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state(state);
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            recorder().run_upkeep();
        }
    });
    let now = shutdown.now_token().clone();
    let served = tokio::select! {
        served = axum::serve(listener, router).into_future() => served,
        () = now.cancelled() => Ok(()),
    };
    upkeep.abort();
    served
}

struct Ops {
    handle: PrometheusHandle,
    readiness: Readiness,
    shutdown: Shutdown,
}

async fn ready(State(ops): State<Arc<Ops>>) -> (StatusCode, String) {
    let mut text = String::new();
    let mut status = StatusCode::OK;
    if ops.shutdown.is_stopping() {
        status = StatusCode::SERVICE_UNAVAILABLE;
        text.push_str("stopping\n");
    }
    for (name, check) in &ops.readiness.checks {
        let answer = tokio::time::timeout(Duration::from_secs(3), check()).await;
        let word = match answer {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) => reason,
            Err(_) => "no answer within 3 s".to_owned(),
        };
        if word != "ok" {
            status = StatusCode::SERVICE_UNAVAILABLE;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {word}");
    }
    (status, text)
}

async fn render(State(ops): State<Arc<Ops>>) -> String {
    ops.handle.render()
}

/// The process has one recorder; a second one could not be installed.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let seconds = Matcher::Suffix("_seconds".to_owned());
            let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &BUCKETS);
            let recorder = builder.expect("there are buckets").build_recorder();
            let handle = recorder.handle();
            // Fails only when another recorder is in place; this one then renders nothing.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reads");
        answer
    }

    #[tokio::test]
    async fn ready_names_what_is_missing_and_metrics_are_rendered() {
        let listener = bind("127.0.0.1:0".parse().expect("an address"), false).await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let shutdown = Shutdown::manual();
        let readiness =
            Readiness::new().with("clock", || async { Ok(()) }).with("database", || async { Err("away".to_owned()) });
        let server = tokio::spawn(serve(listener, readiness, shutdown.clone()));
        assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        let ready = ask(address, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("database: away"), "{ready}");
        metrics::counter!("mipo_test_total").increment(3);
        assert!(ask(address, "/metrics").await.contains("mipo_test_total 3"));
        shutdown.stop_now();
        server.await.expect("ends").expect("well");
    }

    #[tokio::test]
    async fn a_taken_port_leads_to_the_next_one() {
        let first = bind("127.0.0.1:0".parse().expect("an address"), false).await.expect("binds");
        let address = first.local_addr().expect("bound");
        let second = bind(address, true).await.expect("binds");
        assert_ne!(second.local_addr().expect("bound").port(), address.port());
    }
}
