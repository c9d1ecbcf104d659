//! `/scans/:id`: one scan, live.
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::views;
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::results::findings::{Finding, Narrow, Verdicts};
use mipo_store::results::scan_views::{ScanRow, Share};
use serde_json::Value;

use super::timeline::{self, Timeline};
use super::{Progress, Row};
use crate::http::Id;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::{self, Page, Region, show};

/// How long one reading of a scan serves everybody; shorter than the pause between two fetches of a page.
const SHARED_FOR: TimeDelta = TimeDelta::seconds(1);

/// The head that all pages of one scan share.
pub(super) struct Head {
    pub(super) row: Row,
    pub(super) tab: &'static str,
    pub(super) open: i64,
    pub(super) previous: Option<ScanId>,
}

impl Head {
    /// Reads it.
    pub(super) async fn read(
        conn: &mut mipo_store::Conn,
        ctx: &mipo_app::Ctx<'_>,
        app: &App,
        id: ScanId,
        tab: &'static str,
    ) -> Result<Self, ui::Error> {
        let scan = views::scans::get(conn, ctx, id).await?;
        let previous = views::scans::previous(conn, ctx, &scan).await?;
        let open = match scan.open_count {
            _ if !ctx.caller.may(Right::ResultsView) => 0,
            Some(open) => open,
            None => views::findings::open_so_far(conn, ctx, id).await?,
        };
        let progress = Progress::of_scan(&scan, &app.rates, ctx.now());
        Ok(Self { row: Row { scan, progress }, tab, open, previous })
    }

    pub(super) fn scan(&self) -> &ScanRow {
        &self.row.scan
    }

    pub(super) fn title(&self) -> String {
        format!("#{} {}", self.scan().id, self.scan().template_name)
    }

    pub(super) fn can_pause(&self, page: &Page) -> bool {
        page.shell.may(Right::ScansExecute) && matches!(self.scan().status.as_str(), "pending" | "running")
    }

    pub(super) fn can_resume(&self, page: &Page) -> bool {
        page.shell.may(Right::ScansExecute) && self.scan().status == "paused"
    }

    pub(super) fn can_cancel(&self, page: &Page) -> bool {
        page.shell.may(Right::ScansExecute) && matches!(self.scan().status.as_str(), "pending" | "running" | "paused")
    }

    pub(super) fn can_repeat(&self, page: &Page) -> bool {
        page.shell.may(Right::ScansExecute) && self.scan().has_ended()
    }

    /// Why it is so: codes of a refusal in words, sentences as they are.
    pub(super) fn why(&self) -> Option<String> {
        let reason = self.scan().status_reason.as_deref()?;
        Some(match reason {
            "nothing_to_scan" => {
                "Nothing was left to scan: exclusions took everything, or its targets are empty.".to_owned()
            }
            "no_scanner" => "None of its targets has a scanner that takes jobs.".to_owned(),
            "scope_too_large" => "It would have been larger than the limits allow.".to_owned(),
            "blackout" => "A blackout window held it longer than a job may wait.".to_owned(),
            code if !code.contains(' ') => format!("Reason: {}.", code.replace('_', " ")),
            sentence => sentence.to_owned(),
        })
    }

    /// What is said when its status changes while somebody looks.
    pub(super) fn said(&self) -> String {
        let status = show::label(&self.scan().status).to_lowercase();
        match self.scan().status.as_str() {
            "completed" | "partial" => {
                format!("Scan #{} is {status}: {}.", self.scan().id, show::count(self.open, "open port", "open ports"))
            }
            "failed" => format!("Scan #{} has failed.", self.scan().id),
            _ => format!("Scan #{} is {status}.", self.scan().id),
        }
    }

    /// One sentence of state.
    pub(super) fn lede(&self) -> String {
        let scan = self.scan();
        let by = &scan.started_by;
        match scan.status.as_str() {
            "pending" if scan.planning_finished_at.is_none() => {
                format!("Asked for by {by}. It is being planned: targets less exclusions, cut into jobs.")
            }
            "pending" => format!(
                "Asked for by {by}. {} for {} wait to be fetched.",
                show::count(scan.jobs, "job", "jobs"),
                show::count(scan.scanners, "scanner", "scanners")
            ),
            "running" => format!(
                "Started by {by}. {} of {} done by {}.",
                scan.jobs_done,
                show::count(scan.jobs, "job", "jobs"),
                show::count(scan.scanners, "scanner", "scanners")
            ),
            "paused" => format!("Paused by an operator. {} of {} jobs are done.", scan.jobs_done, scan.jobs),
            "cancelling" => "Being cancelled: it ends when every scanner has let go of its job.".to_owned(),
            "completed" => format!(
                "Every planned probe has a verdict. Started by {by}{}.",
                scan.change_count.map_or_else(String::new, |n| format!(
                    "; {}",
                    if n == 0 { "nothing changed".to_owned() } else { show::count(n, "change", "changes") }
                ))
            ),
            "partial" => format!("Some probes have no verdict. Started by {by}."),
            "failed" => format!("It found nothing out. Started by {by}."),
            _ => format!("Cancelled. What was found until then stays. Started by {by}."),
        }
    }
}

