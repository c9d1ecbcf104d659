//! Traces by OTLP over HTTP (protobuf), off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
//!
//! Whatever has a span tells of its end by one event ([`TARGET`]), which names trace, span and parent; so nothing here
//! knows tasks or requests. The SDK keeps spans in a bounded queue and sends them from a thread of its own: what a slow
//! or missing collector cannot take is dropped, and nobody waits for it.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use mipo_domain::clock::Clock as _;
use mipo_domain::ids::RequestId;
use mipo_domain::trace::{Span, TARGET};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanExporter as Export, SpanLinks, SpanProcessor,
};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::SystemClock;
use crate::config::Otlp;

/// What one attempt to reach the collector may take; a batch is tried for no longer than the SDK's own limit.
const CALL: Duration = Duration::from_secs(5);

/// What the last spans may take when the process ends.
const LAST: Duration = Duration::from_secs(2);

/// Exports spans until it is ended. Clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct Traces {
    processor: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

impl Traces {
    /// Starts exporting as `service`; nothing without an endpoint. Fails only where the endpoint is no address.
    pub fn start(config: &Otlp, service: &str) -> Result<Option<Self>, String> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL))
            .http_status_as_error(false)
            .user_agent(concat!("mipo/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(agent))
            .with_endpoint(endpoint.traces())
            .with_headers(headers.collect())
            .build()
            .map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
        let mut processor = BatchSpanProcessor::builder(Told { exporter, away: AtomicBool::new(false) }).build();
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read by the SDK; the first one wins over our own name.
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
        let mut resource = Resource::builder().with_attribute(KeyValue::new("service.namespace", "mipo"));
        resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !named {
            resource = resource.with_service_name(format!("mipo-{service}"));
        }
        processor.set_resource(&resource.build());
        Ok(Some(Self { processor: Arc::new(processor), scope: InstrumentationScope::builder("mipo").build() }))
    }

    /// Sends what waits and ends; takes two seconds at most, whatever the collector does.
    pub async fn end(self) {
        // What could not be sent was told of when it failed.
        let _ = tokio::task::spawn_blocking(move || self.processor.shutdown_with_timeout(LAST)).await;
    }
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its id, which names its trace.
    pub id: RequestId,
    /// The method.
    pub method: &'a str,
    /// The pattern of the route that took it, if one did.
    pub route: Option<&'a str>,
    /// The path, without what people look for.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
}

impl Answered<'_> {
    /// Tells of its span, which is the first of its trace.
    pub fn tell(self) {
        let Self { id, method, route, path, status, took } = self;
        let span = Span::root(id.as_uuid());
        tracing::info!(
            target: TARGET,
            name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
            kind = "server",
            trace_id = span.trace_id(),
            span_id = span.span_id(),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            error = (status >= 500).then(|| format!("status {status}")),
            http.request.method = method,
            http.route = route,
            url.path = path,
            http.response.status_code = status,
            request.id = %id,
        );
    }
}

/// Hears the events of ended spans and of nothing else.
impl<S: Subscriber> Layer<S> for Traces {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() != TARGET {
            return;
        }
        let mut ended = Ended::default();
        event.record(&mut ended);
        if let Some(span) = ended.into_span(SystemClock.now().into(), &self.scope) {
            self.processor.on_end(span);
        }
    }
}

/// The fields of such an event.
#[derive(Default)]
struct Ended {
    name: String,
    kind: String,
    trace_id: String,
    span_id: String,
    parent_id: Option<String>,
    took: Duration,
    error: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Ended {
    fn into_span(self, end_time: SystemTime, scope: &InstrumentationScope) -> Option<SpanData> {
        let (trace, span) = (TraceId::from_hex(&self.trace_id).ok()?, SpanId::from_hex(&self.span_id).ok()?);
        let parent = self.parent_id.and_then(|id| SpanId::from_hex(&id).ok());
        Some(SpanData {
            span_context: SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: self.kind == "consumer",
            span_kind: match self.kind.as_str() {
                "server" => SpanKind::Server,
                "producer" => SpanKind::Producer,
                "consumer" => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            name: Cow::Owned(self.name),
            start_time: end_time.checked_sub(self.took).unwrap_or(end_time),
            end_time,
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: self.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: scope.clone(),
        })
    }

    fn attribute(&mut self, field: &Field, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(field.name(), value.into()));
    }
}

impl Visit for Ended {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "took_us" => self.took = Duration::from_micros(value),
            _ => self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attribute(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attribute(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value.to_owned();
        match field.name() {
            "name" => self.name = value,
            "kind" => self.kind = value,
            "trace_id" => self.trace_id = value,
            "span_id" => self.span_id = value,
            "parent_id" => self.parent_id = Some(value),
            "error" => self.error = Some(value),
            _ => self.attribute(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The exporter, and whether its collector was away at last: that is told once, not with each batch.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    away: AtomicBool,
}

impl Told {
    /// True when the collector has gone away or come back with this export.
    fn turned(&self, exported: bool) -> bool {
        self.away.swap(!exported, Ordering::Relaxed) == exported
    }
}

impl Export for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        match (&result, self.turned(result.is_ok())) {
            (Err(error), true) => tracing::warn!(%error, "traces cannot be exported, and are dropped until they can"),
            (Ok(()), true) => tracing::info!("traces are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The blocking client: the SDK calls it from its own thread.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_exported_without_an_endpoint() {
        assert!(Traces::start(&Otlp::default(), "test").expect("starts").is_none());
    }

    #[tokio::test]
    async fn a_collector_that_is_away_holds_nobody_up_and_is_told_of_once() {
        // Nothing listens on port 1 of this host, and a connection is refused at once.
        let config = Otlp { endpoint: Some("http://127.0.0.1:1".parse().expect("an address")), headers: Vec::new() };
        let traces = Traces::start(&config, "test").expect("starts").expect("is on");
        let ended = Ended { trace_id: "1".repeat(32), span_id: "2".repeat(16), ..Ended::default() };
        let span = ended.into_span(SystemTime::UNIX_EPOCH, &traces.scope).expect("a span");
        // Far more than the queue holds.
        for _ in 0..10_000 {
            traces.processor.on_end(span.clone());
        }
        traces.end().await;

        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(ureq::Agent::new_with_defaults()))
            .with_endpoint("http://127.0.0.1:1/v1/traces")
            .build()
            .expect("an exporter");
        let told = Told { exporter, away: AtomicBool::new(false) };
        let mut turns = Vec::new();
        for _ in 0..2 {
            assert!(told.exporter.export(vec![span.clone()]).await.is_err());
            turns.push(told.turned(false));
        }
        turns.extend([told.turned(true), told.turned(true), told.turned(false)]);
        assert_eq!(turns, [true, false, true, false, true]);
    }
}
