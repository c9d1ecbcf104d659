//! `/`: what needs somebody, worst first, and what goes on.
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use mipo_app::views;
use mipo_app::views::home::Home;
use mipo_domain::rights::Right;
use mipo_store::results::change_views::Change;
use mipo_store::results::glance::FirstSteps;

use super::scans::Row;
use super::{Page, Region, Shell, show};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui;

/// The home page.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(page))
}

/// One thing that is late, failing or stuck.
struct Line {
    rank: u8,
    state: &'static str,
    area: &'static str,
    text: String,
    href: String,
    action: &'static str,
}

/// One of the first steps.
struct Step {
    done: bool,
    title: &'static str,
    text: &'static str,
    href: &'static str,
    /// What taking the step needs.
    right: Option<Right>,
}

#[derive(Template)]
#[template(path = "home.html", blocks = ["now"])]
struct HomePage {
    page: Page,
    home: Home,
    lines: Vec<Line>,
    running: Vec<Row>,
    steps: Vec<Step>,
    lede: String,
    well: String,
}

impl HomePage {
    fn steps_done(&self) -> usize {
        self.steps.iter().filter(|step| step.done).count()
    }

    /// True when the step is to be done and this person can do it.
    fn leads(&self, step: &Step) -> bool {
        !step.done && !step.href.is_empty() && step.right.is_none_or(|right| self.page.shell.may(right))
    }

    fn every(&self) -> &'static str {
        if self.running.is_empty() { "15" } else { "3" }
    }

    /// Probes a second over all scans.
    fn rate(&self) -> i64 {
        self.running.iter().filter_map(|row| row.progress.rate).sum::<f64>().round() as i64
    }

    fn open_alarms(&self) -> i64 {
        self.page.shell.counts.open_alarms
    }
}

/// What became of the port, as shape and word.
fn change_word(change: &Change) -> ui::Html {
    match (change.previous_state.as_str(), change.current_state.as_str()) {
        (_, "open") => show::labelled("s-plus", "warn", "Opened"),
        (_, "filtered") => show::labelled("s-filt", "idle", "Filtered"),
        _ => show::labelled("s-minus", "idle", "Closed"),
    }
}

async fn page(page: Page, signed: SignedIn, region: Region, State(app): State<App>) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("home").await?;
    let home = views::home::home(&mut tx, &ctx).await?;
    drop(tx);
    let running = Row::all(home.running.clone(), &app.rates, ctx.now());
    let (lines, well) = lines(&home, &page.shell);
    let lede = lede(&lines, &home);
    let view = HomePage { page: page.at("/", "Home"), steps: steps(home.steps), home, lines, running, lede, well };
    Ok(match region.name() {
        Some("now") => ui::render(&view.as_now(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

fn lines(home: &Home, shell: &Shell) -> (Vec<Line>, String) {
    let mut lines = Vec::new();
    let mut well = Vec::new();
    for scanner in &home.idle {
        let waiting = show::count(scanner.waiting_jobs, "job waits", "jobs wait");
        match scanner.status.as_str() {
            "offline" => lines.push(Line {
                rank: if scanner.waiting_jobs > 0 { 1 } else { 3 },
                state: "offline",
                area: "Scanners",
                text: if scanner.waiting_jobs > 0 {
                    format!("{} is silent; {waiting} for its return.", scanner.name)
                } else {
                    format!("{} is silent. No job waits for it.", scanner.name)
                },
                href: format!("/config/scanners/{}", scanner.id),
                action: "Open scanner",
            }),
            "disabled" if scanner.waiting_jobs > 0 => lines.push(Line {
                rank: 1,
                state: "stuck",
                area: "Scanners",
                text: format!("{} is disabled and {waiting} for it.", scanner.name),
                href: format!("/config/scanners/{}", scanner.id),
                action: "Open scanner",
            }),
            _ => {}
        }
    }
    if home.figures.scanners > 0 && home.figures.scanners_active == home.figures.scanners {
        well.push(show::count(home.figures.scanners, "scanner", "scanners"));
    }
    let (critical, others): (Vec<_>, Vec<_>) = home
        .alarms
        .iter()
        .filter(|alarm| alarm.state == "open")
        .partition(|a| matches!(&*a.severity, "critical" | "high"));
    if let Some(worst) = critical.first() {
        lines.push(Line {
            rank: 0,
            state: "failing",
            area: "Alarms",
            text: if critical.len() == 1 {
                worst.summary.clone()
            } else {
                format!("{} And {} more.", worst.summary, critical.len() - 1)
            },
            href: "/health/alerting/alarms".to_owned(),
            action: "Open alarms",
        });
    } else if others.is_empty() && shell.may(Right::AlarmsView) {
        well.push("no open alarm".to_owned());
    }
    if home.figures.job_errors > 0 {
        lines.push(Line {
            rank: 1,
            state: "stuck",
            area: "Scans",
            text: format!(
                "{} a repair.",
                show::count(home.figures.job_errors, "scan job error wants", "scan job errors want")
            ),
            href: "/health/job-errors?state=open".to_owned(),
            action: "Open job errors",
        });
    } else if shell.may(Right::JobErrorsView) {
        well.push("no stuck job".to_owned());
    }
    if !home.steps.backup {
        lines.push(Line {
            rank: 4,
            state: "off",
            area: "Backups",
            text: "Backups are off until somebody who can read them is named (an age recipient).".to_owned(),
            href: String::new(),
            action: "",
        });
    }
    lines.sort_by_key(|line| line.rank);
    (lines, well.join(", "))
}

fn lede(lines: &[Line], home: &Home) -> String {
    let acute = lines.iter().filter(|line| line.rank < 4).count();
    let running = home.running.len() as i64;
    let scans = match running {
        0 => "No scan runs.".to_owned(),
        n => format!("{}.", show::count(n, "scan is under way", "scans are under way")),
    };
    match acute {
        0 => format!("Nothing is late, failing or stuck. {scans}"),
        1 => format!("One thing needs you. {scans}"),
        n => format!("{n} things need you. {scans}"),
    }
}

fn steps(done: FirstSteps) -> Vec<Step> {
    vec![
        Step {
            done: done.scanner,
            title: "Add a scanner",
            text: "The program that probes. One command enrols it.",
            href: "/config/scanners/new",
            right: Some(Right::ScannersManage),
        },
        Step {
            done: done.target,
            title: "Name a target",
            text: "A range of addresses (CIDR) and who scans it.",
            href: "/config/subnets/new",
            right: Some(Right::ConfigManage),
        },
        Step {
            done: done.ports,
            title: "Choose ports",
            text: "top-100, top-1000 and all are built in.",
            href: "/config/port-lists",
            right: Some(Right::ConfigView),
        },
        Step {
            done: done.template,
            title: "Make a template",
            text: "Targets and ports together, so that runs can be compared.",
            href: "/config/scan-templates/new",
            right: Some(Right::ConfigManage),
        },
        Step {
            done: done.scan,
            title: "Run a scan",
            text: "A template, or typed addresses and ports.",
            href: "/scans/run",
            right: Some(Right::ScansExecute),
        },
        Step {
            done: done.backup,
            title: "Name a backup recipient",
            text: "An age key that can read the backups; until then they are off.",
            href: "",
            right: None,
        },
    ]
}
