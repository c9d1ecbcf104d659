//! Schedules: when templates run by themselves (product 7.6).
mod due;
mod preview;
mod timing;

use mipo_domain::calendar::Occurrence;
use mipo_domain::ids::{ScanId, ScheduleId};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::groups::{self as group_store, GroupKind};
use mipo_store::config::schedules::{self as store, Fields, Next};
use mipo_store::config::{live, scan_templates};
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};
use uuid::Uuid;

pub use due::{Ran, start_due};
pub use mipo_store::config::schedules::{Run, Schedule, Timing};
pub use preview::{Forecast, Preview, Runs, preview, sentence, upcoming};
pub use timing::TimingInput;

use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::scans::{Request, request};
use crate::{AppError, Ctx, audit};

const KIND: &str = "schedule";
const NAME_UNIQUE: &str = "schedules_name_unique";
/// What may happen when the run before has not ended.
pub const OVERLAP_POLICIES: &[&str] = &["skip", "queue", "parallel"];
/// Without anything said, a missed run is caught up within so many minutes.
pub const CATCH_UP_MINUTES: i64 = 60;
/// Templates of one schedule.
const TEMPLATES_MAX: usize = 1_000;
/// Runs shown of a schedule.
const RUNS_SHOWN: i64 = 20;

/// A new schedule.
#[derive(Clone, Debug, Default)]
pub struct NewSchedule {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it runs.
    pub timing: TimingInput,
    /// The templates that it runs,
    pub templates: Vec<Uuid>,
    /// and the groups of templates; at least one in all.
    pub template_groups: Vec<Uuid>,
    /// False: it runs only when somebody says so.
    pub disabled: bool,
    /// `skip` without it.
    pub overlap_policy: Option<String>,
    /// 0–1440; 60 without it.
    pub catch_up_minutes: Option<i64>,
}

/// What is to change of a schedule; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct SchedulePatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When it runs.
    pub timing: TimingInput,
    /// The templates that it runs.
    pub templates: Option<Vec<Uuid>>,
    /// The groups of templates that it runs.
    pub template_groups: Option<Vec<Uuid>>,
    /// `skip`, `queue`, `parallel`.
    pub overlap_policy: Option<String>,
    /// 0–1440
    pub catch_up_minutes: Option<i64>,
}

fn overlap(checks: &mut Checks, given: &str) -> String {
    if !OVERLAP_POLICIES.contains(&given) {
        let message = format!("Choose one of {}; “{given}” is none.", OVERLAP_POLICIES.join(", "));
        checks.refuse("overlapPolicy", "unknown", message);
    }
    given.to_owned()
}

async fn known_templates(conn: &mut Conn, checks: &mut Checks, ids: &[Uuid], groups: &[Uuid]) -> Result<(), AppError> {
    if ids.is_empty() && groups.is_empty() {
        checks.refuse(
            "templateIds",
            "required",
            "Choose at least one scan template or group of them; a schedule without one runs nothing.",
        );
    }
    for (field, what, list) in [("templateIds", "templates", ids), ("templateGroupIds", "template groups", groups)] {
        if list.len() > TEMPLATES_MAX {
            let message = format!("At most {TEMPLATES_MAX} {what}; these are {}.", list.len());
            checks.refuse(field, "too_many", message);
            return Ok(());
        }
    }
    let known = scan_templates::get_many(conn, ids.to_vec()).await?;
    for (index, id) in ids.iter().enumerate() {
        if !known.iter().any(|template| !template.adhoc && template.id.as_uuid() == *id) {
            checks.refuse(format!("templateIds[{index}]"), "unknown", format!("There is no scan template {id}."));
        }
    }
    let known = group_store::get_many(conn, GroupKind::Templates, groups.to_vec()).await?;
    for (index, id) in groups.iter().enumerate().filter(|(_, id)| !known.iter().any(|group| group.id == **id)) {
        checks.refuse(format!("templateGroupIds[{index}]"), "unknown", format!("There is no template group {id}."));
    }
    Ok(())
}

