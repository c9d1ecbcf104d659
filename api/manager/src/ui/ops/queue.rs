//! `/ops/queues/:name`: one queue, how long its tasks waited and ran, and what bounds it.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::ops::views;
use mipo_app::ops::views::overview::QueueLine;
use mipo_app::ops::views::queue::{KindTimes, QueueDetail, Range, TimesPoint};
use mipo_domain::rights::Right;

use super::latency::{self, Span};
use super::limits::LIMITS;
use super::queues::{Drawn as _, PATH, tasks};
use super::verdict::{self, Clause};
use crate::http::Id;
use crate::lists::{encode, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::{self, Html, Page, Region, show};

#[derive(Template)]
#[template(path = "ops/queue.html", blocks = ["whole"])]
struct One {
    page: Page,
    line: QueueLine,
    clause: Option<Clause>,
    kinds: Vec<KindTimes>,
    deploys: Vec<views::overview::Deploy>,
    range: Range,
}

impl One {
    fn new(page: Page, detail: QueueDetail) -> Self {
        let QueueDetail { line, deploys, range, kinds } = detail;
        let page = page.at(PATH, line.name.clone()).under("Queues", PATH);
        Self { page, clause: verdict::clause(&line), line, kinds, deploys, range }
    }

    fn may_act(&self) -> bool {
        self.page.shell.may(Right::QueuesExecute)
    }

    /// The address of this view.
    fn here(&self) -> String {
        format!("{}?range={}", self.line.path(), self.range.as_str())
    }

    fn said(&self) -> String {
        format!("{} {}.", self.line.name, self.line.verdict().is())
    }

    fn ranges(&self) -> [(Range, &'static str); 4] {
        [
            (Range::Hour, "Last hour"),
            (Range::Day, "Last day"),
            (Range::Week, "Last week"),
            (Range::Month, "Last 30 days"),
        ]
    }

    fn is(&self, range: Range) -> bool {
        range == self.range
    }

    fn tasks_of(&self, kind: &str) -> String {
        tasks(&format!("queue:{} kind:{kind}", self.line.name))
    }

    fn all_tasks(&self) -> String {
        tasks(&format!("queue:{}", self.line.name))
    }

    fn retry(&self) -> String {
        format!("/ops/bulk/new?action=retry&q={}", encode(&format!("queue:{} status:dead", self.line.name)))
    }

    fn span(&self) -> Span {
        Span { now: self.page.shell.now, seconds: self.range.seconds(), step: self.range.step_seconds() }
    }

    fn waited(&self, kind: &KindTimes) -> Html {
        let points: Vec<_> = kind.points.iter().map(|point| (point.at, point.wait)).collect();
        let target = f64::from(self.line.age_target_seconds) * 1000.0;
        latency::draw(&format!("Time that {} waited", kind.kind), self.span(), &points, Some(target), &self.deploys)
    }

    fn ran(&self, kind: &KindTimes) -> Html {
        let points: Vec<_> = kind.points.iter().map(|point| (point.at, point.run)).collect();
        latency::draw(&format!("Time that {} ran", kind.kind), self.span(), &points, None, &self.deploys)
    }

    /// Newest first, as far as a table is read.
    fn rows<'a>(&self, kind: &'a KindTimes) -> impl Iterator<Item = &'a TimesPoint> {
        kind.points.iter().rev()
    }

    fn sum(&self, kind: &KindTimes, of: &str) -> String {
        let value = |point: &TimesPoint| match of {
            "done" => point.done,
            "failed" => point.failed,
            _ => point.dead,
        };
        show::number(kind.points.iter().map(value).sum::<i64>())
    }

    fn limit(&self, limit: &super::limits::Limit) -> String {
        let value = limit.of(&self.line.settings);
        match (value.is_empty(), limit.name) {
            (true, "keepDoneDays" | "keepDeadDays") => "as the product has it".to_owned(),
            (true, _) => "no bound".to_owned(),
            (false, _) => value,
        }
    }
}

/// The page, or its region.
pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    // An address with a range that is none shows the usual one.
    let asked = pairs(raw.as_deref().unwrap_or_default()).into_iter().find(|(name, _)| name == "range");
    let range = asked.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let mut tx = app.db.look("ops.queue_page").await?;
    let detail = views::queue(&mut tx, &app.ctx(&signed.caller), &name, range).await?;
    let view = One::new(page, detail);
    Ok(match region.name() {
        Some("queue") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
