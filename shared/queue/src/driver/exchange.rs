//! Claims and acknowledges, in one round trip at a time.
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::config::Jitter;
use super::{DriverConfig, Shared, leases};
use crate::context::{Claim, Stop};
use crate::kinds::{self, Kind};
use crate::measures;
use crate::outcome::{NEWER, Verdict, fingerprint};
use crate::redaction::Redactor;
use crate::seal;

type Report = (Arc<Claim>, Verdict);

/// After the drain, for handlers that were asked to stop to say so.
const LAST_CALL: Duration = Duration::from_secs(10);

/// How far below the rank of the newest task a look begins, once everything older is known to be gone: nine steps of
/// priority, and half a minute for transactions that commit late. What is later still is found by the next poll.
const FLOOR_SECONDS: i64 = 120;

/// When a task of a newer version is due again, the process that could not read it leaves its kind to others from a
/// little before until so much later. Without this it would be woken by the same due time, and could win each time.
const STAND_BACK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(2));

/// What one exchange asks for.
#[derive(Debug, Default)]
struct Wants {
    queues: Vec<String>,
    slots: Vec<i32>,
    floors: Vec<Option<DateTime<Utc>>>,
    kinds: HashMap<&'static str, &'static Kind>,
}

#[derive(Debug)]
struct Answer {
    /// By lease token.
    ended: HashSet<Uuid>,
    claimed: Vec<Arc<Claim>>,
    /// Queues that may hold more that is due.
    more: Vec<String>,
    /// When a queue is to be looked at again.
    due: Vec<(String, Duration)>,
    /// Queues that were emptied of what was due, and when.
    emptied: Vec<(String, DateTime<Utc>)>,
    /// The database does not know this worker.
    unknown: bool,
}

struct Loop {
    shared: Arc<Shared>,
    unsent: Vec<Report>,
    due: HashMap<String, Instant>,
    /// By queue: nothing due ranks lower, as far as was visible.
    floors: HashMap<String, DateTime<Utc>>,
    /// Kinds of which a task of a newer version was met, and when it is due again.
    newer: HashMap<&'static str, (&'static Kind, Instant)>,
    next_poll: Instant,
    /// When the running handlers have to be gone.
    drain_until: Option<Instant>,
    jitter: Jitter,
    failures: u32,
    /// The last exchange may or may not have been committed.
    uncertain: bool,
}

pub(super) async fn run(shared: Arc<Shared>) {
    let jitter = Jitter::new(shared.config.seed);
    let next_poll = Instant::now();
    let mut this = Loop {
        shared,
        unsent: Vec::new(),
        due: HashMap::new(),
        floors: HashMap::new(),
        newer: HashMap::new(),
        next_poll,
        drain_until: None,
        jitter,
        failures: 0,
        uncertain: false,
    };
    while this.step().await {}
}

impl Loop {
    /// One turn; false when there is nothing left to do for ever.
    async fn step(&mut self) -> bool {
        if self.shared.is_stopping() && self.drain_until.is_none() {
            self.drain_until = Some(Instant::now() + self.shared.config.drain);
            // Workers see the end of their inbox, hand back what has not begun, and stop.
            self.shared.state().kinds.clear();
        }
        let wants = self.gather();
        if self.unsent.is_empty() && wants.queues.is_empty() {
            if let Some(drain_until) = self.drain_until {
                // A worker that nobody drives any more would hold its tasks for ever; their leases end instead.
                if self.shared.state().held.is_empty() || Instant::now() > drain_until + LAST_CALL {
                    return false;
                }
            }
            self.sleep().await;
            return true;
        }
        if !wants.queues.is_empty()
            && self.shared.worker().is_none()
            && let Err(error) = leases::register(&self.shared).await
        {
            self.failed(&error, &wants).await;
            return true;
        }
        if self.uncertain && !self.give_back_unknown().await {
            return true;
        }
        match exchange(&self.shared, &self.unsent, &wants).await {
            Ok(answer) => self.take(answer, &wants),
            Err(error) => self.failed(&error, &wants).await,
        }
        self.shared.progress.notify_waiters();
        true
    }

