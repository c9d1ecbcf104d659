//! What blackout windows do to scan jobs (product 7.5), and what they will do.
use chrono::{DateTime, Utc};
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::calendar::Window;
use mipo_domain::ids::{BlackoutId, ScanId, ScannerId};
use mipo_store::Conn;
use mipo_store::config::blackouts as store;
use mipo_store::jobs::blackout_holds::{self, Scope};
use mipo_store::results::scans;
use serde_json::json;

use super::timing;
use crate::events::{self, Event};
use crate::scans::touched;
use crate::{Actor, AppError, Ctx};

/// An enabled blackout window that can be read.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Its id.
    pub id: BlackoutId,
    /// Its name.
    pub name: String,
    window: Window,
    scope: Scope,
}

/// A blackout window that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its id.
    pub id: BlackoutId,
    /// Its name.
    pub name: String,
    /// When it ends; none when it goes on for ever.
    pub until: Option<DateTime<Utc>>,
}

impl Holding {
    /// `office-hours until 2026-03-02 17:00 UTC`
    pub fn in_words(&self) -> String {
        match self.until {
            Some(until) => format!("{} until {}", self.name, until.format("%Y-%m-%d %H:%M UTC")),
            None => format!("{} without end", self.name),
        }
    }
}

impl InForce {
    /// Set when it holds at `at`.
    pub fn holding(&self, at: DateTime<Utc>) -> Option<Holding> {
        let rest = self.window.rest(at)?;
        Some(Holding { id: self.id, name: self.name.clone(), until: rest.to })
    }

    /// When it begins within the `seconds` after `at`, at which it does not hold.
    pub fn begins_within(&self, at: DateTime<Utc>, seconds: u64) -> Option<DateTime<Utc>> {
        let begin = self.window.next_edge(at).filter(|_| !self.window.holds(at))?;
        u64::try_from((begin - at).num_seconds()).is_ok_and(|ahead| ahead < seconds).then_some(begin)
    }

    /// True when it can hold a job of one of `scanners` for some of `addresses`.
    pub fn concerns(&self, addresses: &IpSet, scanners: &[ScannerId]) -> bool {
        let networks = || self.scope.networks.iter().map(|network| IpRange::from(*network)).collect::<IpSet>();
        self.scope.all
            || self.scope.scanners.iter().any(|scanner| scanners.contains(scanner))
            || !networks().intersect(addresses).is_empty()
    }
}

/// Every enabled blackout window. One that this version cannot read holds everything that it is about, always: rather
/// too little is probed than too much.
pub async fn in_force(conn: &mut Conn, now: DateTime<Utc>) -> Result<Vec<InForce>, AppError> {
    let rows = store::enabled(conn, now).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let window = timing::window(&row.timing).unwrap_or_else(|error| {
                tracing::error!(blackout = row.name, %error, "a blackout window cannot be read and holds at all times");
                timing::always()
            });
            InForce { id: row.id, name: row.name, window, scope: row.scope }
        })
        .collect())
}

/// Holds the jobs that a window holds now and lets the others go, of `scan` or of every scan. Safe to repeat. Answers
/// how many scans it touched. What goes on is signed anew by the dispatcher, which hears of it.
pub async fn reach_jobs(conn: &mut Conn, ctx: &Ctx<'_>, scan: Option<ScanId>) -> Result<usize, AppError> {
    let now = ctx.now();
    let holding: Vec<InForce> = in_force(conn, now).await?.into_iter().filter(|one| one.window.holds(now)).collect();
    let mut scope = Scope::default();
    for one in &holding {
        scope.extend(&one.scope);
    }
    let moved = blackout_holds::hold(conn, &scope, scan).await?;
    for one in &moved {
        tell(conn, ctx, one.scan_id, one.held, &holding).await?;
        touched(conn, one.scan_id).await?;
    }
    Ok(moved.len())
}

async fn tell(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId, held: bool, holding: &[InForce]) -> Result<(), AppError> {
    let Some(scan) = scans::get(conn, id).await? else { return Ok(()) };
    let by = held_by_any(conn, ctx, id, holding).await?;
    let names: Vec<String> = by.iter().map(Holding::in_words).collect();
    let (kind, what) = if held {
        ("scan_held", format!("is held by blackout {}", names.join(", ")))
    } else {
        ("scan_released", "is let go by its blackout window and goes on".to_owned())
    };
    let event = Event {
        source: match ctx.caller.actor {
            Actor::System(service) => service,
            _ => "manager",
        },
        kind,
        severity: "info",
        entity_type: "scan",
        entity_id: &id.to_string(),
        summary: &format!("Scan #{id} of {} {what}", scan.template_name),
        detail: json!({ "blackouts": by.iter().map(|one| &one.name).collect::<Vec<_>>() }),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

async fn held_by_any(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: ScanId,
    windows: &[InForce],
) -> Result<Vec<Holding>, AppError> {
    let mut by = Vec::new();
    for one in windows {
        if let Some(holding) = one.holding(ctx.now())
            && blackout_holds::held_jobs(conn, &one.scope, Some(scan)).await? > 0
        {
            by.push(holding);
        }
    }
    Ok(by)
}

/// The windows that hold jobs of the scan now. The caller has checked the right to see the scan.
pub async fn holding(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<Vec<Holding>, AppError> {
    let everything = Scope { all: true, ..Scope::default() };
    if blackout_holds::held_jobs(conn, &everything, Some(scan)).await? == 0 {
        return Ok(Vec::new());
    }
    let windows = in_force(conn, ctx.now()).await?;
    held_by_any(conn, ctx, scan, &windows).await
}

/// How many jobs the window `id` holds now.
pub(super) async fn jobs_held_by(conn: &mut Conn, ctx: &Ctx<'_>, id: BlackoutId) -> Result<i64, AppError> {
    let now = ctx.now();
    let windows = in_force(conn, now).await?;
    match windows.iter().find(|one| one.id == id && one.window.holds(now)) {
        Some(one) => Ok(blackout_holds::held_jobs(conn, &one.scope, None).await?),
        None => Ok(0),
    }
}

/// When the next of all windows begins or ends.
pub async fn next_edge(conn: &mut Conn, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, AppError> {
    let windows = in_force(conn, now).await?;
    Ok(windows.iter().filter_map(|one| one.window.next_edge(now)).min())
}
