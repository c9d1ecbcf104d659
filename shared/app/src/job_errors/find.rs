//! Compares what is wrong now with the job errors that are open: opens, closes, tells.
use std::collections::{BTreeMap, HashSet};

use mipo_domain::ids::{JobErrorId, ScanId, ScanJobId, ScannerId};
use mipo_domain::job_errors::Class;
use mipo_domain::versions::Version;
use mipo_store::Conn;
use mipo_store::jobs::job_errors::{self as store, Condition, Judge, New, Open};
use serde_json::{Value, json};

use super::{RESOURCE, touched};
use crate::events::{self, Event};
use crate::{AppError, Ctx, scans};

/// What is judged by, besides the tables.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// `JOB_MAX_LEASE_ATTEMPTS`
    pub max_failed_leases: u32,
    /// `MIN_SCANNER_VERSION`
    pub min_version: Option<&'a Version>,
}

/// What a round found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Opened.
    pub opened: usize,
    /// Closed.
    pub resolved: usize,
    /// Open ones of class `stuck-running`, for whoever fails them without an operator.
    pub stuck_running: Vec<JobErrorId>,
}

/// A job error is about a job, what is wrong with it, and the scanner that has it.
type Key = (ScanJobId, String, ScannerId);

/// One round. Safe to repeat.
pub async fn find(conn: &mut Conn, ctx: &Ctx<'_>, rules: &Rules<'_>) -> Result<Round, AppError> {
    store::lock_all(conn).await?;
    let too_old = too_old(conn, rules.min_version).await?;
    let judge = Judge {
        max_failed_leases: i32::try_from(rules.max_failed_leases).unwrap_or(i32::MAX),
        too_old: &too_old,
        min_version: rules.min_version.map(ToString::to_string),
    };
    let now = store::conditions(conn, &judge).await?;
    let open = store::open(conn).await?;
    let holds: HashSet<Key> = now.iter().map(|one| (one.job_id, one.class.clone(), one.scanner_id)).collect();
    let known: HashSet<Key> = open.iter().map(key).collect();
    let (gone, kept): (Vec<Open>, Vec<Open>) = open.into_iter().partition(|one| has_cleared(one, &holds));
    let new: Vec<Condition> =
        now.into_iter().filter(|one| !known.contains(&(one.job_id, one.class.clone(), one.scanner_id))).collect();

    // Closed first: the same job may have the same error at another scanner.
    let ids: Vec<JobErrorId> = gone.iter().map(|one| one.id).collect();
    store::resolve(conn, &ids, "system", ctx.now()).await?;
    let opened = open_all(conn, ctx, &new).await?;
    tell_opened(conn, ctx, &new).await?;
    tell_resolved(conn, ctx, &gone, &kept, &new).await?;
    wake(conn, ids.iter().chain(&opened), gone.iter().map(|one| one.scan_id).chain(new.iter().map(|one| one.scan_id)))
        .await?;
    let stuck = Class::StuckRunning.as_str();
    let stuck_running = kept.iter().filter(|one| one.class == stuck).map(|one| one.id);
    let stuck_new = new.iter().zip(&opened).filter(|(one, _)| one.class == stuck).map(|(_, id)| *id);
    let stuck_running = stuck_running.chain(stuck_new).collect();
    Ok(Round { opened: new.len(), resolved: gone.len(), stuck_running })
}

fn key(open: &Open) -> Key {
    (open.job_id, open.class.clone(), open.scanner_id)
}

/// An expired job has ended, so nothing clears by itself: it is closed when somebody has seen it.
fn has_cleared(open: &Open, holds: &HashSet<Key>) -> bool {
    if open.class == Class::Expired.as_str() { open.seen } else { !holds.contains(&key(open)) }
}

async fn too_old(conn: &mut Conn, minimum: Option<&Version>) -> Result<Vec<ScannerId>, AppError> {
    let Some(minimum) = minimum else { return Ok(Vec::new()) };
    let enough = |text: Option<&str>| text.and_then(|text| text.parse().ok()).is_some_and(|is: Version| is >= *minimum);
    let holders = store::versions_of_holders(conn).await?;
    Ok(holders.into_iter().filter(|(_, version)| !enough(version.as_deref())).map(|(id, _)| id).collect())
}

async fn open_all(conn: &mut Conn, ctx: &Ctx<'_>, new: &[Condition]) -> Result<Vec<JobErrorId>, AppError> {
    let mut rows = Vec::with_capacity(new.len());
    for condition in new {
        let class: Class = class_of(&condition.class)?;
        let id = JobErrorId::mint(ctx.clock, ctx.entropy);
        rows.push(New { id, condition, category: class.category().as_str() });
    }
    store::insert(conn, &rows, ctx.now()).await?;
    Ok(rows.iter().map(|row| row.id).collect())
}

