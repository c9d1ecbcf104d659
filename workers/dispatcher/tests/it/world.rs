//! A whole installation without its network: the manager asks, the dispatcher works, a scanner that the test steers
//! answers through ingest's use cases.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use mipo_app::exclusions::{self, NewExclusion};
use mipo_app::leases::{self, Claim, LeaseRules, Upload};
use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::{Caller, Ctx, concluding, results, scanner_calls};
use mipo_dispatcher::{Config, World as Dispatcher, reconcile, workers};
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanId, ScannerId};
use mipo_domain::sealing::Sealer;
use mipo_domain::states::JobStatus;
use mipo_domain::targets::Probe;
use mipo_protocol::messages::{
    ClaimedJob, CompleteRequest, CompleteStatus, ProgressAnswer, ProgressRequest, StartRequest,
};
use mipo_protocol::part::{DefaultState, OpenPort, Part, PartHost, Verdict};
use mipo_protocol::signature::{PublicKey, RotatedKey, SigningKey};
use mipo_protocol::spec::Spec;
use mipo_protocol::wire::Base64;
use mipo_queue::{Driver, DriverConfig};
use mipo_runtime::config::Secret;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use mipo_store::config::scanner_keys::{self, Holder};
use mipo_testkit::{SeededEntropy, TestDb};
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;

pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The installation.
pub struct World {
    pub db: TestDb,
    pub dispatcher: Arc<Dispatcher>,
    pub manager: Db,
    pub ingest: Db,
    top: sqlx::PgPool,
}

impl World {
    /// With one active scanner, `berlin`.
    pub async fn new() -> Self {
        let db = mipo_testkit::database().await;
        let config = Config {
            secrets_key: Some(Secret::new(Sealer::generate_list(&SeededEntropy::default()))),
            ..Config::default()
        };
        let dispatcher = Arc::new(Dispatcher::new(db.db_as("mipo_dispatcher"), config));
        let (manager, ingest, top) = (db.db_as("mipo_manager"), db.db_as("mipo_ingest"), db.superuser_pool());
        let world = Self { db, dispatcher, manager, ingest, top };
        world.add_scanner(1, "berlin").await;
        world
    }

    pub async fn add_scanner(&self, n: u128, name: &str) -> ScannerId {
        let id = scanner(n);
        self.sql(&format!(
            "insert into config.scanners (id, name, status, last_heartbeat_at, created_by, max_concurrent_jobs, api_key_prefix, api_key_hash)
             values ('{id}', '{name}', 'active', now(), 'test', 8, '{id}', decode(repeat('00', 32), 'hex'))"
        ))
        .await;
        id
    }

