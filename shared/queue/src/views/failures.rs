//! Failures by their shape: what breaks, since when, how often, and in which version.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use sqlx::PgConnection;

use super::Count;
use crate::QueueError;

/// Dead tasks that are looked at, the newest.
const LOOK: i64 = 50_000;
/// Groups that are shown.
const GROUPS_MAX: usize = 200;
/// Hours of the trend.
pub const TREND_HOURS: usize = 24;

/// Tasks that failed alike.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// Kind and shape of the error.
    pub fingerprint: String,
    /// The kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Dead tasks of the group.
    pub dead: Count,
    /// Live tasks whose last attempt failed so, and that are tried again.
    pub failing: Count,
    /// When a task of the group first died or failed, of those that are kept.
    pub first_seen: DateTime<Utc>,
    /// When one last did.
    pub last_seen: DateTime<Utc>,
    /// Tasks that died, by hour: the last one is the hour until now.
    pub trend: [i64; TREND_HOURS],
    /// Versions of the workers on which it happened.
    pub versions: Vec<String>,
    /// The newest task of the group.
    pub sample: TaskId,
    /// The newest of them that is dead, and can be retried.
    pub dead_sample: Option<TaskId>,
    /// How the newest task failed, in full.
    pub error: String,
    /// The group is hidden until then.
    pub snooze: Option<Snooze>,
}

/// Why and until when a group is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snooze {
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

/// All groups, the one that was seen last first; those that are snoozed too. A snooze ends early when a version fails
/// that was not there when it began.
pub async fn failures(conn: &mut PgConnection) -> Result<Vec<FailureGroup>, QueueError> {
    let mut groups: BTreeMap<String, FailureGroup> = BTreeMap::new();
    let seen = dead(conn, &mut groups).await?;
    failing(conn, &mut groups).await?;
    if seen >= LOOK {
        for group in groups.values_mut() {
            group.dead.about = true;
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.last_seen));
    groups.truncate(GROUPS_MAX);
    samples(conn, &mut groups).await?;
    snoozes(conn, &mut groups).await?;
    Ok(groups)
}

/// Answers how many were looked at.
async fn dead(conn: &mut PgConnection, groups: &mut BTreeMap<String, FailureGroup>) -> Result<i64, QueueError> {
    let rows = sqlx::query!(
        r#"select h.fingerprint as "fingerprint!", h.kind as "kind!", h.queue as "queue!", h.age as "age!", w.version as "version?", h.count as "count!",
             h.first as "first!", h.last as "last!", h.sample as "sample!"
           from (
             select n.fingerprint, n.kind, n.queue, n.locked_by, least($2, floor(extract(epoch from now() - n.finished_at) / 3600))::integer as age,
               count(*) as count, min(n.finished_at) as first, max(n.finished_at) as last, max(n.id::text)::uuid as sample
             from (
               select h.id, h.fingerprint, h.kind, h.queue, h.locked_by, h.finished_at from jobs.task_history h
               where h.status = 'dead' order by h.id desc limit $1
             ) n
             group by 1, 2, 3, 4, 5
           ) h left join jobs.workers w on w.no = h.locked_by
           where h.fingerprint is not null"#,
        LOOK,
        TREND_HOURS as f64
    )
    .fetch_all(conn)
    .await?;
    let mut seen = 0;
    for row in rows {
        seen += row.count;
        let found = Found {
            kind: row.kind,
            queue: row.queue,
            version: row.version,
            first: row.first,
            last: row.last,
            sample: row.sample.into(),
        };
        let group = put(groups, row.fingerprint, found);
        // Only dead tasks are in the groups so far.
        group.dead_sample = Some(group.sample);
        group.dead.value += row.count;
        if let Some(hour) = usize::try_from(row.age).ok().filter(|age| *age < TREND_HOURS) {
            group.trend[TREND_HOURS - 1 - hour] += row.count;
        }
    }
    Ok(seen)
}

