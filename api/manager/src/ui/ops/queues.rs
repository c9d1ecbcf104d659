//! `/ops/queues`: a line a queue, and one sentence: is anything late, failing or stuck, and why?
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use mipo_app::ops::views::overview::{Deploy, Overview, QueueLine};
use mipo_app::ops::views::{self, Count};
use mipo_domain::rights::Right;

use super::limits::LIMITS;
use super::pictures::{self, Share};
use super::verdict::{self, Clause, Verdict};
use super::words;
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::RowMenu;
use crate::ui::{self, Html, Page, Region, show};

/// The page.
pub(super) const PATH: &str = "/ops/queues";

/// The page of tasks with a filter.
pub(super) fn tasks(filter: &str) -> String {
    format!("{}?q={}", super::tasks::PATH, encode(filter))
}

/// A state of tasks in a line, with the way to them.
pub(super) struct Part {
    pub(super) words: String,
    pub(super) href: String,
    state: &'static str,
}

impl Part {
    /// With a capital.
    pub(super) fn state(&self) -> String {
        show::label(self.state)
    }
}

#[derive(Template)]
#[template(path = "ops/queues.html", blocks = ["whole"])]
struct List {
    page: Page,
    lines: Vec<QueueLine>,
    deploys: Vec<Deploy>,
    clauses: Vec<Clause>,
    /// The clock of the database, which the samples go by.
    now: DateTime<Utc>,
}

impl List {
    fn new(page: Page, overview: Overview) -> Self {
        let mut lines = overview.queues;
        lines.sort_by(|a, b| verdict::urgency(b).total_cmp(&verdict::urgency(a)).then_with(|| a.name.cmp(&b.name)));
        let clauses = lines.iter().filter_map(verdict::clause).collect();
        Self { page, lines, deploys: overview.deploys, clauses, now: overview.now }
    }

    fn may_act(&self) -> bool {
        self.page.shell.may(Right::QueuesExecute)
    }

    /// Queues that have no clause of their own.
    fn others(&self) -> String {
        match (self.clauses.len(), self.lines.len() - self.clauses.len()) {
            (_, 0) => String::new(),
            (0, all) => format!("All {all} queues are on time."),
            (_, 1) => "The other one is on time.".to_owned(),
            (_, others) => format!("The other {others} are on time."),
        }
    }

    /// What is said aloud when it becomes another: figures that move by the second would never be silent.
    fn said(&self) -> String {
        let said: Vec<String> =
            self.clauses.iter().map(|clause| format!("{} {}.", clause.queue, clause.verdict.is())).collect();
        if said.is_empty() { self.others() } else { said.join(" ") }
    }

    fn total(&self, of: impl Fn(&QueueLine) -> Count) -> Count {
        self.lines.iter().map(of).fold(Count::exact(0), |sum, count| Count {
            value: sum.value + count.value,
            about: sum.about || count.about,
        })
    }

    fn wait(&self) -> Count {
        self.total(verdict::pending)
    }

    fn running(&self) -> Count {
        self.total(|line| line.counts.running)
    }

    fn dead(&self) -> Count {
        self.total(|line| line.counts.dead)
    }

    fn hour(&self) -> String {
        let now = self.now;
        format!("last hour, {} to {}", (now - chrono::TimeDelta::hours(1)).format("%H:%M"), now.format("%H:%M"))
    }
}

/// What a template asks of a line.
pub(super) trait Drawn {
    fn verdict(&self) -> Verdict;
    fn path(&self) -> String;
    fn age(&self) -> Option<String>;
    fn gauge(&self) -> Html;
    fn depth(&self) -> Html;
    fn parts(&self) -> Vec<Part>;
    fn dead_link(&self) -> String;
    fn spark(&self, deploys: &[Deploy], now: &DateTime<Utc>) -> Html;
    fn failed(&self) -> String;
    fn drain(&self) -> String;
    fn grows(&self) -> bool;
    fn menu(&self, page: &Page) -> RowMenu;
}

