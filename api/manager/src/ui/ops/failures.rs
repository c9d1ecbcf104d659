//! `/ops/failures`: what breaks, since when, how often and in which version; retried, discarded or hidden group by group.
use std::collections::BTreeMap;
use std::fmt::Display;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use mipo_app::ops::failures as use_cases;
use mipo_app::ops::views::failures::FailureGroup;
use mipo_app::ops::views::{self, Filter, Shown, Test};
use mipo_app::{AppError, FieldError};
use mipo_domain::rights::Right;

use super::{pictures, tasks};
use crate::http::Posted;
use crate::lists::{encode, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::RowMenu;
use crate::ui::{self, Html, Page, Region, show};

/// The page.
const PATH: &str = "/ops/failures";
const TITLE: &str = "Failures";
/// As `datetime-local` writes it.
const MINUTES: &str = "%Y-%m-%dT%H:%M";
/// Columns of the grid: title, hours from and to, and the terms of the filter that mean the same.
const AGES: [(&str, usize, usize, &str); 4] = [
    ("Last hour", 0, 1, "age:<1h"),
    ("1 to 6 h", 1, 6, "age:>1h age:<6h"),
    ("6 to 24 h", 6, 24, "age:>6h age:<24h"),
    ("Older", 24, usize::MAX, "age:>24h"),
];

/// A group as it is shown.
struct Group {
    one: FailureGroup,
}

impl Group {
    fn filter(&self, only_dead: bool) -> String {
        let group = Test::Fingerprint(vec![self.one.fingerprint.clone()]);
        let filter = if only_dead { Filter::all().and(Test::Status(vec![Shown::Dead])) } else { Filter::all() };
        filter.and(group).to_string()
    }

    /// Its tasks: the dead ones, or those that are tried again when none is dead.
    fn tasks(&self) -> String {
        format!("{}?q={}", tasks::PATH, encode(&self.filter(self.one.dead.value > 0)))
    }

    fn bulk(&self, action: &str) -> String {
        format!("/ops/bulk/new?action={action}&q={}", encode(&self.filter(true)))
    }

    fn snooze_path(&self) -> String {
        format!("{PATH}/snooze?group={}", encode(&self.one.fingerprint))
    }

    /// The first line of its error.
    fn error(&self) -> &str {
        self.one.error.lines().next().filter(|line| !line.is_empty()).unwrap_or(&self.one.fingerprint)
    }

    fn trend(&self) -> Html {
        pictures::deaths(&self.one.trend)
    }

    fn versions(&self) -> String {
        self.one.versions.join(", ")
    }

    fn menu(&self, page: &Page, n: impl Display) -> RowMenu {
        let may = page.shell.may(Right::QueuesExecute);
        let dead = self.one.dead_sample.filter(|_| may);
        let retry = dead.map(|id| format!("{}/{id}/retry", tasks::PATH)).unwrap_or_default();
        RowMenu::new(page, format!("group-{n}"), format!("failures of {}: {}", self.one.kind, self.error()))
            .link(self.tasks(), "Open its tasks")
            .link(format!("{}/{}", tasks::PATH, self.one.sample), "Open the newest")
            .keyed("r")
            .post_with(dead.is_some(), retry, &[("back", PATH)], "Retry one")
            .keyed("a")
            .link_if(dead.is_some(), self.bulk("retry"), "Retry all…")
            .keyed("s")
            .link_if(may && self.one.snooze.is_none(), self.snooze_path(), "Snooze…")
            .keyed("s")
            .post_with(
                may && self.one.snooze.is_some(),
                format!("{PATH}/show"),
                &[("group", &self.one.fingerprint)],
                "Show again",
            )
            .keyed("d")
            .harm_if(dead.is_some(), self.bulk("discard"), "Discard all…")
    }
}

/// A line of the grid: how many of a kind died in each span.
struct Line {
    kind: String,
    cells: Vec<(i64, String)>,
}

/// Kinds with most deaths in the last hour first.
fn grid(groups: &[Group]) -> Vec<Line> {
    let mut kinds: BTreeMap<&str, [i64; AGES.len()]> = BTreeMap::new();
    for Group { one } in groups.iter().filter(|group| group.one.dead.value > 0) {
        let cells = kinds.entry(&one.kind).or_default();
        for (cell, (_, from, to, _)) in cells.iter_mut().zip(AGES) {
            // The trend has the last hour at its end.
            *cell += one.trend.iter().rev().skip(from).take(to.saturating_sub(from)).sum::<i64>();
        }
        cells[AGES.len() - 1] += one.dead.value - one.trend.iter().sum::<i64>();
    }
    let mut lines: Vec<Line> = kinds
        .into_iter()
        .map(|(kind, cells)| Line {
            kind: kind.to_owned(),
            cells: cells
                .into_iter()
                .zip(AGES)
                .map(|(count, (_, _, _, age))| (count, format!("status:dead kind:{kind} {age}")))
                .collect(),
        })
        .collect();
    lines.sort_by(|a, b| b.cells.iter().map(|cell| cell.0).cmp(a.cells.iter().map(|cell| cell.0)));
    lines
}

#[derive(Template)]
#[template(path = "ops/failures.html", blocks = ["whole"])]
struct List {
    page: Page,
    groups: Vec<Group>,
    snoozed: Vec<Group>,
    grid: Vec<Line>,
}

impl List {
    fn ages(&self) -> impl Iterator<Item = &'static str> {
        AGES.into_iter().map(|(title, _, _, _)| title)
    }

    fn lede(&self) -> String {
        let sum = |count: fn(&FailureGroup) -> i64| self.groups.iter().map(|group| count(&group.one)).sum::<i64>();
        let about = if self.groups.iter().any(|group| group.one.dead.about) { "About " } else { "" };
        match (self.groups.len(), self.snoozed.len()) {
            (0, 0) => "Nothing is failing: no task is dead, and none is tried again.".to_owned(),
            (0, hidden) => format!("All that fails is snoozed: {}.", show::count(hidden, "group", "groups")),
            (shown, _) => format!(
                "{about}{} in {}; {} tried again without you.",
                show::count(sum(|one| one.dead.value), "task is dead", "tasks are dead"),
                show::count(shown, "group", "groups"),
                show::count(sum(|one| one.failing.value), "more is", "more are")
            ),
        }
    }

    fn list_of(cell: &(i64, String)) -> String {
        format!("{}?q={}", tasks::PATH, encode(&cell.1))
    }

    fn menu(&self, group: &Group, n: impl Display) -> RowMenu {
        group.menu(&self.page, n)
    }
}