/// A task that failed is due again later than it was made, which is what the index holds.
async fn failing(conn: &mut PgConnection, groups: &mut BTreeMap<String, FailureGroup>) -> Result<(), QueueError> {
    let rows = sqlx::query!(
        r#"select n.fingerprint as "fingerprint!", n.kind as "kind!", n.queue as "queue!", w.version as "version?", n.count as "count!", n.first as "first!",
             n.last as "last!", n.sample as "sample!"
           from (
             select t.fingerprint, t.kind, q.name as queue, t.locked_by, count(*) as count, min(t.started_at) as first, max(t.started_at) as last,
               max(t.id::text)::uuid as sample
             from jobs.queues q cross join lateral (
               select t.id, t.kind, t.fingerprint, t.locked_by, t.started_at from jobs.tasks t
               where t.queue = q.name and t.run_at > t.created_at order by t.run_at desc limit $1
             ) t
             where t.fingerprint is not null and t.started_at is not null
             group by 1, 2, 3, 4
           ) n left join jobs.workers w on w.no = n.locked_by"#,
        LOOK / 10
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let found = Found {
            kind: row.kind,
            queue: row.queue,
            version: row.version,
            first: row.first,
            last: row.last,
            sample: row.sample.into(),
        };
        put(groups, row.fingerprint, found).failing.value += row.count;
    }
    Ok(())
}

/// What a row says of its group.
struct Found {
    kind: String,
    queue: String,
    version: Option<String>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    sample: TaskId,
}

fn put(groups: &mut BTreeMap<String, FailureGroup>, fingerprint: String, found: Found) -> &mut FailureGroup {
    let group = groups.entry(fingerprint.clone()).or_insert_with(|| FailureGroup {
        fingerprint,
        kind: found.kind,
        queue: found.queue,
        dead: Count::default(),
        failing: Count::default(),
        first_seen: found.first,
        last_seen: found.last,
        trend: [0; TREND_HOURS],
        versions: Vec::new(),
        sample: found.sample,
        dead_sample: None,
        error: String::new(),
        snooze: None,
    });
    group.first_seen = group.first_seen.min(found.first);
    if found.last >= group.last_seen {
        group.last_seen = found.last;
        group.sample = found.sample;
    }
    if let Some(version) = found.version.filter(|version| !group.versions.contains(version)) {
        group.versions.push(version);
        group.versions.sort();
    }
    group
}

/// The errors in full.
async fn samples(conn: &mut PgConnection, groups: &mut [FailureGroup]) -> Result<(), QueueError> {
    let ids: Vec<_> = groups.iter().map(|group| group.sample.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select h.id as "id!", h.last_error from jobs.task_history h where h.status = 'dead' and h.id = any ($1)
           union all
           select t.id, t.last_error from jobs.tasks t where t.id = any ($1)"#,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let errors: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row.last_error.unwrap_or_default())).collect();
    for group in groups {
        group.error = errors.get(&group.sample.as_uuid()).cloned().unwrap_or_default();
    }
    Ok(())
}

async fn snoozes(conn: &mut PgConnection, groups: &mut [FailureGroup]) -> Result<(), QueueError> {
    let rows = sqlx::query!(
        r#"select f.fingerprint, f.until, f.reason, f.snoozed_by, f.created_at,
             array(select distinct w.version from jobs.workers w where w.started_at <= f.created_at) as "known!"
           from jobs.failure_snoozes f where f.until > now()"#
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let Some(group) = groups.iter_mut().find(|group| group.fingerprint == row.fingerprint) else { continue };
        let known: BTreeSet<_> = row.known.iter().collect();
        // What failed since then under a version that nobody had seen yet is news.
        if group.last_seen <= row.created_at || group.versions.iter().all(|version| known.contains(version)) {
            group.snooze = Some(Snooze { until: row.until, reason: row.reason, by: row.snoozed_by });
        }
    }
    Ok(())
}
