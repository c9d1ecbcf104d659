//! Step 5b: accepted parts become open observations and exceptions of their hosts, in order, each in one transaction.
use std::collections::HashSet;
use std::io::Read as _;

use chrono::{DateTime, Duration, Utc};
use mipo_domain::coverage::{Exceptions, Host};
use mipo_domain::exclusions::{Exclusion, Exclusions};
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::intervals::Intervals;
use mipo_domain::targets::Probe;
use mipo_protocol::part::{DefaultState, Part, PartHost};
use mipo_protocol::spec::Spec;
use mipo_protocol::wire::MAX_UNPACKED_BYTES;
use mipo_queue::OnConflict;
use mipo_queue::payloads::ConcludeJob;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::jobs::scan_jobs::Job;
use mipo_store::jobs::unstored_parts::UnstoredPart;
use mipo_store::jobs::{job_hosts, scan_jobs, unstored_parts};
use mipo_store::results::observations::{self, Observation};
use serde_json::json;

use crate::events::{self, Event};
use crate::{AppError, Ctx};

/// A scanner's clock is believed this far before the part was received; before that the server's time is taken.
const BELIEVED: Duration = Duration::hours(24);

/// Stores the next unstored part of the scanner, if there is one. The caller commits and calls again until it answers
/// `None`; at most one call for each scanner works at a time, others wait for it.
pub async fn store_next_part(conn: &mut Conn, scanner_id: ScannerId) -> Result<Option<ScanJobId>, AppError> {
    let Some(part) = unstored_parts::next(conn, scanner_id).await? else { return Ok(None) };
    let job = scan_jobs::get(conn, part.job_id)
        .await?
        .ok_or_else(|| AppError::Internal(format!("part of job {}, which is not there", part.job_id)))?;
    let said = read(&part)?;
    let exclusions = exclusions_of(&job)?;
    let (observed, listed) = split(&part, said, &exclusions);
    observations::copy(conn, job.scan_id, job.id, scanner_id, &observed).await?;
    job_hosts::merge(conn, job.id, &listed).await?;
    unstored_parts::mark_stored(conn, &part).await?;
    if !observed.is_empty() {
        // Open ports appear on the page of the scan as they are found.
        live::emit(conn, live::topics::SCANS, &job.scan_id.to_string()).await?;
    }
    if job.finished_at.is_some() && !unstored_parts::any_of_job(conn, job.id).await? {
        // Its conclusion snoozes until now; it need not finish its nap.
        let task = ConcludeJob::task(job.id, scanner_id).on_conflict(OnConflict::Reschedule);
        mipo_queue::enqueue(conn, task.continuing(part.traceparent.as_deref())).await?;
    }
    Ok(Some(job.id))
}

/// Tells of parts that could not be stored in any attempt; they are kept and tried again later.
pub async fn store_failed(conn: &mut Conn, ctx: &Ctx<'_>, scanner_id: ScannerId) -> Result<(), AppError> {
    let event = Event {
        source: "dispatcher",
        kind: "parts_not_stored",
        severity: "high",
        entity_type: "scanner",
        entity_id: &scanner_id.to_string(),
        summary: "Its results wait, because they could not be stored in any attempt; its task store_results says why",
        detail: json!({}),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

/// What is never to be probed by the job: the list that was signed, and what was added since.
pub(crate) fn exclusions_of(job: &Job) -> Result<Exclusions, AppError> {
    let mut list = spec_of(job)?.exclusions;
    let added: Vec<Exclusion> = serde_json::from_value(job.added_exclusions.clone())
        .map_err(|error| AppError::Internal(format!("added exclusions of job {}: {error}", job.id)))?;
    list.extend(added);
    Ok(Exclusions::new(list))
}

/// The spec of the job, from bytes that never left the database.
pub(crate) fn spec_of(job: &Job) -> Result<Spec, AppError> {
    read_spec(job.id, &job.spec)
}

/// Reads the spec of the job `id`.
pub(crate) fn read_spec(id: ScanJobId, bytes: &[u8]) -> Result<Spec, AppError> {
    Spec::from_bytes(bytes).map_err(|error| AppError::Internal(format!("spec of scan job {id}: {error}")))
}

fn read(part: &UnstoredPart) -> Result<Part, AppError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let UnstoredPart { job_id, lease_attempt, seq, .. } = part;
        AppError::Internal(format!("part {seq} of attempt {lease_attempt} of job {job_id}: {error}"))
    };
    let decoder = zstd::Decoder::new(part.payload.as_slice()).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    decoder.take(MAX_UNPACKED_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Part::from_bytes(&bytes).map_err(|error| unreadable(&error))
}

/// Observations and exceptions of a part, without what is excluded.
fn split(part: &UnstoredPart, said: Part, exclusions: &Exclusions) -> (Vec<Observation>, Vec<(Host, Exceptions)>) {
    let (mut observed, mut listed) = (Vec::new(), Vec::new());
    let last = part.to_index.cast_unsigned().saturating_sub(1);
    let range = Intervals::from_ranges([(part.from_index.cast_unsigned(), last)]);
    for host in said.hosts {
        if exclusions.covers_host(host.ip) {
            continue;
        }
        let exceptions = Exceptions {
            filtered_default: match host.default_state {
                DefaultState::Filtered => range.clone(),
                DefaultState::Closed => Intervals::new(),
            },
            other: host.other.clone(),
            error: host.error.clone(),
            not_probed: host.not_probed.clone(),
        };
        if exceptions != Exceptions::default() {
            listed.push(((host.ip, host.protocol), exceptions));
        }
        observe(part.received_at, host, exclusions, &mut observed);
    }
    (observed, listed)
}

fn observe(received_at: DateTime<Utc>, host: PartHost, exclusions: &Exclusions, observed: &mut Vec<Observation>) {
    let mut seen = HashSet::new();
    for open in host.open {
        let probe = Probe { ip: host.ip, protocol: host.protocol, port: open.port };
        if exclusions.covers(probe) || !seen.insert(open.port) {
            continue;
        }
        // A wrong clock must not put a finding into the future or into years gone by.
        let at = if open.at > received_at || open.at < received_at - BELIEVED { received_at } else { open.at };
        observed.push(Observation {
            at,
            ip: host.ip,
            protocol: host.protocol,
            port: open.port,
            rtt_us: i32::try_from(open.rtt_us).unwrap_or(i32::MAX),
            tries: i32::from(open.tries),
            service: open.service,
            version: open.version,
        });
    }
}