    /// Takes the reports, and looks which queues have free slots and may have something due.
    fn gather(&mut self) -> Wants {
        let now = Instant::now();
        let mut state = self.shared.state();
        let state = &mut *state;
        for (claim, verdict) in state.reports.drain(..) {
            if verdict == Verdict::Lost {
                state.held.remove(&claim.token);
                self.shared.stale.fetch_add(1, Ordering::Relaxed);
                metrics::counter!(measures::LOST, "kind" => claim.kind.name).increment(1);
            } else {
                self.unsent.push((claim, verdict));
            }
        }
        if self.drain_until.is_some() {
            return Wants::default();
        }
        // Also while no new work is taken: what has passed must not stay the time until which to sleep.
        if now >= self.next_poll {
            self.floors.clear();
            self.next_poll = now + self.jitter.around(self.shared.config.poll_every.mul_f64(0.83));
            let queues = state.queues();
            state.hungry.extend(queues);
        }
        self.due.retain(|queue, at| {
            let is_due = *at <= now;
            if is_due && let Some(queue) = kinds::queue(queue) {
                state.hungry.insert(queue.name);
            }
            !is_due
        });
        let floors = &mut self.floors;
        self.newer.retain(|_, (kind, due)| {
            let is_over = now >= *due + STAND_BACK.1;
            if is_over {
                floors.remove(kind.queue);
                state.hungry.insert(kind.queue);
            }
            !is_over
        });
        if !self.shared.takes_new_work() {
            return Wants::default();
        }
        let mut busy: HashMap<&str, usize> = HashMap::new();
        for claim in state.held.values() {
            *busy.entry(claim.kind.queue).or_default() += 1;
        }
        // A slot whose acknowledgement rides in this very exchange is free for its claim.
        for (claim, _) in &self.unsent {
            if let Some(count) = busy.get_mut(claim.kind.queue) {
                *count = count.saturating_sub(1);
            }
        }
        let mut wants = Wants::default();
        for queue in state.queues() {
            let free = state.slots(&self.shared.config, queue).saturating_sub(busy.get(queue).copied().unwrap_or(0));
            if free > 0 && state.hungry.remove(queue) {
                wants.queues.push(queue.to_owned());
                wants.slots.push(i32::try_from(free).unwrap_or(i32::MAX));
                wants.floors.push(self.floors.get(queue).copied());
            }
        }
        if !wants.queues.is_empty() {
            let stands_back = |kind| self.newer.get(kind).is_some_and(|(_, due)| now + STAND_BACK.0 >= *due);
            wants.kinds = state.kinds.values().map(|worker| (worker.kind.name, worker.kind)).collect();
            wants.kinds.retain(|kind, _| !stands_back(*kind));
        }
        wants
    }

    /// Until something is to be done: a report, a bell, the next task that is scheduled, the next poll.
    async fn sleep(&mut self) {
        let mut until = self.next_poll;
        if let Some(drain_until) = self.drain_until {
            until = drain_until;
            if Instant::now() >= drain_until {
                // Time is up: handlers are asked to stop; they report within their grace.
                for claim in self.shared.state().held.values() {
                    claim.ask_to_stop(Stop::Shutdown);
                }
                until = Instant::now() + Duration::from_secs(1);
            }
        } else {
            let back = self.newer.values().map(|(_, due)| *due + STAND_BACK.1);
            until = self.due.values().copied().chain(back).fold(until, Instant::min);
        }
        let stopping = self.drain_until.is_none();
        tokio::select! {
            () = self.shared.work.notified() => {}
            () = tokio::time::sleep_until(until) => {}
            () = self.shared.stopping.cancelled(), if stopping => {}
        }
    }

    fn take(&mut self, answer: Answer, wants: &Wants) {
        self.failures = 0;
        let mut state = self.shared.state();
        for (claim, verdict) in self.unsent.drain(..) {
            state.held.remove(&claim.token);
            if answer.ended.contains(&claim.token) {
                if verdict == Verdict::Newer {
                    self.newer.insert(claim.kind.name, (claim.kind, Instant::now() + NEWER));
                }
                if matches!(verdict, Verdict::Failed { .. }) && claim.attempt < claim.max_attempts {
                    metrics::counter!(measures::RETRIES, "kind" => claim.kind.name).increment(1);
                }
                let outcome = verdict.word().unwrap_or("done");
                metrics::counter!(measures::ATTEMPTS, "kind" => claim.kind.name, "outcome" => outcome).increment(1);
            } else if !self.uncertain {
                self.shared.stale.fetch_add(1, Ordering::Relaxed);
                metrics::counter!(measures::STALE, "kind" => claim.kind.name).increment(1);
                tracing::warn!(task.id = %claim.id, kind = claim.kind.name, "a stale answer was refused");
            }
        }
        self.uncertain = false;
        if answer.unknown {
            self.shared.forget_worker();
            state.hungry.extend(wants.queues.iter().filter_map(|queue| kinds::queue(queue)).map(|queue| queue.name));
        }
        for queue in &wants.queues {
            self.due.remove(queue);
            self.floors.remove(queue);
        }
        for (queue, at) in answer.emptied {
            self.floors.insert(queue, at - TimeDelta::seconds(FLOOR_SECONDS));
        }
        let now = Instant::now();
        for (queue, wait) in answer.due {
            self.due.insert(queue, now + wait);
        }
        for queue in answer.more {
            if let Some(queue) = kinds::queue(&queue) {
                state.hungry.insert(queue.name);
            }
        }
        for claim in answer.claimed {
            state.held.insert(claim.token, Arc::clone(&claim));
            let refused = match state.kinds.get(claim.kind.name) {
                Some(worker) => worker.inbox.send(claim).err().map(|refused| refused.0),
                None => Some(claim),
            };
            // Its worker ended while the claim was on its way.
            if let Some(claim) = refused {
                state.reports.push((claim, Verdict::Returned));
                self.shared.work.notify_one();
            }
        }
    }

