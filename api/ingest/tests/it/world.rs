//! A server with scanners and jobs, and calls to it as a scanner makes them.
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use chrono::{DateTime, Duration, Utc};
use mipo_domain::clock::Clock as _;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::permutation::Seed;
use mipo_domain::ports::{PortSet, Protocol};
use mipo_domain::secrets::{KeyKind, Token};
use mipo_domain::states::JobKind;
use mipo_domain::targets::Target;
use mipo_ingest::{Ingest, Settings, router};
use mipo_protocol::part::{DefaultState, OpenPort, Part, PartHost};
use mipo_protocol::signature::{KeyId, SigningKey};
use mipo_protocol::spec::Spec;
use mipo_runtime::telemetry::{self, LogFormat, LogTarget};
use mipo_runtime::{OsEntropy, Shutdown, SystemClock};
use mipo_testkit::{MockClock, TestDb};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

/// Where scanners of these tests stand.
pub const HOME: &str = "198.51.100.7";

pub struct World {
    pub db: TestDb,
    pub admin: PgPool,
    pub clock: MockClock,
    pub router: Router,
    pub ingest: Arc<Ingest>,
    pub shutdown: Shutdown,
    pub signer: SigningKey,
}

/// A scanner with a good key.
pub struct Scanner {
    pub id: ScannerId,
    pub key: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The stable word of a refusal, after checking the form that every problem body has.
    pub fn refusal(&self) -> String {
        let problem = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["requestId"].as_str(), self.headers["x-request-id"].to_str().ok());
        assert!(["retry", "stop", "reprovision"].contains(&problem["action"].as_str().expect("action")));
        if matches!(self.status.as_u16(), 429 | 503) {
            assert!(self.headers.contains_key("retry-after"));
        }
        problem["code"].as_str().expect("a code").to_owned()
    }

    pub fn good(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        self.json()
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(Settings { unauth_calls_per_minute: 1_000, ..Settings::default() }).await
    }

    pub async fn with(settings: Settings) -> Self {
        static LOG: std::sync::Once = std::sync::Once::new();
        LOG.call_once(|| telemetry::init("error", LogFormat::Json, LogTarget::Stderr));
        let db = mipo_testkit::database().await;
        let admin = db.superuser_pool();
        let clock = MockClock::at(SystemClock.now());
        let signer = SigningKey::from_seed(&[5; 32]);
        sqlx::query("insert into config.signing_keys (key_id, public_key, private_key, active_from) values ($1, $2, '\\x00', now())")
            .bind(signer.public().key_id().0)
            .bind(signer.public().as_bytes().as_slice())
            .execute(&admin)
            .await
            .expect("a signing key");
        // The rules that the manager seeds at its start.
        let mut conn = admin.acquire().await.expect("a connection");
        mipo_app::alarms::seed_rules(&mut conn).await.expect("the rules of alarms");
        drop(conn);
        let shutdown = Shutdown::manual();
        let ingest = Ingest::new(
            db.db_as("mipo_ingest"),
            Arc::new(clock.clone()),
            Arc::new(OsEntropy),
            settings,
            shutdown.clone(),
        );
        Self { db, admin, clock, router: router(Arc::clone(&ingest)), ingest, shutdown, signer }
    }

    /// A scanner that nobody has enrolled yet, and its one-time token.
    pub async fn expected_scanner(&self, name: &str) -> (ScannerId, String) {
        let id = ScannerId::mint(&self.clock, &OsEntropy);
        sqlx::query(
            "insert into config.scanners (id, name, created_by, max_concurrent_jobs) values ($1, $2, 'test', 8)",
        )
        .bind(id.as_uuid())
        .bind(name)
        .execute(&self.admin)
        .await
        .expect("a scanner");
        let token = Token::key(KeyKind::Provisioning, &OsEntropy);
        sqlx::query(
            "insert into config.provisioning_tokens (id, scanner_id, token_prefix, token_hash, expires_at, created_by)
             values ($1, $1, $2, $3, $4, 'test')",
        )
        .bind(id.as_uuid())
        .bind(token.prefix(KeyKind::Provisioning).expect("a prefix"))
        .bind(token.hash().as_bytes().as_slice())
        .bind(self.clock.now() + Duration::hours(1))
        .execute(&self.admin)
        .await
        .expect("a token");
        (id, token.reveal().to_owned())
    }

    /// An enrolled scanner that has sent its first heartbeat.
    pub async fn scanner(&self, name: &str) -> Scanner {
        let (id, token) = self.expected_scanner(name).await;
        let answer = self.post_from(HOME, "/scanner/provision", None, &enrolment(&token)).await.good();
        let scanner = Scanner { id, key: answer["apiKey"].as_str().expect("a key").to_owned() };
        self.post(&scanner, "/scanner/heartbeat", &json!({ "version": "1.2.3" })).await.good();
        scanner
    }

    /// A pending sweep job over `addresses` × `ports`, signed.
    pub async fn job(&self, scanner: &Scanner, addresses: &str, ports: &[(u16, u16)]) -> (ScanId, ScanJobId) {
        let scan: i64 = sqlx::query_scalar(
            "insert into results.scans (template_id, template_name, started_by, requested_at, seed)
             values (gen_random_uuid(), 'test', 'test', now(), decode(repeat('09', 16), 'hex')) returning id",
        )
        .fetch_one(&self.admin)
        .await
        .expect("a scan");
        let targets = vec![Target {
            protocol: Protocol::Tcp,
            addresses: vec![addresses.parse().expect("addresses")],
            ports: PortSet::from_ranges(ports.iter().copied()),
        }];
        let probes = i64::try_from(targets[0].probe_count()).expect("small");
        let job: i64 = sqlx::query_scalar(
            "insert into jobs.scan_jobs (scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash,
               max_probes_per_second, estimated_seconds, hosts_planned, probes_planned, resign_requested_at)
             values ($1, $2, 0, '\\x00', decode(repeat('00', 64), 'hex'), now() + interval '1 day', $3, 0, 60, 1, $4, now())
             returning id",
        )
        .bind(scan)
        .bind(scanner.id.as_uuid())
        .bind(mipo_protocol::spec::scope_hash(&targets).as_bytes().as_slice())
        .bind(probes)
        .fetch_one(&self.admin)
        .await
        .expect("a job");
        let spec = Spec {
            v: 1,
            key_id: KeyId(String::new()),
            job_id: job.into(),
            scan_id: scan.into(),
            kind: JobKind::Sweep,
            scanner_id: scanner.id,
            min_attempt: 1,
            targets,
            exclusions: Vec::new(),
            rate_pps: 0,
            per_host_pps: 0,
            seed: Seed([9; 16]),
            not_before: self.clock.now(),
            expires_at: self.clock.now() + Duration::days(1),
            votes: None,
        };
        let signed = spec.sign(&self.signer);
        sqlx::query("update jobs.scan_jobs set spec = $2, signature = $3, resign_requested_at = null where id = $1")
            .bind(job)
            .bind(&signed.spec.0)
            .bind(signed.signature.0.as_slice())
            .execute(&self.admin)
            .await
            .expect("signed");
        (scan.into(), job.into())
    }

    /// Claims and starts the one job that waits; its attempt.
    pub async fn started(&self, scanner: &Scanner) -> u32 {
        let claimed = self.get(scanner, "/scanner/jobs?max=1").await.good();
        assert_eq!(claimed.as_array().expect("a list").len(), 1, "{claimed}");
        let (job, attempt) = (&claimed[0]["jobId"], &claimed[0]["leaseAttempt"]);
        let start =
            self.post(scanner, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": attempt })).await;
        assert_eq!(start.good()["directive"], "continue");
        u32::try_from(attempt.as_u64().expect("a number")).expect("small")
    }

    pub async fn get(&self, scanner: &Scanner, path: &str) -> Reply {
        let request = Request::get(path).header("x-api-key", &scanner.key).body(Body::empty()).expect("a request");
        self.call(HOME, request).await
    }

    pub async fn post(&self, scanner: &Scanner, path: &str, body: &Value) -> Reply {
        self.post_from(HOME, path, Some(&scanner.key), body).await
    }

    pub async fn post_from(&self, source: &str, path: &str, key: Option<&str>, body: &Value) -> Reply {
        let mut request = Request::post(path);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        self.call(source, request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// Hands in a part as a scanner does: packed, with the hash of what is unpacked.
    pub async fn hand_in(&self, scanner: &Scanner, job: ScanJobId, part: &Part) -> Reply {
        self.hand_in_bytes(scanner, job, &part.to_bytes()).await
    }

    pub async fn hand_in_bytes(&self, scanner: &Scanner, job: ScanJobId, bytes: &[u8]) -> Reply {
        let request = Request::post(format!("/scanner/jobs/{job}/results"))
            .header("x-api-key", &scanner.key)
            .header("content-encoding", "zstd")
            .header("x-mipo-part-sha256", Hash256::of(bytes).to_string())
            .body(Body::from(zstd::encode_all(bytes, 1).expect("packs")))
            .expect("a request");
        self.call(HOME, request).await
    }

    pub async fn call(&self, source: &str, mut request: Request<Body>) -> Reply {
        let source: IpAddr = source.parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(source, 40_000)));
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("a number")
    }

    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("a text")
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.admin).await.expect("runs");
    }
}

pub fn enrolment(token: &str) -> Value {
    json!({ "token": token, "hostname": "probe-1", "version": "1.2.3", "platform": "linux", "arch": "amd64",
        "binarySha256": "ab".repeat(32) })
}

/// A part without anything open.
pub fn closed(attempt: u32, seq: u32, from: u64, to: u64) -> Part {
    Part {
        lease_attempt: attempt,
        seq,
        from_index: from,
        to_index: to,
        default_state: DefaultState::Closed,
        hosts: Vec::new(),
    }
}

/// A host with one open port.
pub fn open(ip: &str, port: u16, at: DateTime<Utc>) -> PartHost {
    let mut host = PartHost::new(ip.parse().expect("an address"), Protocol::Tcp);
    host.open.push(OpenPort { port, rtt_us: 100, tries: 1, service: Some("ssh".into()), version: None, at });
    host
}