impl Drawn for QueueLine {
    fn verdict(&self) -> Verdict {
        Verdict::of(self)
    }

    fn path(&self) -> String {
        format!("{PATH}/{}", self.name)
    }

    fn age(&self) -> Option<String> {
        self.oldest_age_seconds.map(words::waited)
    }

    fn gauge(&self) -> Html {
        let tone = match (self.settings.paused, verdict::lateness(self)) {
            (true, _) => "idle",
            (_, share) if share > 1.0 => "bad",
            (_, share) if share > 0.7 => "warn",
            _ => "",
        };
        pictures::gauge(self.oldest_age_seconds, f64::from(self.age_target_seconds), tone)
    }

    fn depth(&self) -> Html {
        let counts = &self.counts;
        let share = |state, count: Count| Share { state, count: count.value };
        pictures::depth(&[
            share("running", counts.running),
            share("ready", counts.ready),
            share("waiting", counts.waiting),
            share("retrying", counts.retrying),
            share("scheduled", counts.scheduled),
            share("snoozed", counts.snoozed),
        ])
    }

    fn parts(&self) -> Vec<Part> {
        let counts = &self.counts;
        let all = [
            ("running", counts.running),
            ("ready", counts.ready),
            ("waiting", counts.waiting),
            ("retrying", counts.retrying),
            ("scheduled", counts.scheduled),
            ("snoozed", counts.snoozed),
        ];
        let part = |(state, count): (&'static str, Count)| Part {
            words: format!("{} {state}", words::count(count)),
            state,
            href: tasks(&format!("queue:{} status:{state}", self.name)),
        };
        all.into_iter().filter(|(_, count)| count.value > 0).map(part).collect()
    }

    fn dead_link(&self) -> String {
        tasks(&format!("queue:{} status:dead", self.name))
    }

    fn spark(&self, deploys: &[Deploy], now: &DateTime<Utc>) -> Html {
        pictures::spark(&self.points, deploys, *now, self.verdict().tone_of_figures())
    }

    fn failed(&self) -> String {
        self.failed_share.map_or_else(|| "–".to_owned(), verdict::share)
    }

    fn drain(&self) -> String {
        match self.drain_seconds {
            Some(seconds) if seconds <= 0.0 => "–".to_owned(),
            Some(seconds) => show::duration(seconds.ceil() as i64),
            None if self.settings.paused => "paused".to_owned(),
            None if self.grows() => "grows".to_owned(),
            None => "–".to_owned(),
        }
    }

    fn grows(&self) -> bool {
        !self.settings.paused && self.drain_seconds.is_none() && self.in_per_second > self.out_per_second
    }

    fn menu(&self, page: &Page) -> RowMenu {
        let may = page.shell.may(Right::QueuesExecute);
        let (name, path) = (&self.name, self.path());
        let dead = may && self.counts.dead.value > 0;
        let retry = format!("/ops/bulk/new?action=retry&q={}", encode(&format!("queue:{name} status:dead")));
        RowMenu::new(page, format!("queue-{name}"), format!("queue {name}"))
            .keyed("p")
            .dialog_if(may && !self.settings.paused, format!("{path}/pause"), &format!("pause-{name}"), "Pause…")
            .keyed("p")
            .post_if(may && self.settings.paused, format!("{path}/resume"), "Resume")
            .dialog_if(may, format!("{path}/limits"), &format!("limits-{name}"), "Limits…")
            .link(tasks(&format!("queue:{name}")), "Its tasks")
            .keyed("r")
            .link_if(dead, retry, &format!("Retry {} dead…", words::count(self.counts.dead)))
    }
}

/// The page, or its region.
pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.look("ops.queues_page").await?;
    let overview = views::overview(&mut tx, &app.ctx(&signed.caller)).await?;
    let view = List::new(page.at(PATH, "Queues"), overview);
    Ok(match region.name() {
        Some("queues") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