pub(super) fn class_of(word: &str) -> Result<Class, AppError> {
    word.parse().map_err(|error| AppError::Internal(format!("{error}")))
}

/// One alarm a class and scanner, and one a scan that gets nowhere.
async fn tell_opened(conn: &mut Conn, ctx: &Ctx<'_>, new: &[Condition]) -> Result<(), AppError> {
    let mut groups: BTreeMap<(&str, ScannerId), Vec<&Condition>> = BTreeMap::new();
    let mut stuck: BTreeMap<ScanId, Vec<&Condition>> = BTreeMap::new();
    for one in new {
        groups.entry((&one.class, one.scanner_id)).or_default().push(one);
        if one.class == Class::StuckRunning.as_str() {
            stuck.entry(one.scan_id).or_default().push(one);
        }
    }
    for ((word, scanner), jobs) in groups {
        let class = class_of(word)?;
        let name = jobs[0].scanner.as_deref().unwrap_or("a deleted scanner");
        let summary = format!("{} of {name} ({class}): {}", listed(&jobs), class.trigger());
        let detail = json!({ "class": word, "scannerId": scanner, "jobIds": ids(&jobs), "jobs": jobs.len() });
        raise(conn, ctx, "job_error_opened", "warning", RESOURCE, &entity(word, scanner), &summary, detail).await?;
    }
    for (scan, jobs) in stuck {
        let summary = format!("{} of scan #{scan} gets nowhere; its job errors say what can be done", listed(&jobs));
        let detail = json!({ "jobIds": ids(&jobs), "jobs": jobs.len() });
        raise(conn, ctx, "scan_stuck", "high", "scan", &scan.to_string(), &summary, detail).await?;
    }
    Ok(())
}

/// An alarm is resolved with the last job error that stands for it.
async fn tell_resolved(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    gone: &[Open],
    kept: &[Open],
    new: &[Condition],
) -> Result<(), AppError> {
    let stuck = Class::StuckRunning.as_str();
    let standing: HashSet<(&str, ScannerId)> = kept
        .iter()
        .map(|one| (one.class.as_str(), one.scanner_id))
        .chain(new.iter().map(|one| (one.class.as_str(), one.scanner_id)))
        .collect();
    let still_stuck: HashSet<ScanId> = kept
        .iter()
        .filter(|one| one.class == stuck)
        .map(|one| one.scan_id)
        .chain(new.iter().filter(|one| one.class == stuck).map(|one| one.scan_id))
        .collect();
    let over: BTreeMap<(&str, ScannerId), usize> = gone
        .iter()
        .map(|one| (one.class.as_str(), one.scanner_id))
        .filter(|group| !standing.contains(group))
        .fold(BTreeMap::new(), |mut counts, group| {
            *counts.entry(group).or_default() += 1;
            counts
        });
    for ((class, scanner), jobs) in over {
        let summary = format!("No job of the scanner is {class} any more");
        let detail = json!({ "class": class, "scannerId": scanner, "jobs": jobs });
        raise(conn, ctx, "job_error_resolved", "info", RESOURCE, &entity(class, scanner), &summary, detail).await?;
    }
    let recovered: HashSet<ScanId> = gone
        .iter()
        .filter(|one| one.class == stuck)
        .map(|one| one.scan_id)
        .filter(|id| !still_stuck.contains(id))
        .collect();
    for scan in recovered {
        let summary = format!("Scan #{scan} goes on or has ended");
        raise(conn, ctx, "scan_recovered", "info", "scan", &scan.to_string(), &summary, json!({})).await?;
    }
    Ok(())
}

/// What an alarm of job errors is about.
fn entity(class: &str, scanner: ScannerId) -> String {
    format!("{class}:{scanner}")
}

fn ids(jobs: &[&Condition]) -> Vec<ScanJobId> {
    jobs.iter().take(20).map(|one| one.job_id).collect()
}

/// `Job #7`, or `3 jobs`.
fn listed(jobs: &[&Condition]) -> String {
    match jobs {
        [one] => format!("Job #{}", one.job_id),
        many => format!("{} jobs", many.len()),
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of an event, once")]
async fn raise(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: &str,
    severity: &str,
    entity_type: &str,
    entity_id: &str,
    summary: &str,
    detail: Value,
) -> Result<(), AppError> {
    let event = Event { source: "dispatcher", kind, severity, entity_type, entity_id, summary, detail };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

async fn wake(
    conn: &mut Conn,
    errors: impl Iterator<Item = &JobErrorId>,
    of: impl Iterator<Item = ScanId>,
) -> Result<(), AppError> {
    for id in errors {
        touched(conn, *id).await?;
    }
    for scan in of.collect::<HashSet<_>>() {
        scans::touched(conn, scan).await?;
    }
    Ok(())
}
