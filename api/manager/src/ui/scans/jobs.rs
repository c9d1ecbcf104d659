//! `/scans/:id/jobs`: the jobs of one scan, with what each is waiting for.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::views;
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_domain::waiting::Waiting;
use mipo_store::results::job_views::{self, AHEAD_MOST, JobRow};

use super::JOB_STATUSES;
use super::detail::Head;
use crate::http::Id;
use crate::lists::{Columns, ListQuery};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, last_page, show};

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
    Col::text("waiting", "Waits for"),
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

/// What a job is waiting for, in words; what is known of times and numbers with it.
fn waits(job: &JobRow, page: &Page) -> Option<show::Html> {
    let scanner = job.scanner.as_deref().unwrap_or("its scanner");
    let words = match job.waiting_for()? {
        Waiting::Operator => "an operator, who paused the scan".to_owned(),
        Waiting::Blackout => "the end of a blackout window".to_owned(),
        Waiting::Exclusion => "the signature of new exclusions".to_owned(),
        Waiting::LetGo => format!("{scanner} to let go"),
        Waiting::Repair => "a repair".to_owned(),
        Waiting::Scanner => "another scanner: its own was deleted".to_owned(),
        Waiting::Enabling => format!("{scanner} to be enabled"),
        Waiting::Enrolment => format!("{scanner} to be enrolled"),
        Waiting::Return => match job.last_heartbeat_at {
            Some(at) => {
                return Some(show::Html(format!("{} to return, silent for {}", show::escape(scanner), page.ago(at))));
            }
            None => format!("{scanner} to return"),
        },
        Waiting::Drain => format!("{scanner}, which is being drained"),
        Waiting::Signature => "its signature".to_owned(),
        Waiting::Turn(0) => format!("{scanner} to have room"),
        Waiting::Turn(ahead) if i64::from(ahead) >= AHEAD_MOST => {
            format!("{AHEAD_MOST} jobs of {scanner} or more before it")
        }
        Waiting::Turn(ahead) => format!("{} of {scanner} before it", show::count(ahead, "job", "jobs")),
        Waiting::Fetch => format!("the next call of {scanner}"),
        Waiting::Start => format!("{scanner} to start it"),
        Waiting::Confirmation => "a second look at what it found".to_owned(),
        Waiting::Conclusion => "its results to be stored".to_owned(),
    };
    Some(show::Html(show::escape(&words)))
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

impl JobsPage {
    fn waits(&self, job: &JobRow) -> Option<show::Html> {
        waits(job, &self.page)
    }

    /// The page of the job error about it, for whoever may see it.
    fn error_path(&self, job: &JobRow) -> Option<String> {
        let id = job.job_error_id.filter(|_| self.page.shell.may(Right::JobErrorsView))?;
        Some(format!("/health/job-errors/{id}"))
    }
}

/// The list.
pub(super) async fn page(
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
