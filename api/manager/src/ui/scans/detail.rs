//! `/scans/:id`: one scan, live; and its jobs.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::views;
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::results::findings::{Finding, Narrow, Verdicts};
use mipo_store::results::job_views::{self, JobRow};
use mipo_store::results::scan_views::{ScanRow, Share};
use serde_json::Value;

use super::timeline::{self, Timeline};
use super::{JOB_STATUSES, Progress, Row};
use crate::http::Id;
use crate::lists::{Columns, ListQuery};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, last_page, show};

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

#[derive(Template)]
#[template(path = "scans/detail.html", blocks = ["overview"])]
struct DetailPage {
    page: Page,
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

impl DetailPage {
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

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<ScanId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.detail").await?;
    let head = Head::read(&mut tx, &ctx, &app, id, "overview").await?;
    let detail = views::scans::detail(&mut tx, &ctx, id).await?;
    let (jobs, _) = views::scans::jobs(&mut tx, &ctx, id, timeline::JOBS_SHOWN, 0).await?;
    let sees_results = ctx.caller.may(Right::ResultsView);
    let (findings, verdicts) = if sees_results {
        let newest = [("at".to_owned(), true)];
        let (rows, _) = views::findings::list(&mut tx, &ctx, id, &Narrow::default(), &newest, 12, 0).await?;
        (rows, views::findings::verdicts(&mut tx, &ctx, id).await?)
    } else {
        (Vec::new(), Verdicts::default())
    };
    drop(tx);
    if sees_results && region.name().is_none() {
        seen(&app, &ctx, id).await?;
    }
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
    let timeline = timeline::draw(&jobs, now, head.row.progress.eta);
    let title = head.title();
    let view = DetailPage {
        page: page.at("/scans/recent", title).under("Recent", "/scans/recent"),
        shares,
        findings,
        verdicts,
        warnings: warnings(&detail.frozen.warnings),
        scope: detail.scope.as_ref().map(scope),
        scope_hash: detail.frozen.scope_hash.as_deref().map(show::short_hash),
        seed: show::short_hash(&detail.frozen.seed),
        timeline,
        sees_results,
        head,
    };
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
        ports: text(value, "ports"),
        exclusions: list("exclusions").len(),
        vantages: list("shares").len(),
    }
}

/// What the list of jobs can be asked, here and in its JSON twin.
pub(crate) const JOB_COLUMNS: Columns = Columns {
    sort: job_views::SORTS,
    filters: &["status", "scanner"],
    default_sort: "id",
    words: &[("status", JOB_STATUSES)],
};

const JOB_COLS: &[Col] = &[
    Col::text("id", "Job"),
    Col::lead("scanner", "Scanner"),
    Col::text("kind", "Kind"),
    Col::text("status", "Status"),
    Col::fill("progress", "Progress"),
    Col::num("probes", "Probes"),
    Col::num("hosts", "Hosts"),
    Col::num("open", "Open"),
    Col::num("errors", "Errors"),
    Col::num("attempt", "Attempt"),
    Col::text("started", "Started"),
    Col::num("took", "Took"),
];

/// The filters of the list of jobs.
pub(crate) fn narrow_jobs(query: &ListQuery) -> job_views::Narrow {
    job_views::Narrow {
        statuses: query.filter("status").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        scanner: query.filter("scanner").map(str::to_owned),
    }
}

#[derive(Template)]
#[template(path = "scans/jobs.html", blocks = ["top", "rows"])]
struct JobsPage {
    page: Page,
    head: Head,
    list: Listing,
    jobs: Vec<JobRow>,
    total: i64,
    scanners: Vec<String>,
}

pub(super) async fn jobs_page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<ScanId>,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.jobs").await?;
    let head = Head::read(&mut tx, &ctx, &app, id, "jobs").await?;
    let list = Listing::read(format!("/scans/{id}/jobs"), raw.as_deref(), &JOB_COLUMNS).showing(JOB_COLS);
    let by = narrow_jobs(&list.query);
    let (jobs, total) =
        views::scans::jobs_by(&mut tx, &ctx, id, &by, &list.query.sort, list.query.limit(), list.query.offset())
            .await?;
    if let Some(response) = last_page::instead(&list, jobs.len(), total) {
        return Ok(response);
    }
    let scanners = views::scans::scanners(&mut tx, &ctx, id).await?;
    let page =
        page.at("/scans/recent", "Jobs").under("Recent", "/scans/recent").under(head.title(), format!("/scans/{id}"));
    let view = JobsPage { page, head, list, jobs, total, scanners };
    Ok(match region.name() {
        Some("top") => ui::render(&view.as_top(), &view.page),
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
