//! Blackout windows: times in which targets are not probed. Making one is always possible; changing it, switching it off
//! or deleting it is switching a safety measure off, so it needs the password again.
mod holds;
mod timing;

use chrono::{DateTime, Utc};
use mipo_domain::calendar::Span;
use mipo_domain::ids::{BlackoutId, ScannerId, SubnetGroupId, SubnetId};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::blackouts::{self as store, Fields, Members};
use mipo_store::config::live;
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};
use uuid::Uuid;

pub use holds::{Holding, InForce, holding, in_force, next_edge, reach_jobs};
pub use mipo_store::config::blackouts::{Blackout, Timing};
pub use timing::{KINDS, TimingInput, kind, window};

use crate::fields::{self, Checks, DESCRIPTION_MAX};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

const KIND: &str = "blackout";
const NAME_UNIQUE: &str = "blackout_windows_name_unique";
const WHY: &str = "Say why these targets are left alone; whoever waits for a scan reads it.";
/// Subnets, groups and scanners of one window.
const MEMBERS_MAX: usize = 1_000;
/// Times shown of a window.
const SHOWN: usize = 5;

/// Whom a window holds, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct ScopeInput {
    /// Everything.
    pub all: Option<bool>,
    /// Subnets.
    pub subnets: Option<Vec<Uuid>>,
    /// Subnet groups.
    pub subnet_groups: Option<Vec<Uuid>>,
    /// Scanners.
    pub scanners: Option<Vec<Uuid>>,
}

/// A new blackout window, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewBlackout {
    /// Its name.
    pub name: String,
    /// Whom it holds.
    pub scope: ScopeInput,
    /// When.
    pub timing: TimingInput,
    /// Why.
    pub reason: String,
}

/// What is to change of a blackout window; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct BlackoutPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// Whom it holds.
    pub scope: ScopeInput,
    /// When.
    pub timing: TimingInput,
    /// Why.
    pub reason: Option<String>,
}

/// How a window stands and what comes of it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The next times at which it holds; the one that holds now is first.
    pub upcoming: Vec<Span>,
    /// Jobs that it holds now.
    pub held_jobs: i64,
}

/// When it holds, in words.
pub fn sentence(blackout: &Blackout) -> String {
    window(&blackout.timing).map_or_else(
        |_| format!("in {}, which this version cannot read", blackout.timing.timezone),
        |window| window.in_words(),
    )
}

/// The time that it holds for at `now`; none when it does not hold.
pub fn holds(blackout: &Blackout, now: DateTime<Utc>) -> Option<Span> {
    if !blackout.enabled {
        return None;
    }
    window(&blackout.timing).map_or(Some(Span { from: now, to: None }), |window| window.rest(now))
}

/// When it begins or ends next; none when it is disabled or that never happens.
pub fn next_change(blackout: &Blackout, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    window(&blackout.timing).ok().filter(|_| blackout.enabled)?.next_edge(now)
}

fn shown(blackout: &Blackout) -> Value {
    let names = |rows: &[Named]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    json!({
        "name": blackout.name,
        "all": blackout.scope_all,
        "subnets": names(&blackout.subnets),
        "subnetGroups": names(&blackout.subnet_groups),
        "scanners": names(&blackout.scanners),
        "window": sentence(blackout),
        "reason": blackout.reason,
    })
}

fn members_of(blackout: &Blackout) -> Members {
    Members {
        all: blackout.scope_all,
        subnets: blackout.subnets.iter().map(|row| row.id.into()).collect(),
        subnet_groups: blackout.subnet_groups.iter().map(|row| row.id.into()).collect(),
        scanners: blackout.scanners.iter().map(|row| row.id.into()).collect(),
    }
}

