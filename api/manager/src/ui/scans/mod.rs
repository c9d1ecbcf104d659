//! Area Scans: run, recent, history, one scan with its findings and changes.
pub(crate) mod changes;
mod control;
pub(crate) mod detail;
mod history;
pub(crate) mod jobs;
pub(crate) mod narrow;
mod recent;
pub(crate) mod results;
mod run;
pub(crate) mod schedules;
mod timeline;

use axum::Router;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use mipo_domain::rights::Right;
use mipo_store::results::scan_views::{ScanRow, Share};

use super::tables::RowMenu;
use super::{Page, show};
use crate::live::Rates;
use crate::state::App;

/// Pages and forms of the area.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/scans/run", get(run::page).post(run::start))
        .route("/scans/recent", get(recent::page))
        .route("/scans/status", get(|| async { super::flash::to("/scans/recent") }))
        .route("/scans/history", get(history::page))
        .merge(schedules::routes())
        .route("/scans/{id}", get(detail::page))
        .route("/scans/{id}/jobs", get(jobs::page))
        .route("/scans/{id}/results", get(results::page))
        .route("/scans/{id}/changes", get(changes::page))
        .route("/scans/{id}/cancel", get(control::cancel_page).post(control::cancel))
        .route("/scans/{id}/pause", post(control::pause))
        .route("/scans/{id}/resume", post(control::resume))
        .route("/scans/{id}/again", post(control::again))
}

/// Statuses that a list of scans can be narrowed to.
pub(crate) const STATUSES: &[&str] =
    &["pending", "running", "paused", "cancelling", "completed", "partial", "failed", "cancelled"];

/// Statuses that a list of jobs can be narrowed to.
pub(crate) const JOB_STATUSES: &[&str] =
    &["pending", "assigned", "running", "paused", "completed", "partial", "failed", "cancelled", "timed_out"];

/// How far something is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Probes so far.
    pub attempted: i64,
    /// Probes planned, less those that exclusions took out since.
    pub planned: i64,
    /// For the bar, of 1000.
    pub value: i64,
    /// Probes a second, if known.
    pub rate: Option<f64>,
    /// When it ends at this rate.
    pub eta: Option<DateTime<Utc>>,
    /// Seconds until then.
    pub eta_seconds: Option<i64>,
    /// True while it does not move on purpose.
    pub held: bool,
}

impl Progress {
    /// From counts; `moving` is false for what has ended or is held.
    pub fn new(attempted: i64, planned: i64, rate: Option<f64>, now: DateTime<Utc>, moving: bool, held: bool) -> Self {
        let rate = rate.filter(|rate| moving && *rate > 0.0);
        let rest = (planned - attempted).max(0);
        // Beyond a month an estimate says nothing.
        let eta_seconds = rate
            .filter(|_| attempted > 0 && planned > 0)
            .map(|rate| (rest as f64 / rate).ceil() as i64)
            .filter(|seconds| *seconds < 30 * 86_400);
        Self {
            attempted,
            planned,
            value: if planned > 0 { (attempted.min(planned) * 1000) / planned } else { 0 },
            rate,
            eta: eta_seconds.map(|seconds| now + chrono::Duration::seconds(seconds)),
            eta_seconds,
            held,
        }
    }

    /// Of a whole scan.
    pub fn of_scan(scan: &ScanRow, rates: &Rates, now: DateTime<Utc>) -> Self {
        let moving = matches!(scan.status.as_str(), "running" | "pending");
        let rate = moving.then(|| rates.observe(scan.id, None, now, scan.probes_attempted, scan.started_at)).flatten();
        let planned = scan.probes_planned - scan.probes_excluded;
        Self::new(scan.probes_attempted, planned, rate, now, moving, scan.status == "paused")
    }

    /// Of one scanner in a scan.
    pub fn of_share(scan: &ScanRow, share: &Share, rates: &Rates, now: DateTime<Utc>) -> Self {
        let moving = share.jobs_running > 0;
        let rate = moving
            .then(|| rates.observe(scan.id, Some(share.scanner_id), now, share.attempted, scan.started_at))
            .flatten();
        Self::new(share.attempted, share.planned, rate, now, moving, share.jobs_paused > 0 && !moving)
    }

    /// `59.4 %`.
    pub fn percent(&self) -> String {
        show::percent(self.attempted, self.planned)
    }

    /// `5,210/s`, or a dash.
    pub fn rate_words(&self) -> String {
        self.rate.map_or_else(|| "–".to_owned(), |rate| format!("{}/s", show::number(rate.round() as i64)))
    }
}

/// A scan as a row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The scan.
    pub scan: ScanRow,
    /// How far it is.
    pub progress: Progress,
}

impl Row {
    /// Rows with their progress.
    pub fn all(scans: Vec<ScanRow>, rates: &Rates, now: DateTime<Utc>) -> Vec<Self> {
        scans
            .into_iter()
            .map(|scan| {
                let progress = Progress::of_scan(&scan, rates, now);
                Self { scan, progress }
            })
            .collect()
    }

    /// True when it has outcomes of tests.
    pub const fn has_tests(&self) -> bool {
        let scan = &self.scan;
        scan.tests_pass + scan.tests_fail + scan.tests_unexpected + scan.tests_not_tested > 0
    }

    /// What the progress cell says beside the bar while there is no time of its end.
    pub fn words(&self) -> &'static str {
        match self.scan.status.as_str() {
            "pending" if self.scan.planning_finished_at.is_none() => "being planned",
            "pending" => "waits for a scanner",
            "paused" => "paused by an operator",
            "cancelling" => "until the scanners let go",
            _ => "",
        }
    }

    /// What can be done with it.
    pub fn menu(&self, page: &Page) -> RowMenu {
        let (id, status) = (self.scan.id, self.scan.status.as_str());
        let (may, sees) = (page.shell.may(Right::ScansExecute), page.shell.may(Right::ResultsView));
        let path = format!("/scans/{id}");
        let live = matches!(status, "pending" | "running");
        RowMenu::new(page, format!("scan-{id}"), format!("scan #{id}"))
            .link(&path, "Open")
            .link_if(sees, format!("{path}/results"), "Findings")
            .link_if(sees, format!("{path}/changes"), "Changes")
            .link(format!("{path}/jobs"), "Jobs")
            .post_if(may && live, format!("{path}/pause"), "Pause")
            .post_if(may && status == "paused", format!("{path}/resume"), "Resume")
            .post_if(may && self.scan.has_ended(), format!("{path}/again"), "Run again")
            .harm_if(may && (live || status == "paused"), format!("{path}/cancel"), "Cancel…")
    }

    /// How long it took.
    pub fn took(&self) -> String {
        match (self.scan.started_at, self.scan.completed_at) {
            (Some(from), Some(to)) => show::between(from, to),
            _ => "–".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mipo_domain::states::{JobStatus, ScanStatus};

    use super::*;

    #[test]
    fn the_filters_know_every_status() {
        assert_eq!(STATUSES, ScanStatus::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(JOB_STATUSES, JobStatus::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}
