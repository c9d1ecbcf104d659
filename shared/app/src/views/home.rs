//! What needs somebody, worst first, and what goes on.
use chrono::Duration;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::results::change_views::{self as changes, Change};
use mipo_store::results::glance::{self, Alarm, Figures, FirstSteps, Idle};
use mipo_store::results::scan_views::{self, Narrow, ScanRow};

use crate::{AppError, Ctx};

/// The home page, each part only for those who may see it.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Figures.
    pub figures: Figures,
    /// Scans that have not ended.
    pub running: Vec<ScanRow>,
    /// Newest changes.
    pub changes: Vec<Change>,
    /// Alarms that are not resolved.
    pub alarms: Vec<Alarm>,
    /// Scanners that do no work.
    pub idle: Vec<Idle>,
    /// What stands on the way to a first result.
    pub steps: FirstSteps,
}

/// The figures that the caller may see; the others are zero.
fn for_eyes_of(ctx: &Ctx<'_>, all: Figures) -> Figures {
    let mut seen = Figures::default();
    if ctx.caller.may(Right::ResultsView) {
        let Figures { open_ports, hosts, changes, opened, closed, .. } = all;
        seen = Figures { open_ports, hosts, changes, opened, closed, ..seen };
    }
    if ctx.caller.may(Right::ScannersView) {
        seen = Figures { scanners: all.scanners, scanners_active: all.scanners_active, ..seen };
    }
    if ctx.caller.may(Right::JobErrorsView) {
        seen.job_errors = all.job_errors;
    }
    seen
}

/// Reads the home page.
pub async fn home(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Home, AppError> {
    let all = glance::figures(conn, ctx.now() - Duration::hours(24)).await?;
    let mut home = Home { figures: for_eyes_of(ctx, all), steps: glance::first_steps(conn).await?, ..Home::default() };
    if ctx.caller.may(Right::ScansView) {
        let unended = Narrow { unended: true, ..Narrow::default() };
        home.running = scan_views::list(conn, &unended, &[("id".to_owned(), true)], 10, 0).await?.0;
    }
    if ctx.caller.may(Right::ResultsView) {
        home.changes = changes::newest(conn, 8).await?;
    }
    if ctx.caller.may(Right::AlarmsView) {
        home.alarms = glance::alarms(conn, 6).await?;
    }
    if ctx.caller.may(Right::ScannersView) {
        home.idle = glance::scanners_not_active(conn).await?.0;
    }
    Ok(home)
}
