//! One trace from the request to every attempt, as a collector receives it.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use mipo_app::{Caller, Ctx, upkeep};
use mipo_domain::ids::RequestId;
use mipo_protocol::part::DefaultState;
use mipo_runtime::config::{Otlp, Secret};
use mipo_runtime::traces::{Answered, Traces};
use mipo_runtime::{OsEntropy, SystemClock};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use prost::Message as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::place;
use crate::world::{World, parts, scanner, seen};

/// A collector: OTLP over HTTP as protobuf.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Starts it, and what exports to it.
    async fn start() -> (Self, Traces) {
        let this = Self::default();
        let router = Router::new().route("/v1/traces", post(receive)).with_state(this.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(axum::serve(listener, router).into_future());
        let config = Otlp {
            endpoint: Some(endpoint.parse().expect("an address")),
            headers: vec![("x-token".to_owned(), Secret::new("abc"))],
        };
        (this, Traces::start(&config, "test").expect("starts").expect("is on"))
    }

    /// Everything that came, the earliest first.
    fn spans(&self) -> Vec<Span> {
        let mut spans = self.0.lock().expect("nobody panics").clone();
        spans.sort_by_key(|span| span.end_time_unix_nano);
        spans
    }
}

async fn receive(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).expect("a request for spans");
    assert_eq!(
        (&headers["content-type"], &headers["x-token"]),
        (&"application/x-protobuf".parse().expect("a value"), &"abc".parse().expect("a value"))
    );
    for resource in request.resource_spans {
        let own = resource.resource.expect("who it is").attributes;
        let name = own.iter().find(|attribute| attribute.key == "service.name").and_then(|a| a.value.clone());
        assert_eq!(name.and_then(|value| value.value), Some(Value::StringValue("mipo-test".to_owned())));
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        collector.0.lock().expect("nobody panics").extend(spans);
    }
    StatusCode::OK
}

fn attribute(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|attribute| attribute.key == key).and_then(|a| a.value.clone());
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key}: {other:?} in {span:?}"),
    }
}

fn of_kind(spans: &[Span], kind: SpanKind) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind() == kind).collect()
}

const SCAN: &str = "insert into results.scans (template_id, template_name, started_by, requested_at, seed, traceparent)
  values (gen_random_uuid(), 'nightly', 't', now(), decode(repeat('00', 16), 'hex'), ";

/// Who listens to events is a matter of the whole process, so this is tested in one of its own.
const OWN_PROCESS: &str = "MIPO_TEST_TRACES";

#[test]
fn a_request_its_task_and_both_attempts_are_one_trace() {
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "traces::in_a_process_of_its_own", "--nocapture"])
        .env(OWN_PROCESS, "1")
        .output()
        .expect("it runs");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Passes at once when it was not started by the test above.