    pub async fn sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.top).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// The one text that `sql` answers.
    pub async fn text(&self, sql: &str) -> String {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.top)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Every text that `sql` answers.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&self.top)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Somebody asks for a scan of typed targets.
    pub async fn ask(&self, targets: &str, ports: &str) -> ScanId {
        let typed = AdHoc { targets: vec![targets.to_owned()], ports: ports.to_owned(), scanners: Vec::new() };
        self.start(What::AdHoc(typed)).await
    }

    /// Somebody runs the template of an earlier scan again.
    pub async fn again(&self, scan: ScanId) -> ScanId {
        let template = self.text(&format!("select template_id::text from results.scans where id = {scan}")).await;
        self.start(What::Template(template.parse().expect("an id"))).await
    }

    /// Somebody runs a template.
    pub async fn run_template(&self, id: &str) -> ScanId {
        self.start(What::Template(id.parse().expect("an id"))).await
    }

    /// The same installation, with `JOB_SIGNING_KEY` set.
    pub fn with_signing_key(&self, key: &SigningKey) -> Dispatcher {
        let text = Base64(key.seed().to_vec()).encode();
        let config = Config { job_signing_key: Some(Secret::new(text)), ..self.dispatcher.config.clone() };
        Dispatcher::new(self.dispatcher.db.clone(), config)
    }

    async fn start(&self, what: What) -> ScanId {
        let caller = Caller::cli();
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let mut tx = self.manager.tx("test.start").await.expect("a transaction");
        let id = scans::start(&mut tx, &ctx, StartScan { what, reason: String::new() }).await.expect("starts");
        tx.commit().await.expect("commits");
        id
    }

    /// Pause, resume or cancel.
    pub async fn control(&self, id: ScanId, what: &str) {
        let caller = Caller::cli();
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let mut tx = self.manager.tx("test.control").await.expect("a transaction");
        match what {
            "pause" => scans::pause(&mut tx, &ctx, id, "").await,
            "resume" => scans::resume(&mut tx, &ctx, id, "").await,
            _ => scans::cancel(&mut tx, &ctx, id, "not needed any more").await,
        }
        .unwrap_or_else(|error| panic!("{what}: {error}"));
        tx.commit().await.expect("commits");
    }

    /// Works until no task is left.
    pub async fn run_tasks(&self) {
        let stop = CancellationToken::new();
        let config = DriverConfig::new("test", "test", "0", &*self.dispatcher, &*self.dispatcher);
        let driver = Driver::start(self.dispatcher.db.pool(), config, stop.clone());
        let monitor = workers::register(&driver, &self.dispatcher);
        let workers = tokio::spawn(monitor.run());
        for _ in 0..3000 {
            if self.text("select count(*)::text from jobs.tasks").await == "0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = self.texts("select kind || ' ' || coalesce(last_error, '') from jobs.tasks").await;
        stop.cancel();
        driver.ended().await;
        let _ = workers.await;
        let dead = self
            .texts("select kind || ' ' || coalesce(last_error, '') from jobs.task_history where status = 'dead'")
            .await;
        assert!(left.is_empty() && dead.is_empty(), "left: {left:?}, dead: {dead:?}");
    }

    /// Stores and concludes what waits, without the queue.
    pub async fn conclude_now(&self, scanner: ScannerId, scan: ScanId) {
        let (db, ctx) = (&self.dispatcher.db, self.dispatcher.ctx());
        self.store_all(scanner).await;
        let ended = format!("select id::text from jobs.scan_jobs where scan_id = {scan} order by finished_at, id");
        for job in self.texts(&ended).await {
            let mut tx = db.tx("test.conclude").await.expect("a transaction");
            concluding::conclude_job(&mut tx, &ctx, job.parse().expect("an id")).await.expect("concludes");
            tx.commit().await.expect("commits");
        }
        let mut tx = db.tx("test.conclude_scan").await.expect("a transaction");
        concluding::conclude_scan(&mut tx, &ctx, scan).await.expect("concludes");
        tx.commit().await.expect("commits");
        self.lose_tasks().await;
    }

    /// Stores every part that waits, without the queue.
    pub async fn store_all(&self, scanner: ScannerId) {
        loop {
            let mut tx = self.dispatcher.db.tx("test.store").await.expect("a transaction");
            let stored = results::store_next_part(&mut tx, scanner).await.expect("stores");
            tx.commit().await.expect("commits");
            if stored.is_none() {
                break;
            }
        }
    }

    /// One round of the passes.
    pub async fn reconcile(&self) {
        reconcile::round(&self.dispatcher).await;
    }

    /// Every queue is emptied.
    pub async fn lose_tasks(&self) {
        self.sql("delete from jobs.tasks").await;
    }

    /// Nothing in the database contradicts itself.
    pub async fn check(&self) {
        let mut conn = self.top.acquire().await.expect("a connection");
        let findings = mipo_store::checks::run(&mut conn).await.expect("the checks run");
        assert!(findings.is_empty(), "{findings:?}");
    }

    pub async fn status(&self, scan: ScanId) -> String {
        self.text(&format!("select status from results.scans where id = {scan}")).await
    }

    // The scanner ---------------------------------------------------------------------------------------------

    /// The scanner as ingest knows it.
    pub async fn holder(&self, id: ScannerId) -> Holder {
        let mut tx = self.ingest.tx("test.holder").await.expect("a transaction");
        scanner_keys::find(&mut tx, &id.to_string()).await.expect("may look").expect("is there")
    }

    /// Claims what waits for the scanner.
    pub async fn claim(&self, scanner: ScannerId) -> Vec<ClaimedJob> {
        self.claim_as(scanner, 8, false).await
    }

    /// Claims at most `max` jobs; a scanner that lost its memory holds nothing of what it had.
    pub async fn claim_as(&self, scanner: ScannerId, max: u32, lost_its_memory: bool) -> Vec<ClaimedJob> {
        let caller = Caller::system("ingest");
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let mut tx = self.ingest.tx("test.claim").await.expect("a transaction");
        let ask = Claim { holding: &[], max, source_ip: LOCAL, judge_holding: lost_its_memory };
        let jobs = leases::claim(&mut tx, &ctx, &LeaseRules::default(), &self.holder(scanner).await, &ask)
            .await
            .expect("may claim");
        tx.commit().await.expect("commits");
        jobs
    }

    /// Starts a claimed job.
    pub async fn begin(&self, scanner: ScannerId, job: &ClaimedJob) {
        let caller = Caller::system("ingest");
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let mut tx = self.ingest.tx("test.begin").await.expect("a transaction");
        let request = StartRequest { lease_attempt: job.lease_attempt };
        let holder = self.holder(scanner).await;
        leases::start(&mut tx, &ctx, &LeaseRules::default(), &holder, job.job_id, request).await.expect("may start");
        tx.commit().await.expect("commits");
    }

    /// Says how far it is.
    pub async fn progress(&self, scanner: ScannerId, job: &ClaimedJob) -> ProgressAnswer {
        let mut tx = self.ingest.tx("test.progress").await.expect("a transaction");
        let request = ProgressRequest { lease_attempt: job.lease_attempt, probed_index: 0, result_count: 0 };
        let answer = {
            let holder = self.holder(scanner).await;
            leases::progress(&mut tx, &LeaseRules::default(), &holder, job.job_id, request).await
        };
        let answer = answer.expect("may tell");
        tx.commit().await.expect("commits");
        answer
    }

    /// An exclusion is made.
    pub async fn exclude(&self, cidr: &str, ports: &str) {
        let caller = Caller::cli();
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let input = NewExclusion {
            name: format!("no-{}", cidr.replace(['.', '/'], "-")),
            cidr: cidr.to_owned(),
            ports: ports.to_owned(),
            reason: "not to be touched".to_owned(),
            expires_at: None,
        };
        let mut tx = self.manager.tx("test.exclude").await.expect("a transaction");
        exclusions::create(&mut tx, &ctx, input).await.expect("excludes");
        tx.commit().await.expect("commits");
    }

    /// The keys that a heartbeat announces, and the one that a new scanner pins.
    pub async fn job_keys(&self) -> (Vec<RotatedKey>, PublicKey) {
        let mut tx = self.ingest.tx("test.job_keys").await.expect("a transaction");
        let announced = scanner_calls::rotated_keys(&mut tx).await.expect("announces");
        let pinned = scanner_calls::job_key_to_pin(&mut tx).await.expect("has a key");
        (announced, pinned.public_key)
    }

    /// Hands in one part.
    pub async fn hand_in(&self, scanner: ScannerId, job: &ClaimedJob, part: &Part) {
        let caller = Caller::system("ingest");
        let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
        let body = part.to_bytes();
        let upload = Upload { part: part.clone(), sha256: Hash256::of(&body), source_ip: LOCAL };
        let mut tx = self.ingest.tx("test.hand_in").await.expect("a transaction");
        leases::accept(&mut tx, &ctx, &LeaseRules::default(), &self.holder(scanner).await, job.job_id, upload)
            .await
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
        tx.commit().await.expect("commits");
    }

    /// Says that the job is done.
    pub async fn complete(&self, scanner: ScannerId, job: &ClaimedJob, last_seq: i64) -> JobStatus {
        let mut tx = self.ingest.tx("test.complete").await.expect("a transaction");
        let request = CompleteRequest {
            lease_attempt: job.lease_attempt,
            status: CompleteStatus::Completed,
            result_count: 0,
            last_seq,
            probes_attempted: 0,
            result_hash: None,
            error_message: None,
        };
        let answer = leases::complete(&mut tx, scanner, job.job_id, &request).await.expect("may complete");
        tx.commit().await.expect("commits");
        answer.final_status
    }

    /// Claims and finishes every job that waits, a part for every 7 indices. Answers the statuses.
    pub async fn scan_all(&self, scanner: ScannerId, verdict: impl Fn(Probe) -> Verdict) -> Vec<JobStatus> {
        let mut statuses = Vec::new();
        for job in self.claim(scanner).await {
            self.begin(scanner, &job).await;
            let parts = parts(&job, u64::MAX, 7, &verdict, |_, _| DefaultState::Closed);
            for part in &parts {
                self.hand_in(scanner, &job, part).await;
            }
            statuses.push(self.complete(scanner, &job, parts.len() as i64 - 1).await);
        }
        statuses
    }
}

