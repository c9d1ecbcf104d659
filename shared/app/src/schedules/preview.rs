//! What a schedule would do, before it is saved: its next starts, and whether a run fits before the next.
use mipo_domain::calendar::{Calendar, Occurrence};
use mipo_domain::ids::ScheduleId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::scan_templates;
use mipo_store::config::schedules::{self, Schedule};
use uuid::Uuid;

use super::timing::{self, TimingInput};
use crate::blackouts::Holding;
use crate::fields::Checks;
use crate::template_summary::{self, Limits, Summary};
use crate::templates::Sources;
use crate::{AppError, Ctx};

/// Starts shown.
const STARTS: usize = 5;

/// What a schedule would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Its timing in words.
    pub sentence: String,
    /// Its next starts. The jitter of a schedule that is not stored yet is another once it is.
    pub starts: Vec<Occurrence>,
    /// Of each start, the blackout windows that would hold it.
    pub held: Vec<Vec<Holding>>,
    /// Whether its runs fit.
    pub forecast: Forecast,
}

/// How long a run takes beside the time until the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Of the slowest template, at the effective rates; 0 when nothing would be scanned.
    pub seconds: u64,
    /// The shortest time between two of the next starts; none with fewer than two.
    pub period_seconds: Option<u64>,
}

impl Forecast {
    /// False when the next run would start before this one ends.
    pub fn fits(&self) -> bool {
        self.period_seconds.is_none_or(|period| self.seconds <= period)
    }
}

/// The timing of a stored schedule in words, with its zone.
pub fn sentence(schedule: &Schedule) -> String {
    timing::timetable(schedule.id, &schedule.timing).map_or_else(
        |_| format!("{} ({}), which this version cannot read", schedule.timing.kind, schedule.timing.timezone),
        |timetable| words(timetable.calendar(), schedule.timing.jitter_minutes),
    )
}

fn words(calendar: &Calendar, jitter_minutes: i32) -> String {
    match jitter_minutes {
        0 => calendar.in_words(),
        1 => format!("{}, up to 1 minute later", calendar.in_words()),
        minutes => format!("{}, up to {minutes} minutes later", calendar.in_words()),
    }
}

/// The next starts of a stored schedule; none when it is disabled.
pub fn upcoming(ctx: &Ctx<'_>, schedule: &Schedule) -> Result<Vec<Occurrence>, AppError> {
    ctx.require(Right::SchedulesView)?;
    if !schedule.enabled {
        return Ok(Vec::new());
    }
    Ok(timing::timetable(schedule.id, &schedule.timing)?.upcoming(ctx.now(), STARTS))
}

/// The templates of a preview.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runs<'a> {
    /// By themselves,
    pub templates: &'a [Uuid],
    /// and by groups.
    pub groups: &'a [Uuid],
}

/// What a schedule of `input` that runs `runs` would do. `id`: the stored schedule that is edited.
pub async fn preview(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: Option<ScheduleId>,
    input: &TimingInput,
    runs: Runs<'_>,
    limits: Limits,
) -> Result<Preview, AppError> {
    ctx.require(Right::SchedulesView)?;
    let before = match id {
        Some(id) => Some(super::stored(conn, id).await?),
        None => None,
    };
    let mut checks = Checks::new();
    let read = timing::read(&mut checks, input, before.as_ref().map(|before| &before.timing));
    let timing = super::checked(checks, read)?;
    let id = id.unwrap_or_else(|| ScheduleId::from(Uuid::nil()));
    let timetable = timing::timetable(id, &timing)?;
    let starts = timetable.upcoming(ctx.now(), STARTS);
    let period_seconds = starts
        .windows(2)
        .filter_map(|pair| u64::try_from((pair[1].starts_at - pair[0].starts_at).num_seconds()).ok())
        .min();
    let ids = schedules::templates_of(conn, runs.templates, runs.groups).await?;
    let templates = scan_templates::get_many(conn, ids).await?;
    let sources: Vec<Sources> = templates.iter().map(Sources::of).collect();
    let summaries = template_summary::of_many(conn, &sources, ctx.now(), limits).await?;
    let seconds = summaries.iter().map(|summary| summary.seconds).max().unwrap_or(0);
    let held = starts.iter().map(|start| held(&summaries, start)).collect();
    let sentence = words(timetable.calendar(), timing.jitter_minutes);
    Ok(Preview { sentence, starts, held, forecast: Forecast { seconds, period_seconds } })
}

/// The blackout windows that would hold some of its scans at `start`.
fn held(summaries: &[Summary], start: &Occurrence) -> Vec<Holding> {
    let mut held: Vec<Holding> = Vec::new();
    for window in summaries.iter().flat_map(|summary| &summary.blackouts) {
        if let Some(holding) = window.holding(start.starts_at)
            && !held.contains(&holding)
        {
            held.push(holding);
        }
    }
    held
}