/// Writes down that somebody opened a page with results of the scan; fetching a region of it anew is no other look.
pub(super) async fn seen(app: &App, ctx: &mipo_app::Ctx<'_>, id: ScanId) -> Result<(), ui::Error> {
    let mut tx = app.db.tx("scans.seen").await?;
    views::findings::seen(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(())
}

/// A scanner's line.
struct ShareView {
    share: Share,
    progress: Progress,
    word: &'static str,
}

impl ShareView {
    fn word(scan: &ScanRow, share: &Share) -> &'static str {
        if share.jobs_done == share.jobs {
            return match (scan.status.as_str(), share.jobs_bad) {
                ("cancelled", _) => "cancelled",
                (_, 0) => "completed",
                _ => "partial",
            };
        }
        match share.scanner_status.as_deref() {
            Some("offline") => "offline",
            Some("disabled") => "disabled",
            _ if share.jobs_running > 0 => "running",
            _ if share.jobs_paused > 0 => "paused",
            _ => "pending",
        }
    }

    fn ceiling(&self) -> String {
        if self.share.jobs_running == 0 {
            String::new()
        } else if self.share.ceiling == 0 {
            " / no limit".to_owned()
        } else {
            format!(" / {}", show::number(self.share.ceiling))
        }
    }
}

/// Sources shown of a frozen scope.
const SOURCES_SHOWN: usize = 6;

/// What the scope says, as words.
struct Scope {
    sources: Vec<(String, String)>,
    more_sources: usize,
    ports: String,
    exclusions: usize,
    vantages: usize,
}

/// What the page of a scan shows; the same for everybody who may see as much.
pub(crate) struct Overview {
    head: Head,
    shares: Vec<ShareView>,
    findings: Vec<Finding>,
    verdicts: Verdicts,
    warnings: Vec<String>,
    scope: Option<Scope>,
    scope_hash: Option<String>,
    seed: String,
    timeline: Option<Timeline>,
    sees_results: bool,
}

impl Overview {
    async fn read(app: &App, ctx: &mipo_app::Ctx<'_>, id: ScanId) -> Result<Self, ui::Error> {
        let mut tx = app.db.read("scans.detail").await?;
        let head = Head::read(&mut tx, ctx, app, id, "overview").await?;
        let detail = views::scans::detail(&mut tx, ctx, id).await?;
        let (jobs, _) = views::scans::jobs(&mut tx, ctx, id, timeline::JOBS_SHOWN, 0).await?;
        let sees_results = ctx.caller.may(Right::ResultsView);
        let (findings, verdicts) = if sees_results {
            let newest = [("at".to_owned(), true)];
            let (rows, _) = views::findings::list(&mut tx, ctx, id, &Narrow::default(), &newest, 12, 0).await?;
            (rows, views::findings::verdicts(&mut tx, ctx, id).await?)
        } else {
            (Vec::new(), Verdicts::default())
        };
        drop(tx);
        let now = ctx.now();
        let scan = head.scan().clone();
        let shares = detail
            .shares
            .into_iter()
            .map(|share| ShareView {
                progress: Progress::of_share(&scan, &share, &app.rates, now),
                word: ShareView::word(&scan, &share),
                share,
            })
            .collect();
        Ok(Self {
            shares,
            findings,
            verdicts,
            warnings: warnings(&detail.frozen.warnings),
            scope: detail.scope.as_ref().map(scope),
            scope_hash: detail.frozen.scope_hash.as_deref().map(show::short_hash),
            seed: show::short_hash(&detail.frozen.seed),
            timeline: timeline::draw(&jobs, now, head.row.progress.eta),
            sees_results,
            head,
        })
    }

    fn every(&self) -> &'static str {
        if self.head.scan().has_ended() { "0" } else { "2" }
    }

    fn errors(&self) -> i64 {
        self.shares.iter().map(|view| view.share.errors).sum()
    }

    fn away(&self) -> Vec<&ShareView> {
        self.shares.iter().filter(|view| matches!(view.word, "offline" | "disabled")).collect()
    }
}

#[derive(Template)]
#[template(path = "scans/detail.html", blocks = ["overview"])]
struct DetailPage {
    page: Page,
    overview: Arc<Overview>,
}

impl Deref for DetailPage {
    type Target = Overview;

    fn deref(&self) -> &Overview {
        &self.overview
    }
}