async fn members(
    conn: &mut Conn,
    checks: &mut Checks,
    input: &ScopeInput,
    before: &Members,
) -> Result<Members, AppError> {
    fn pick<T: From<Uuid> + Copy>(given: Option<&Vec<Uuid>>, kept: &[T], all: bool) -> Vec<T> {
        match given {
            Some(ids) => ids.iter().map(|id| T::from(*id)).collect(),
            // Of everything, nothing is left over to be named.
            None if all => Vec::new(),
            None => kept.to_vec(),
        }
    }
    let all = input.all.unwrap_or(before.all);
    let members = Members {
        all,
        subnets: pick::<SubnetId>(input.subnets.as_ref(), &before.subnets, all),
        subnet_groups: pick::<SubnetGroupId>(input.subnet_groups.as_ref(), &before.subnet_groups, all),
        scanners: pick::<ScannerId>(input.scanners.as_ref(), &before.scanners, all),
    };
    let count = members.subnets.len() + members.subnet_groups.len() + members.scanners.len();
    if all && count > 0 {
        checks.refuse("all", "not_alone", "A window that holds everything names no subnets, groups or scanners.");
    } else if !all && count == 0 {
        checks.refuse("all", "required", "Choose whom it holds: everything, or at least one subnet, group or scanner.");
    } else if count > MEMBERS_MAX {
        checks.refuse(
            "all",
            "too_many",
            format!("At most {MEMBERS_MAX} subnets, groups and scanners; these are {count}."),
        );
        return Ok(members);
    }
    let known = store::known(conn, &members).await?;
    let mut missing = |field: &str, what: &str, ids: Vec<Uuid>| {
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
            checks.refuse(format!("{field}[{index}]"), "unknown", format!("There is no {what} {id}."));
        }
    };
    missing("subnetIds", "subnet", members.subnets.iter().map(|id| id.as_uuid()).collect());
    missing("subnetGroupIds", "subnet group", members.subnet_groups.iter().map(|id| id.as_uuid()).collect());
    missing("scannerIds", "scanner", members.scanners.iter().map(|id| id.as_uuid()).collect());
    Ok(members)
}

fn finished(checks: Checks, timing: Option<Timing>) -> Result<Timing, AppError> {
    checks.done()?;
    timing.ok_or_else(|| AppError::Internal("a window passed the checks without being read".to_owned()))
}

/// Makes a blackout window; it holds from now on, scans that run too.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewBlackout) -> Result<Blackout, AppError> {
    ctx.require(Right::SafetyManage)?;
    let mut checks = Checks::new();
    let name = checks.name("name", &input.name);
    let members = members(conn, &mut checks, &input.scope, &Members::default()).await?;
    let timing = timing::read(&mut checks, &input.timing, None);
    let reason = checks.required("reason", &input.reason, DESCRIPTION_MAX, WHY);
    if timing.as_ref().and_then(|timing| timing.once_to).is_some_and(|to| to <= ctx.now()) {
        checks.refuse("to", "past", "It would be over already; choose an end in the future.");
    }
    let timing = finished(checks, timing)?;
    let fields = Fields { name, members, timing, reason };
    let id = BlackoutId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, "blackout window", &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    reach_jobs(conn, ctx, None).await?;
    let blackout = stored(conn, id).await?;
    let entry = audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&blackout)).reason(&fields.reason);
    audit::record(conn, ctx, entry).await?;
    Ok(blackout)
}

/// A page of blackout windows.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Blackout>, AppError> {
    ctx.require(Right::SafetyView)?;
    Ok(store::list(conn, ask).await?)
}

/// One blackout window.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: BlackoutId) -> Result<Blackout, AppError> {
    ctx.require(Right::SafetyView)?;
    stored(conn, id).await
}

/// Its next times and the jobs that it holds.
pub async fn standing(conn: &mut Conn, ctx: &Ctx<'_>, blackout: &Blackout) -> Result<Standing, AppError> {
    ctx.require(Right::SafetyView)?;
    let upcoming = match window(&blackout.timing) {
        Ok(window) if blackout.enabled => window.upcoming(ctx.now(), SHOWN),
        _ => Vec::new(),
    };
    Ok(Standing { upcoming, held_jobs: holds::jobs_held_by(conn, ctx, blackout.id).await? })
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::SafetyView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a blackout window.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: BlackoutId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::SafetyView)?;
    history::of(conn, KIND, id).await
}