    /// Nothing is lost: reports stay, hunger stays. Only a report that the database refuses by itself is given up, and
    /// its task comes back when its lease ends.
    async fn failed(&mut self, error: &sqlx::Error, wants: &Wants) {
        {
            let mut state = self.shared.state();
            for queue in wants.queues.iter().filter_map(|queue| kinds::queue(queue)) {
                state.hungry.insert(queue.name);
            }
        }
        self.failures = self.failures.saturating_add(1);
        if is_refusal(error) {
            tracing::error!(%error, "the database refused an exchange");
            let mut kept = Vec::new();
            for report in std::mem::take(&mut self.unsent) {
                match exchange(&self.shared, std::slice::from_ref(&report), &Wants::default()).await {
                    Ok(_) => _ = self.shared.state().held.remove(&report.0.token),
                    Err(error) if is_refusal(&error) => {
                        tracing::error!(task.id = %report.0.id, %error, "the end of an attempt cannot be stored");
                        self.shared.state().held.remove(&report.0.token);
                    }
                    Err(_) => kept.push(report),
                }
            }
            self.unsent = kept;
        } else {
            self.uncertain = true;
            tracing::warn!(%error, waiting = self.unsent.len(), "the queue's database is away");
        }
        let wait = Duration::from_millis(100).saturating_mul(1 << self.failures.min(6)).min(Duration::from_secs(3));
        let wait = self.jitter.around(wait);
        tokio::time::sleep(wait).await;
        // The process has to end some time; what could not be said runs out with the lease.
        if self.drain_until.is_some_and(|until| Instant::now() > until + LAST_CALL) {
            self.unsent.clear();
            self.shared.state().held.clear();
        }
    }

    /// After an exchange whose answer was lost: what it may have claimed is handed back.
    async fn give_back_unknown(&mut self) -> bool {
        let Some(worker) = self.shared.worker() else { return true };
        let tokens: Vec<Uuid> = self.shared.state().held.keys().copied().collect();
        let given = sqlx::query_scalar!(r#"select jobs.give_back_unknown($1, $2) as "count!""#, worker, &tokens)
            .fetch_one(&self.shared.pool)
            .await;
        match given {
            Ok(_) => true,
            Err(error) => {
                self.failed(&error, &Wants::default()).await;
                false
            }
        }
    }
}

/// True when trying the same again cannot help: not the connection, but what was sent.
fn is_refusal(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            // 08 connection, 53 resources, 57 operator, 40 serialisation and deadlock, 25 read-only, 55 lock, 58 system.
            !error
                .code()
                .is_some_and(|code| matches!(code.get(..2), Some("08" | "53" | "57" | "40" | "25" | "55" | "58")))
        }
        sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}

/// The reports as the columns of one statement.
#[derive(Default)]
struct Columns {
    done_ids: Vec<Uuid>,
    done_tokens: Vec<Uuid>,
    log_tokens: Vec<Uuid>,
    logs: Vec<String>,
    ids: Vec<Uuid>,
    tokens: Vec<Uuid>,
    outcomes: Vec<String>,
    delays: Vec<f64>,
    errors: Vec<Option<String>>,
    fingerprints: Vec<Option<String>>,
    ended_logs: Vec<Option<String>>,
}

impl Columns {
    fn of(reports: &[Report]) -> Self {
        let mut columns = Self::default();
        for (claim, verdict) in reports {
            columns.add(claim, verdict);
        }
        columns
    }

