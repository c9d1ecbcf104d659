//! `GET /scanner/jobs`: a long poll, one open at a time for each scanner.
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use mipo_app::leases::{self, Claim};
use mipo_app::refusal::Refusal;
use mipo_app::{FieldError, scanner_calls};
use mipo_protocol::messages::{ClaimedJob, RunningJob};
use mipo_protocol::problem::Code;
use mipo_protocol::wire::MAX_WAIT_SECONDS;
use tokio::time::Instant;

use super::{Call, settle};
use crate::answer::{Answer, json};
use crate::state::Ingest;

const MAX_JOBS: u32 = 8;
const MAX_HOLDING: usize = 64;

#[derive(Debug, PartialEq, Eq)]
struct Ask {
    wait: Duration,
    max: u32,
    holding: Vec<RunningJob>,
}

pub(super) async fn claim(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    let query = request.uri().query().unwrap_or_default().to_owned();
    drop(request);
    let ask = read(&query)?;
    let until = Instant::now() + ask.wait;
    // The place is taken only once the key is known to be good, and before the first look: a call that waits must not
    // take what this one could have had, for its scanner has hung up on it.
    let scanner = call.authenticate(&state).await?;
    scanner_calls::admit_version(&state.settings.auth, &scanner)?;
    let place = state.bell.take_place(scanner.id);
    let mut judge_holding = true;
    loop {
        let mut bell = std::pin::pin!(place.bell());
        bell.as_mut().enable();
        if place.is_lost() || state.shutdown.is_stopping() {
            return json(StatusCode::OK, &Vec::<ClaimedJob>::new());
        }
        let jobs = look(&state, &call, &ask, std::mem::take(&mut judge_holding)).await?;
        if !jobs.is_empty() || Instant::now() >= until {
            return json(StatusCode::OK, &jobs);
        }
        tokio::select! {
            () = bell => {}
            () = tokio::time::sleep_until(until) => {}
            () = state.shutdown.stopping() => {}
        }
    }
}

async fn look(state: &Ingest, call: &Call, ask: &Ask, judge_holding: bool) -> Result<Vec<ClaimedJob>, Refusal> {
    let mut tx = state.db.tx("jobs.claim").await?;
    let outcome = async {
        let holder = call.holder(state, &mut tx).await?;
        scanner_calls::admit_version(&state.settings.auth, &holder)?;
        let claim = Claim { holding: &ask.holding, max: ask.max, source_ip: call.source, judge_holding };
        leases::claim(&mut tx, &call.ctx(state), &state.settings.leases, &holder, &claim).await
    }
    .await;
    settle(tx, outcome).await
}

fn read(query: &str) -> Result<Ask, Refusal> {
    let mut ask = Ask { wait: Duration::ZERO, max: 1, holding: Vec::new() };
    let mut wrong = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "wait" => match value.parse::<u32>() {
                Ok(seconds) if seconds <= MAX_WAIT_SECONDS => ask.wait = Duration::from_secs(seconds.into()),
                _ => wrong.push(FieldError::new(
                    "wait",
                    "out_of_range",
                    format!("must be a whole number of seconds from 0 to {MAX_WAIT_SECONDS}"),
                )),
            },
            "max" => match value.parse::<u32>() {
                Ok(max) if (1..=MAX_JOBS).contains(&max) => ask.max = max,
                _ => wrong.push(FieldError::new("max", "out_of_range", format!("must be from 1 to {MAX_JOBS}"))),
            },
            "holding" => match holding(value) {
                Some(jobs) if jobs.len() <= MAX_HOLDING => ask.holding = jobs,
                _ => wrong.push(FieldError::new(
                    "holding",
                    "invalid",
                    format!("must be at most {MAX_HOLDING} times jobId:attempt, separated by commas"),
                )),
            },
            // A newer scanner may say more.
            _ => {}
        }
    }
    if wrong.is_empty() {
        return Ok(ask);
    }
    let detail = wrong.iter().map(|f| format!("{}: {}", f.field, f.message)).collect::<Vec<_>>().join("; ");
    Err(Refusal { fields: wrong, ..Refusal::new(Code::Invalid, detail) })
}

/// `12:1,13:4`; a client may write `:` and `,` as `%3A` and `%2C`.
fn holding(text: &str) -> Option<Vec<RunningJob>> {
    let text = text.replace("%3A", ":").replace("%3a", ":").replace("%2C", ",").replace("%2c", ",");
    text.split(',')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (job, attempt) = entry.split_once(':')?;
            Some(RunningJob { job_id: job.parse().ok()?, lease_attempt: attempt.parse().ok()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_scanner_asks() {
        let ask = read("wait=25&max=3&holding=7:1,8%3A2&new=1").expect("good");
        assert_eq!((ask.wait.as_secs(), ask.max), (25, 3));
        assert_eq!(ask.holding.iter().map(|j| (j.job_id.get(), j.lease_attempt)).collect::<Vec<_>>(), [(7, 1), (8, 2)]);
        assert_eq!(read("").expect("good").max, 1);
        assert!(read("holding=").expect("good").holding.is_empty());
    }

    #[test]
    fn names_what_is_wrong() {
        let fields =
            |query: &str| read(query).expect_err("refused").fields.into_iter().map(|f| f.field).collect::<Vec<_>>();
        assert_eq!(fields("wait=26&max=0&holding=7"), ["wait", "max", "holding"]);
        assert_eq!(fields("wait=-1"), ["wait"]);
        assert_eq!(fields("max=9"), ["max"]);
    }
}