fn shown(schedule: &Schedule) -> Value {
    let names = |rows: &[Named]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    json!({
        "name": schedule.name,
        "description": schedule.description,
        "schedule": sentence(schedule),
        "timezone": schedule.timing.timezone,
        "jitterMinutes": schedule.timing.jitter_minutes,
        "templates": names(&schedule.templates),
        "templateGroups": names(&schedule.template_groups),
        "enabled": schedule.enabled,
        "overlapPolicy": schedule.overlap_policy,
        "catchUpMinutes": schedule.catch_up_minutes,
    })
}

/// A run as it is stored.
const fn stored_run(run: Occurrence) -> Next {
    Next { planned_at: run.planned_at, starts_at: run.starts_at }
}

/// The next run from now on.
fn next(ctx: &Ctx<'_>, id: ScheduleId, fields: &Fields) -> Result<Option<Next>, AppError> {
    if !fields.enabled {
        return Ok(None);
    }
    let next = timing::timetable(id, &fields.timing)?.next_after(Occurrence::by(ctx.now()));
    Ok(next.map(stored_run))
}

/// Makes a schedule.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewSchedule) -> Result<Schedule, AppError> {
    ctx.require(Right::SchedulesManage)?;
    let mut checks = Checks::new();
    let name = checks.name("name", &input.name);
    let description = checks.description("description", &input.description);
    let timing = timing::read(&mut checks, &input.timing, None);
    let overlap_policy = overlap(&mut checks, input.overlap_policy.as_deref().unwrap_or(OVERLAP_POLICIES[0]));
    let catch_up_minutes = checks.count("catchUpMinutes", input.catch_up_minutes.unwrap_or(CATCH_UP_MINUTES), 0, 1440);
    known_templates(conn, &mut checks, &input.templates, &input.template_groups).await?;
    let timing = checked(checks, timing)?;
    let enabled = !input.disabled;
    let (templates, template_groups) = (input.templates, input.template_groups);
    let fields =
        Fields { name, description, timing, templates, template_groups, enabled, overlap_policy, catch_up_minutes };
    let id = ScheduleId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields, next(ctx, id, &fields)?)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let schedule = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&schedule))).await?;
    Ok(schedule)
}

fn checked(checks: Checks, timing: Option<Timing>) -> Result<Timing, AppError> {
    checks.done()?;
    timing.ok_or_else(|| AppError::Internal("a timing passed the checks without being read".to_owned()))
}

/// A page of schedules.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Schedule>, AppError> {
    ctx.require(Right::SchedulesView)?;
    Ok(store::list(conn, ask).await?)
}

/// One schedule.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId) -> Result<Schedule, AppError> {
    ctx.require(Right::SchedulesView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::SchedulesView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a schedule.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::SchedulesView)?;
    history::of(conn, KIND, id).await
}

/// Its last runs, the newest first.
pub async fn runs(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId) -> Result<Vec<Run>, AppError> {
    ctx.require(Right::SchedulesView)?;
    Ok(store::runs(conn, id, RUNS_SHOWN).await?)
}

fn fields_of(schedule: &Schedule) -> Fields {
    Fields {
        name: schedule.name.clone(),
        description: schedule.description.clone(),
        timing: schedule.timing.clone(),
        templates: schedule.templates.iter().map(|template: &Named| template.id).collect(),
        template_groups: schedule.template_groups.iter().map(|group: &Named| group.id).collect(),
        enabled: schedule.enabled,
        overlap_policy: schedule.overlap_policy.clone(),
        catch_up_minutes: schedule.catch_up_minutes,
    }
}

/// Changes a schedule. The next run moves only when its time or zone was changed.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScheduleId,
    patch: SchedulePatch,
) -> Result<Schedule, AppError> {
    ctx.require(Right::SchedulesManage)?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let mut fields = fields_of(&before);
    let mut checks = Checks::new();
    fields.name = checks.name("name", patch.name.as_deref().unwrap_or(&before.name));
    fields.description = checks.description("description", patch.description.as_deref().unwrap_or(&before.description));
    let timing = timing::read(&mut checks, &patch.timing, Some(&before.timing));
    fields.overlap_policy = overlap(&mut checks, patch.overlap_policy.as_deref().unwrap_or(&before.overlap_policy));
    let catch_up = patch.catch_up_minutes.unwrap_or_else(|| before.catch_up_minutes.into());
    fields.catch_up_minutes = checks.count("catchUpMinutes", catch_up, 0, 1440);
    if patch.templates.is_some() || patch.template_groups.is_some() {
        fields.templates = patch.templates.unwrap_or(fields.templates);
        fields.template_groups = patch.template_groups.unwrap_or(fields.template_groups);
        known_templates(conn, &mut checks, &fields.templates, &fields.template_groups).await?;
    }
    fields.timing = checked(checks, timing)?;
    store_change(conn, ctx, &before, &fields, "updated").await
}