#[tokio::test]
async fn in_a_process_of_its_own() {
    if std::env::var_os(OWN_PROCESS).is_none() {
        return;
    }
    let (collector, traces) = Collector::start().await;
    let subscriber = tracing_subscriber::registry().with(traces.clone());
    tracing::subscriber::set_global_default(subscriber).expect("is the first");
    // Without SECRETS_KEY every attempt to plan fails.
    let place = place().await;
    let id = RequestId::mint(&SystemClock, &OsEntropy);
    let caller = Caller { request_id: Some(id), ..Caller::cli() };
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let root = mipo_domain::trace::Span::root(id.as_uuid());
    place.execute_owned(format!("{SCAN} '{root}')")).await;
    let mut tx = place.world.db.tx("test.plan").await.expect("begins");
    upkeep::plan_requested(&mut tx).await.expect("asks for a plan");
    tx.commit().await.expect("commits");
    Answered {
        id: ctx.caller.request_id.expect("given"),
        method: "POST",
        route: Some("/api/scans"),
        path: "/api/scans",
        status: 201,
        took: std::time::Duration::from_millis(3),
    }
    .tell();
    assert_eq!(place.run_tasks().await.len(), 1, "the first attempt");
    place.execute("update jobs.tasks set attempts = max_attempts - 1, run_at = now(), rank = now()").await;
    assert_eq!(place.run_tasks().await.len(), 1, "the last attempt");
    let task = place.text("select id::text from jobs.task_history").await;
    place.end().await;
    traces.end().await;

    let spans = collector.spans();
    let mine: Vec<_> = spans.iter().filter(|span| hex(&span.trace_id) == root.trace_id()).cloned().collect();
    let (server, producer) = (of_kind(&mine, SpanKind::Server), of_kind(&mine, SpanKind::Producer));
    let attempts = of_kind(&mine, SpanKind::Consumer);
    assert_eq!((server.len(), producer.len(), attempts.len()), (1, 1, 2), "{mine:?}");
    assert_eq!((server[0].name.as_str(), hex(&server[0].span_id)), ("POST /api/scans", root.span_id()));
    assert!(server[0].parent_span_id.is_empty(), "it is the first");
    assert_eq!((&producer[0].parent_span_id, producer[0].name.as_str()), (&server[0].span_id, "enqueue planning"));
    for attempt in &attempts {
        assert_eq!((&attempt.parent_span_id, attempt.name.as_str()), (&producer[0].span_id, "process planning"));
        assert!(attempt.start_time_unix_nano <= attempt.end_time_unix_nano);
        let told = ["task.id", "task.kind", "task.queue", "messaging.system"].map(|key| attribute(attempt, key));
        assert_eq!(told, [task.clone(), "plan_scan".to_owned(), "planning".to_owned(), "mipo".to_owned()]);
        let status = attempt.status.as_ref().expect("it failed");
        assert_eq!(status.code(), SpanStatus::Error);
        assert!(!status.message.is_empty());
    }
    assert_ne!(attempts[0].span_id, attempts[1].span_id);
    let ends: Vec<_> =
        attempts.iter().map(|span| (attribute(span, "task.attempt"), attribute(span, "task.outcome"))).collect();
    assert_eq!(ends, [("1".to_owned(), "failed".to_owned()), ("5".to_owned(), "dead".to_owned())]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Every task of a scan belongs to the scan's trace, whoever found that it was missing.
#[tokio::test]
async fn what_the_passes_ask_for_goes_on_in_the_trace_of_its_scan() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    let trace = world.text("select traceparent from results.scans").await;
    let tasks =
        "select kind || ' ' || coalesce(traceparent, 'none') from jobs.tasks where kind <> 'rollup_queues' order by 1";
    let only = |kind: &str| vec![format!("{kind} {trace}")];
    world.lose_tasks().await;
    world.reconcile().await;
    assert_eq!(world.texts(tasks).await, only("plan_scan"));
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    let sent = parts(&job, u64::MAX, 9, &seen(&[(2, 25)], &[]), |_, _| DefaultState::Closed);
    for part in &sent {
        world.hand_in(scanner(1), &job, part).await;
    }
    assert_eq!(world.texts(tasks).await, only("store_results"), "ingest knows the job");
    world.lose_tasks().await;
    world.reconcile().await;
    assert_eq!(world.texts(tasks).await, only("store_results"));
    world.lose_tasks().await;
    world.complete(scanner(1), &job, sent.len() as i64 - 1).await;
    world.lose_tasks().await;
    // Storing the last part of an ended job asks for its conclusion.
    world.store_all(scanner(1)).await;
    assert_eq!(world.texts(tasks).await, only("conclude_job"));
    world.lose_tasks().await;
    world.reconcile().await;
    assert_eq!(world.texts(tasks).await, only("conclude_job"));
    world.lose_tasks().await;
    world.sql("update jobs.scan_jobs set concluded_at = now()").await;
    world.reconcile().await;
    assert_eq!(world.texts(tasks).await, only("conclude_scan"));
    assert_eq!(world.status(scan).await, "running");
}

#[tokio::test]
async fn jobs_that_end_without_their_scanner_are_concluded_in_the_trace_of_their_scan() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    let trace = world.text("select traceparent from results.scans").await;
    let tasks =
        "select kind || ' ' || coalesce(traceparent, 'none') from jobs.tasks where kind like 'conclude%' order by 1";
    world.run_tasks().await;
    world.control(scan, "cancel").await;
    assert_eq!(world.texts(tasks).await, [format!("conclude_job {trace}")]);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelled");

    let scan = world.ask("10.0.0.1", "20-29").await;
    let trace = world.text(&format!("select traceparent from results.scans where id = {scan}")).await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    world.control(scan, "cancel").await;
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second' where finished_at is null").await;
    world.reconcile().await;
    assert_eq!(world.texts(tasks).await, [format!("conclude_job {trace}")]);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelled");
}