    fn add(&mut self, claim: &Claim, verdict: &Verdict) {
        let redactor = Redactor::of(claim);
        let log = claim.log.take().map(|log| redactor.apply(&log));
        let Some(word) = verdict.word() else {
            self.done_ids.push(claim.id);
            self.done_tokens.push(claim.token);
            if let Some(log) = log {
                self.log_tokens.push(claim.token);
                self.logs.push(log);
            }
            return;
        };
        let error = verdict.error().map(|error| redactor.apply(&error));
        self.ids.push(claim.id);
        self.tokens.push(claim.token);
        self.outcomes.push(word.to_owned());
        self.delays.push(match verdict {
            Verdict::Failed { delay: Some(delay), .. } | Verdict::Snoozed(delay) => delay.as_secs_f64(),
            Verdict::Newer => NEWER.as_secs_f64(),
            Verdict::Failed { delay: None, .. } => claim.kind.backoff.after(claim.attempt).as_secs_f64(),
            _ => 0.0,
        });
        self.fingerprints.push(error.as_deref().map(|error| fingerprint(claim.kind.name, error)));
        self.errors.push(error);
        self.ended_logs.push(log);
    }
}

async fn exchange(shared: &Shared, reports: &[Report], wants: &Wants) -> Result<Answer, sqlx::Error> {
    let columns = Columns::of(reports);
    let kinds: Vec<String> = wants.kinds.keys().map(|kind| (*kind).to_owned()).collect();
    let rows = sqlx::query!(
        r#"select what as "what!", id, token, queue, kind, payload, payload_sealed, attempts, max_attempts, traceparent, due_in, waited, looked_at
           from jobs.exchange($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"#,
        shared.worker().unwrap_or(0),
        shared.config.lease.as_secs_f64(),
        &columns.done_ids,
        &columns.done_tokens,
        &columns.log_tokens,
        &columns.logs,
        &columns.ids,
        &columns.tokens,
        &columns.outcomes,
        &columns.delays,
        &columns.errors as _,
        &columns.fingerprints as _,
        &columns.ended_logs as _,
        &wants.queues,
        &wants.slots,
        &wants.floors as _,
        &kinds,
    )
    .fetch_all(&shared.pool)
    .await?;
    let mut answer = Answer {
        ended: HashSet::with_capacity(reports.len()),
        claimed: Vec::new(),
        more: Vec::new(),
        due: Vec::new(),
        emptied: Vec::new(),
        unknown: false,
    };
    for row in rows {
        match (row.what.as_str(), row.id, row.token, row.queue) {
            ("ended", _, Some(token), _) => _ = answer.ended.insert(token),
            ("claimed", Some(id), Some(token), _) => {
                // Only kinds that were asked for are claimed.
                let Some(kind) = row.kind.as_deref().and_then(|kind| wants.kinds.get(kind)) else { continue };
                metrics::histogram!(measures::WAIT, "kind" => kind.name).record(row.waited.unwrap_or(0.0));
                answer.claimed.push(Arc::new(Claim {
                    id,
                    token,
                    kind,
                    payload: opened(&shared.config, id, row.payload, row.payload_sealed),
                    attempt: u32::try_from(row.attempts.unwrap_or(1)).unwrap_or(1),
                    max_attempts: u32::try_from(row.max_attempts.unwrap_or(1)).unwrap_or(1),
                    traceparent: row.traceparent,
                    log: crate::logs::Lines::default(),
                    claimed_at: Instant::now(),
                    cancel: CancellationToken::new(),
                    stop: OnceLock::new(),
                }));
            }
            ("more", _, _, Some(queue)) => answer.more.push(queue),
            ("due", _, _, Some(queue)) => {
                if let Some(at) = row.looked_at {
                    answer.emptied.push((queue.clone(), at));
                }
                if let Some(wait) = row.due_in {
                    answer.due.push((queue, Duration::from_secs_f64(wait.clamp(0.0, 3600.0))));
                }
            }
            ("unknown", ..) => answer.unknown = true,
            _ => {}
        }
    }
    Ok(answer)
}

/// The payload that was stored, or why it cannot be read.
fn opened(
    config: &DriverConfig,
    id: Uuid,
    payload: Option<serde_json::Value>,
    sealed: Option<Vec<u8>>,
) -> Result<serde_json::Value, String> {
    match (payload, sealed) {
        (Some(payload), _) => Ok(payload),
        (None, Some(sealed)) => match &config.sealer {
            Some(sealer) => seal::open(&sealer.0, id, &sealed),
            None => Err("it is sealed, and this process has no key".to_owned()),
        },
        (None, None) => Err("there is none".to_owned()),
    }
}