/// Lets a schedule run by itself, or not.
pub async fn enable(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId, enabled: bool) -> Result<Schedule, AppError> {
    ctx.require(Right::SchedulesManage)?;
    let before = stored(conn, id).await?;
    if before.enabled == enabled {
        return Ok(before);
    }
    let fields = Fields { enabled, ..fields_of(&before) };
    store_change(conn, ctx, &before, &fields, if enabled { "enabled" } else { "disabled" }).await
}

async fn store_change(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    before: &Schedule,
    fields: &Fields,
    action: &'static str,
) -> Result<Schedule, AppError> {
    let id = before.id;
    let next = if fields.timing == before.timing && fields.enabled == before.enabled {
        let stored = before.next_planned_at.zip(before.next_start_at);
        stored.map(|(planned_at, starts_at)| Next { planned_at, starts_at })
    } else {
        next(ctx, id, fields)?
    };
    let done = store::update(conn, id, before.version, fields, next)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change(action, KIND, id).diff(shown(before), shown(&after))).await?;
    Ok(after)
}

/// Makes a copy called `name`. It is disabled: two schedules that do the same at the same time are nobody's wish.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId, name: &str) -> Result<Schedule, AppError> {
    ctx.require(Right::SchedulesManage)?;
    let Fields { description, timing, templates, template_groups, overlap_policy, catch_up_minutes, .. } =
        fields_of(&stored(conn, id).await?);
    let timing = TimingInput {
        kind: Some(timing.kind),
        minute: timing.minute.map(i64::from),
        hour: timing.hour.map(i64::from),
        day_of_week: timing.day_of_week.map(i64::from),
        day_of_month: timing.day_of_month.map(i64::from),
        cron_expression: timing.cron_expression,
        timezone: Some(timing.timezone),
        jitter_minutes: Some(timing.jitter_minutes.into()),
    };
    let input = NewSchedule {
        name: name.to_owned(),
        description,
        timing,
        templates,
        template_groups,
        disabled: true,
        overlap_policy: Some(overlap_policy),
        catch_up_minutes: Some(catch_up_minutes.into()),
    };
    create(conn, ctx, input).await
}

/// Deletes a schedule. Its scans stay; one that runs goes on.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId) -> Result<(), AppError> {
    ctx.require(Right::SchedulesManage)?;
    let schedule = stored(conn, id).await?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    audit::record(conn, ctx, audit::Entry::change("deleted", KIND, id).diff(shown(&schedule), Value::Null)).await
}

/// Starts all templates of a schedule at once, without jitter, also of a disabled one and beside a run that has not
/// ended. Its next run stays as it is.
pub async fn run_now(conn: &mut Conn, ctx: &Ctx<'_>, id: ScheduleId, reason: &str) -> Result<Vec<ScanId>, AppError> {
    ctx.require(Right::ScansExecute)?;
    crate::scans::check_reason(reason)?;
    let schedule = stored(conn, id).await?;
    let mut started = Vec::new();
    for template in store::templates(conn, id).await? {
        let wanted = Request {
            template_id: template.id,
            template_name: &template.name,
            adhoc: false,
            schedule: Some(id),
            planned_at: None,
            started_by: ctx.caller.actor.name(),
            reason: reason.trim(),
            after: json!({ "template": template.name, "schedule": schedule.name }),
        };
        started.extend(request(conn, ctx, &wanted).await?);
    }
    store::ran(conn, id, ctx.now()).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    Ok(started)
}

async fn stored(conn: &mut Conn, id: ScheduleId) -> Result<Schedule, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}