pub fn scanner(n: u128) -> ScannerId {
    ScannerId::from(uuid::Uuid::from_u128(0x7000_8000_0000_0000_0000 + n))
}

/// What a scanner would send from the job's resume index up to `until`: parts of `length` indices, hosts with the
/// default that `default` chooses for each part.
pub fn parts(
    job: &ClaimedJob,
    until: u64,
    length: u64,
    verdict: &impl Fn(Probe) -> Verdict,
    default: impl Fn(u32, IpAddr) -> DefaultState,
) -> Vec<Part> {
    let space = Spec::from_bytes(&job.spec.0).expect("a spec").index_space().expect("an index space");
    let (mut parts, mut from) = (Vec::new(), job.resume_index);
    while from < until.min(space.count()) {
        let (seq, to) = (parts.len() as u32, (from + length).min(until).min(space.count()));
        let mut hosts: BTreeMap<IpAddr, PartHost> = BTreeMap::new();
        for (_, probe) in space.probes(from, to) {
            let host = hosts.entry(probe.ip).or_insert_with(|| PartHost {
                default_state: default(seq, probe.ip),
                ..PartHost::new(probe.ip, probe.protocol)
            });
            let one = [probe.port].into_iter().collect();
            match verdict(probe) {
                Verdict::Open => host.open.push(OpenPort {
                    port: probe.port,
                    rtt_us: 250,
                    tries: 1,
                    service: (probe.port == 22).then(|| "ssh".to_owned()),
                    version: None,
                    at: mipo_domain::clock::Clock::now(&SystemClock),
                }),
                Verdict::Error => host.error = host.error.union(&one),
                Verdict::NotProbed => host.not_probed = host.not_probed.union(&one),
                Verdict::Closed if host.default_state == DefaultState::Filtered => host.other = host.other.union(&one),
                Verdict::Filtered if host.default_state == DefaultState::Closed => host.other = host.other.union(&one),
                Verdict::Closed | Verdict::Filtered => {}
            }
        }
        parts.push(Part {
            lease_attempt: job.lease_attempt,
            seq,
            from_index: from,
            to_index: to,
            default_state: DefaultState::Closed,
            hosts: hosts.into_values().collect(),
        });
        from = to;
    }
    parts
}

/// Open are these ports of `10.0.0.<host>`, filtered is everything else of the hosts in `silent`.
pub fn seen<'a>(open: &'a [(u8, u16)], silent: &'a [u8]) -> impl Fn(Probe) -> Verdict + 'a {
    move |probe| {
        let IpAddr::V4(ip) = probe.ip else { return Verdict::Closed };
        let host = ip.octets()[3];
        if open.contains(&(host, probe.port)) {
            Verdict::Open
        } else if silent.contains(&host) {
            Verdict::Filtered
        } else {
            Verdict::Closed
        }
    }
}