/// The page, or all of it below the bar.
pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.look("ops.failures_page").await?;
    let found = views::failures(&mut tx, &app.ctx(&signed.caller)).await?;
    let all: Vec<Group> = found.into_iter().map(|one| Group { one }).collect();
    let grid = grid(&all);
    let (snoozed, groups) = all.into_iter().partition(|group| group.one.snooze.is_some());
    let view = List { page: page.at(PATH, TITLE), groups, snoozed, grid };
    Ok(match region.name() {
        Some("failures") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

#[derive(Template)]
#[template(path = "ops/failure-snooze.html")]
struct SnoozePage {
    page: Page,
    form: Form,
    group: Group,
}

async fn draw(page: Page, app: &App, signed: &SignedIn, form: Form) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.look("ops.snooze_page").await?;
    let found = views::failures(&mut tx, &ctx).await?.into_iter().find(|one| one.fingerprint == form.value("group"));
    let group = Group { one: found.ok_or(AppError::NotFound("failure group"))? };
    let page = page.at(PATH, format!("Snooze failures of {}?", group.one.kind)).under(TITLE, PATH);
    let view = SnoozePage { page, form, group };
    Ok(ui::render_with(view.form.status(), &view, &view.page))
}

/// Asks until when and why; a day is offered.
pub(super) async fn snooze_page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let group = pairs(raw.as_deref().unwrap_or_default()).into_iter().find(|(name, _)| name == "group");
    let until = page.shell.now + TimeDelta::days(1);
    let form = Form::from_pairs(group).with("until", until.format(MINUTES).to_string());
    draw(page, &app, &signed, form).await
}

/// Reads the end; it is UTC, as everything that is shown.
fn until(form: &Form) -> Result<DateTime<Utc>, FieldError> {
    let text = form.value("until");
    NaiveDateTime::parse_from_str(text, MINUTES).map(|at| at.and_utc()).map_err(|_| {
        FieldError::new("until", "not_a_time", format!("“{text}” is not a time; write 2030-12-31T18:00 (UTC)."))
    })
}

/// Hides the group.
pub(super) async fn snooze(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let until = match until(&form) {
        Ok(until) => until,
        Err(error) => return draw(page, &app, &signed, form.refuse(vec![error])).await,
    };
    let mut tx = app.db.tx("ops.snooze_failure").await?;
    match use_cases::snooze(&mut tx, &ctx, form.value("group"), Some(until), form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, "The group is snoozed; a new version that fails so ends it early."))
        }
        Err(AppError::Invalid(errors)) => {
            drop(tx);
            draw(page, &app, &signed, form.refuse(errors)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the snooze.
pub(super) async fn show_again(
    _page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.show_failure").await?;
    use_cases::snooze(&mut tx, &app.ctx(&signed.caller), form.value("group"), None, form.value("reason")).await?;
    tx.commit().await?;
    Ok(flash::redirect(PATH, Tone::Good, "The group shows again."))
}