/// Changes a blackout window. Needs the password again, because less may be held afterwards.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: BlackoutId,
    patch: BlackoutPatch,
) -> Result<Blackout, AppError> {
    ctx.require(Right::SafetyManage)?;
    ctx.require_step_up()?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let mut checks = Checks::new();
    let name = checks.name("name", patch.name.as_deref().unwrap_or(&before.name));
    let members = members(conn, &mut checks, &patch.scope, &members_of(&before)).await?;
    let timing = timing::read(&mut checks, &patch.timing, Some(&before.timing));
    let reason = patch.reason.as_deref().unwrap_or(&before.reason);
    let reason = checks.required("reason", reason, DESCRIPTION_MAX, WHY);
    let timing = finished(checks, timing)?;
    let fields = Fields { name, members, timing, reason };
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, "blackout window", &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    reach_jobs(conn, ctx, None).await?;
    let after = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("updated", KIND, id).diff(shown(&before), shown(&after))).await?;
    Ok(after)
}

/// Switches a blackout window. Off needs a reason and the password again; on needs neither.
pub async fn set_enabled(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: BlackoutId,
    enabled: bool,
    reason: &str,
) -> Result<Blackout, AppError> {
    ctx.require(Right::SafetyManage)?;
    if !enabled {
        ctx.require_step_up()?;
    }
    let before = stored(conn, id).await?;
    let mut checks = Checks::new();
    let reason = if enabled {
        checks.text("reason", reason, DESCRIPTION_MAX)
    } else {
        checks.required(
            "reason",
            reason,
            DESCRIPTION_MAX,
            "Say why its targets may be probed at its times; it is kept.",
        )
    };
    checks.done()?;
    if before.enabled == enabled {
        return Ok(before);
    }
    if !store::set_enabled(conn, id, before.version, (!enabled).then_some(&*reason)).await? {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    reach_jobs(conn, ctx, None).await?;
    let after = stored(conn, id).await?;
    let entry = audit::Entry::change(if enabled { "enabled" } else { "disabled" }, KIND, id)
        .diff(json!({ "enabled": before.enabled }), json!({ "enabled": enabled }))
        .reason(&reason);
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Makes a copy called `name`. Of a window that is over, nothing can be copied.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: BlackoutId, name: &str) -> Result<Blackout, AppError> {
    ctx.require(Right::SafetyManage)?;
    let from = stored(conn, id).await?;
    if from.timing.once_to.is_some_and(|to| to <= ctx.now()) {
        return Err(AppError::conflict("WINDOW_OVER", format!("{} is over; add a new window instead.", from.name)));
    }
    let Members { all, subnets, subnet_groups, scanners } = members_of(&from);
    let scope = ScopeInput {
        all: Some(all),
        subnets: Some(subnets.iter().map(|id| id.as_uuid()).collect()),
        subnet_groups: Some(subnet_groups.iter().map(|id| id.as_uuid()).collect()),
        scanners: Some(scanners.iter().map(|id| id.as_uuid()).collect()),
    };
    let timing = TimingInput {
        kind: Some(kind(&from.timing).to_owned()),
        from: from.timing.once_from,
        to: from.timing.once_to,
        days: from.timing.weekly_days.map(|days| days.into_iter().map(i64::from).collect()),
        start: from.timing.weekly_start.map(|start| start.format("%H:%M").to_string()),
        duration_minutes: from.timing.weekly_minutes.map(i64::from),
        timezone: Some(from.timing.timezone),
    };
    create(conn, ctx, NewBlackout { name: name.to_owned(), scope, timing, reason: from.reason }).await
}

/// Deletes a blackout window; what it held goes on. Needs the password again.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: BlackoutId) -> Result<(), AppError> {
    ctx.require(Right::SafetyManage)?;
    ctx.require_step_up()?;
    let blackout = stored(conn, id).await?;
    fields::deleted(store::delete(conn, id).await, "blackout window")?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    reach_jobs(conn, ctx, None).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&blackout), Value::Null);
    audit::record(conn, ctx, entry).await
}

async fn stored(conn: &mut Conn, id: BlackoutId) -> Result<Blackout, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound("blackout window"))
}