/// The page of a running scan fetches itself every two seconds: those who look at the same scan share one reading.
#[derive(Clone, Default)]
pub struct Overviews(Arc<Mutex<HashMap<(ScanId, bool), Kept>>>);

struct Kept {
    /// The place in the live stream from before it was read: whoever has heard of something newer reads anew.
    position: String,
    at: DateTime<Utc>,
    overview: Arc<Overview>,
}

impl Overviews {
    fn kept(&self) -> MutexGuard<'_, HashMap<(ScanId, bool), Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, scan: ScanId, sees: bool, position: &str, now: DateTime<Utc>) -> Option<Arc<Overview>> {
        let mut all = self.kept();
        all.retain(|_, kept| now - kept.at < SHARED_FOR);
        all.get(&(scan, sees)).filter(|kept| kept.position == position).map(|kept| Arc::clone(&kept.overview))
    }

    fn keep(&self, scan: ScanId, sees: bool, kept: Kept) {
        self.kept().insert((scan, sees), kept);
    }
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<ScanId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let (now, sees) = (ctx.now(), ctx.caller.may(Right::ResultsView));
    ctx.require(Right::ScansView)?;
    // A page that is opened always reads; only what an open page fetches is shared.
    let shared = region.name().and_then(|_| app.overviews.fresh(id, sees, &page.shell.live_id, now));
    let overview = match shared {
        Some(overview) => overview,
        None => {
            let overview = Arc::new(Overview::read(&app, &ctx, id).await?);
            let kept = Kept { position: page.shell.live_id.clone(), at: now, overview: Arc::clone(&overview) };
            app.overviews.keep(id, sees, kept);
            overview
        }
    };
    if sees && region.name().is_none() {
        seen(&app, &ctx, id).await?;
    }
    let page = page.at("/scans/recent", overview.head.title()).under("Recent", "/scans/recent");
    let view = DetailPage { page, overview };
    Ok(match region.name() {
        Some("overview") => ui::render(&view.as_overview(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// Warnings are sentences, or objects with one in `message`.
fn warnings(value: &Value) -> Vec<String> {
    let text =
        |value: &Value| value.as_str().or_else(|| value.get("message").and_then(Value::as_str)).map(str::to_owned);
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

/// The scope as the planner froze it: `sources` with label and addresses, `ports`, `exclusions`, `shares`.
fn scope(value: &Value) -> Scope {
    let list = |name: &str| value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let sources = list("sources");
    Scope {
        sources: sources
            .iter()
            .take(SOURCES_SHOWN)
            .map(|source| (text(source, "label"), text(source, "addresses")))
            .collect(),
        more_sources: sources.len().saturating_sub(SOURCES_SHOWN),
        ports: text(value, "ports").replace(',', ", "),
        exclusions: list("exclusions").len(),
        vantages: list("shares").len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview() -> Arc<Overview> {
        let scan = ScanRow {
            id: ScanId::from(7),
            template_id: mipo_domain::ids::TemplateId::from(uuid::Uuid::nil()),
            template_name: "office".to_owned(),
            adhoc: false,
            status: "running".to_owned(),
            status_reason: None,
            reason: String::new(),
            started_by: "owner".to_owned(),
            requested_at: at(0),
            planning_finished_at: None,
            started_at: None,
            completed_at: None,
            hosts_planned: 0,
            probes_planned: 0,
            probes_attempted: 0,
            probes_excluded: 0,
            hosts_done: 0,
            jobs: 0,
            jobs_done: 0,
            scanners: 0,
            open_count: None,
            change_count: None,
            tests_pass: 0,
            tests_fail: 0,
            tests_unexpected: 0,
            tests_not_tested: 0,
        };
        let progress = Progress::new(0, 0, None, at(0), true, false);
        let head = Head { row: Row { scan, progress }, tab: "overview", open: 0, previous: None };
        Arc::new(Overview {
            head,
            shares: Vec::new(),
            findings: Vec::new(),
            verdicts: Verdicts::default(),
            warnings: Vec::new(),
            scope: None,
            scope_hash: None,
            seed: String::new(),
            timeline: None,
            sees_results: true,
        })
    }

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn one_reading_serves_those_who_ask_at_once_and_know_no_more() {
        let (all, scan) = (Overviews::default(), ScanId::from(7));
        all.keep(scan, true, Kept { position: "a-1".to_owned(), at: at(0), overview: overview() });
        assert!(all.fresh(scan, true, "a-1", at(900)).is_some());
        assert!(all.fresh(scan, true, "a-2", at(900)).is_none(), "who has heard of a change reads it");
        assert!(all.fresh(scan, false, "a-1", at(900)).is_none(), "findings are not shown to who may not see them");
        assert!(all.fresh(ScanId::from(8), true, "a-1", at(900)).is_none());
        assert!(all.fresh(scan, true, "a-1", at(1000)).is_none(), "a second later it is old");
    }
}
