//! Calls of scanners that are refused, and what operators ask for.
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mipo_app::job_errors::{self, Ask};
use mipo_app::leases::{self, LeaseRules, Upload};
use mipo_app::refusal::Refusal;
use mipo_app::scanner_calls::{self, AuthRules};
use mipo_app::{AppError, Caller, Ctx, alarms};
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{JobErrorId, ScannerId};
use mipo_domain::job_errors::Class;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_protocol::messages::{ClaimedJob, CompleteAnswer, CompleteRequest, CompleteStatus, HeartbeatRequest};
use mipo_protocol::part::Part;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_testkit::SeededEntropy;

use crate::world::{LOCAL, World};

fn of(caller: &Caller) -> Ctx<'_> {
    Ctx { caller, clock: &SystemClock, entropy: &OsEntropy }
}

impl World {
    /// The alarm rules, as a service seeds them at its start.
    pub async fn seed_alarm_rules(&self) {
        let mut tx = self.manager.tx("test.rules").await.expect("a transaction");
        alarms::seed_rules(&mut tx).await.expect("seeds");
        tx.commit().await.expect("commits");
    }

    /// The scanner shows a key that works; made at the first call.
    async fn key(&self, scanner: ScannerId) -> Token {
        let key = Token::key(KeyKind::Scanner, &SeededEntropy::default());
        let (prefix, hash) = (key.prefix(KeyKind::Scanner).expect("a key"), STANDARD.encode(key.hash().as_bytes()));
        self.sql(&format!(
            "update config.scanners set previous_api_key_prefix = '{prefix}', previous_api_key_hash = decode('{hash}', 'base64'),
               previous_key_until = now() + interval '1 day' where id = '{scanner}'"
        ))
        .await;
        key
    }

    async fn authenticate(&self, key: &Token, source: IpAddr) -> Result<(), Refusal> {
        let caller = Caller::system("ingest");
        let mut tx = self.ingest.tx("test.authenticate").await.expect("a transaction");
        let answer = scanner_calls::authenticate(&mut tx, &of(&caller), key, source).await.map(drop);
        if answer.as_ref().err().is_none_or(|refusal| refusal.commit) {
            tx.commit().await.expect("commits");
        }
        answer
    }

    /// The scanner calls from somewhere.
    pub async fn call_from(&self, source: &str, scanner: ScannerId) -> Result<(), Refusal> {
        let key = self.key(scanner).await;
        self.authenticate(&key, source.parse().expect("an address")).await
    }

    /// Somebody calls with the name of its key and another secret.
    pub async fn call_with_a_wrong_key(&self, scanner: ScannerId) {
        let key = self.key(scanner).await;
        let (prefix, secret) = key.reveal().rsplit_once('_').expect("a key");
        let wrong = Token::presented(format!("{prefix}_{}", "A".repeat(secret.len())));
        self.authenticate(&wrong, LOCAL).await.expect_err("a wrong key");
    }

    /// A heartbeat.
    pub async fn beat(&self, scanner: ScannerId) {
        let caller = Caller::system("ingest");
        let holder = self.holder(scanner).await;
        let mut tx = self.ingest.tx("test.beat").await.expect("a transaction");
        let (rules, request) = (AuthRules::default(), HeartbeatRequest::default());
        scanner_calls::heartbeat(&mut tx, &of(&caller), &rules, &holder, &request, LOCAL).await.expect("lives");
        tx.commit().await.expect("commits");
    }

    /// Hands in one part, as the endpoint does.
    pub async fn try_hand_in(&self, scanner: ScannerId, job: &ClaimedJob, part: &Part) -> Result<(), Refusal> {
        let caller = Caller::system("ingest");
        let upload = Upload { part: part.clone(), sha256: Hash256::of(&part.to_bytes()), source_ip: LOCAL };
        let holder = self.holder(scanner).await;
        let mut tx = self.ingest.tx("test.try_hand_in").await.expect("a transaction");
        let answer =
            leases::accept(&mut tx, &of(&caller), &LeaseRules::default(), &holder, job.job_id, upload).await.map(drop);
        if answer.as_ref().err().is_none_or(|refusal| refusal.commit) {
            tx.commit().await.expect("commits");
        }
        answer
    }

    /// Says that the job is done, as the endpoint does.
    pub async fn try_complete(
        &self,
        scanner: ScannerId,
        job: &ClaimedJob,
        last_seq: i64,
    ) -> Result<CompleteAnswer, Refusal> {
        let mut tx = self.ingest.tx("test.try_complete").await.expect("a transaction");
        let request = CompleteRequest {
            lease_attempt: job.lease_attempt,
            status: CompleteStatus::Completed,
            result_count: 0,
            last_seq,
            probes_attempted: 0,
            result_hash: None,
            error_message: None,
        };
        let answer = leases::complete(&mut tx, scanner, job.job_id, &request).await;
        if answer.as_ref().err().is_none_or(|refusal| refusal.commit) {
            tx.commit().await.expect("commits");
        }
        answer
    }

    /// The open job error of the class.
    pub async fn job_error(&self, class: Class) -> JobErrorId {
        let sql = format!("select state_id::text from jobs.job_errors where class = '{class}' and resolved_at is null");
        self.text(&sql).await.parse().expect("an id")
    }

    /// An operator asks for a repair of the open job error of the class.
    pub async fn ask_repair(&self, class: Class, action: &str, to: Option<ScannerId>) -> Result<(), AppError> {
        let ask = Ask { action: action.to_owned(), scanner_id: to, reason: "as the handbook says".to_owned() };
        let (id, caller) = (self.job_error(class).await, Caller::cli());
        let mut tx = self.manager.tx("test.repair").await.expect("a transaction");
        let asked = job_errors::ask(&mut tx, &of(&caller), id, &ask).await.map(drop);
        if asked.is_ok() {
            tx.commit().await.expect("commits");
        }
        asked
    }

    /// The same, and it is carried out.
    pub async fn repair(&self, class: Class, action: &str, to: Option<ScannerId>) {
        self.ask_repair(class, action, to).await.unwrap_or_else(|error| panic!("{action}: {error}"));
        self.run_tasks().await;
        let sql = "select coalesce(repairs -> -1 ->> 'state', '') || ' ' || coalesce(repairs -> -1 ->> 'outcome', '')
          from jobs.job_errors order by opened_at desc, state_id desc limit 1";
        let done = self.text(sql).await;
        assert!(done.starts_with("done "), "{action}: {done}");
    }
}
