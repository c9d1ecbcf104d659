//! The navigation: areas and the pages in them. An entry appears when its page works and the user may see it.
use askama::Template;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::get;
use mipo_domain::rights::Right;
use mipo_store::config::live::topics as live;

use super::auth::own_path;
use super::page::{Page, Shell};
use crate::lists::pairs;
use crate::state::App;
use crate::ui;

/// The navigation alone, for its counts.
pub fn routes() -> Router<App> {
    Router::new().route("/nav", get(alone))
}

#[derive(Template)]
#[template(path = "parts/nav.html")]
struct Alone {
    page: Page,
}

/// The navigation as it is on the page `?at=`.
async fn alone(page: Page, RawQuery(query): RawQuery) -> Response {
    let given = pairs(query.as_deref().unwrap_or_default());
    let at = given.iter().find(|(name, _)| name == "at").map_or("", |(_, value)| own_path(value));
    let view = Alone { page: page.at(at, "") };
    ui::html(axum::http::StatusCode::OK, &view)
}

/// Which count stands beside an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    /// Scans that run.
    RunningScans,
    /// Alarms that are open.
    OpenAlarms,
}

/// A page in the navigation.
#[derive(Debug)]
pub struct Entry {
    /// Its path, which [`super::Page::at`] compares with.
    pub path: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Without this right the entry is hidden.
    pub right: Right,
    /// The count beside it.
    pub badge: Option<Badge>,
}

/// An area.
#[derive(Debug)]
pub struct Area {
    /// First part of the paths of its pages, and key of its icon (`i-<key>`).
    pub key: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Its pages.
    pub entries: &'static [Entry],
}

/// A page without a count.
pub const fn entry(path: &'static str, title: &'static str, right: Right) -> Entry {
    Entry { path, title, right, badge: None }
}

/// A page with a count beside it.
pub const fn counted(path: &'static str, title: &'static str, right: Right, badge: Badge) -> Entry {
    Entry { path, title, right, badge: Some(badge) }
}

/// All areas in order. Home stands before them in the template.
pub static AREAS: &[Area] = &[
    Area {
        key: "scans",
        title: "Scans",
        entries: &[
            entry("/scans/run", "Run now", Right::ScansExecute),
            counted("/scans/recent", "Recent", Right::ScansView, Badge::RunningScans),
            entry("/scans/history", "History", Right::ScansView),
            entry("/scans/schedules", "Schedules", Right::SchedulesView),
        ],
    },
    Area {
        key: "config",
        title: "Configuration",
        entries: &[
            entry("/config/scanners", "Scanners", Right::ScannersView),
            entry("/config/scanner-groups", "Scanner groups", Right::ConfigView),
            entry("/config/subnets", "Subnets", Right::ConfigView),
            entry("/config/subnet-groups", "Subnet groups", Right::ConfigView),
            entry("/config/fqdns", "FQDNs", Right::ConfigView),
            entry("/config/fqdn-groups", "FQDN groups", Right::ConfigView),
            entry("/config/port-catalog", "Port catalog", Right::ConfigView),
            entry("/config/discovery", "Discovery", Right::DiscoveryView),
            entry("/config/port-lists", "Port lists", Right::ConfigView),
            entry("/config/port-list-groups", "Port list groups", Right::ConfigView),
            entry("/config/scan-templates", "Scan templates", Right::ConfigView),
            entry("/config/scan-template-groups", "Template groups", Right::ConfigView),
            entry("/config/exclusions", "Exclusions", Right::SafetyView),
            entry("/config/blackouts", "Blackout windows", Right::SafetyView),
        ],
    },
    Area {
        key: "health",
        title: "Health",
        entries: &[
            entry("/health/job-errors", "Job errors", Right::JobErrorsView),
            counted("/health/alerting/alarms", "Alarms", Right::AlarmsView, Badge::OpenAlarms),
            entry("/health/alerting/events", "Events", Right::HealthView),
        ],
    },
    Area {
        key: "ops",
        title: "Ops",
        entries: &[
            entry("/ops/queues", "Queues", Right::QueuesView),
            entry("/ops/workers", "Workers", Right::QueuesView),
            entry("/ops/tasks", "Tasks", Right::QueuesView),
            entry("/ops/failures", "Failures", Right::QueuesView),
            entry("/ops/cron", "Cron", Right::QueuesView),
            entry("/ops/database", "Database", Right::QueuesView),
            entry("/ops/bulk", "Bulk operations", Right::QueuesView),
        ],
    },
];

/// An area as one user sees it.
#[derive(Debug)]
pub struct AreaView {
    /// The area.
    pub area: &'static Area,
    /// True when the current page is in it.
    pub open: bool,
    /// What the user may see.
    pub entries: Vec<EntryView>,
    /// The most urgent count of its entries, shown while it is folded.
    pub badge: Option<Count>,
}

/// An entry as one user sees it.
#[derive(Debug)]
pub struct EntryView {
    /// The entry.
    pub entry: &'static Entry,
    /// True when it is the current page.
    pub current: bool,
    /// Its count, if above zero.
    pub badge: Option<Count>,
}

/// A count with its tone and what it counts.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// How many.
    pub n: i64,
    /// `bad`, `warn` or empty.
    pub tone: &'static str,
    /// Word for readers: ` open`, ` running`.
    pub what: &'static str,
}

/// The topics that move the counts which `shell` sees.
pub fn topics(shell: &Shell) -> Vec<&'static str> {
    let badges = AREAS.iter().flat_map(|area| area.entries).filter(|entry| shell.may(entry.right));
    let mut topics: Vec<&str> = badges.filter_map(|entry| entry.badge).map(Badge::topic).collect();
    topics.dedup();
    topics
}

impl Badge {
    const fn topic(self) -> &'static str {
        match self {
            Self::RunningScans => live::SCANS,
            Self::OpenAlarms => live::ALARMS,
        }
    }

    fn count(self, shell: &Shell) -> Option<Count> {
        let (n, tone, what) = match self {
            Self::RunningScans => (shell.counts.running_scans, "", " running"),
            Self::OpenAlarms => (shell.counts.open_alarms, "bad", " open"),
        };
        (n > 0).then_some(Count { n, tone, what })
    }
}

/// The navigation of one user on one page.
pub fn view(shell: &Shell, current: &str) -> Vec<AreaView> {
    let mut areas = Vec::new();
    for area in AREAS {
        let entries: Vec<EntryView> = area
            .entries
            .iter()
            .filter(|entry| shell.may(entry.right))
            .map(|entry| EntryView {
                entry,
                current: entry.path == current,
                badge: entry.badge.and_then(|badge| badge.count(shell)),
            })
            .collect();
        if entries.is_empty() {
            continue;
        }
        let badge = entries.iter().filter_map(|entry| entry.badge).max_by_key(|count| (count.tone == "bad", count.n));
        let open = current.split('/').nth(1) == Some(area.key);
        areas.push(AreaView { area, open, entries, badge });
    }
    areas
}
