//! `/ops/tasks`: the tasks, live and ended, narrowed by the filter language.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::ops::saved_views::{self, SavedView};
use mipo_app::ops::views::tasks::{Ask, Order, PAGE_MAX, TaskPage, TaskRow};
use mipo_app::ops::views::{self, BadFilter, BadToken, Count, Filter, Shown, Term, Test};
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;

use super::can::Can;
use super::words;
use crate::lists::{Columns, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, show};

/// The page.
pub(super) const PATH: &str = "/ops/tasks";
/// The name of the page in saved views.
pub(super) const VIEW_PAGE: &str = "ops/tasks";

const COLUMNS: Columns = Columns { sort: &["id"], default_sort: "-id", ..Columns::NONE };
const COLS: &[Col] = &[
    Col::lead("kind", "Kind"),
    Col::text("id", "Task"),
    Col::text("queue", "Queue"),
    Col::text("status", "Status"),
    Col::num("attempts", "Attempts"),
    Col::num("age", "Age"),
    Col::num("wait", "Waited"),
    Col::num("run", "Ran"),
    Col::fill("error", "Error"),
    Col::num("priority", "Priority").extra(),
    Col::text("worker", "Worker").extra(),
    Col::text("made", "Made").extra(),
];

/// What the address asks for.
struct Asked {
    list: Listing,
    /// The filter as it was typed.
    text: String,
    filter: Result<Filter, Vec<BadToken>>,
    after: Option<TaskId>,
    order: Order,
}

impl Asked {
    fn read(raw: Option<&str>) -> Self {
        let mut list = Listing::read(PATH, raw, &COLUMNS).showing(COLS);
        let given = pairs(raw.unwrap_or_default());
        let value = |wanted: &str| {
            given.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim()).unwrap_or_default()
        };
        let text = value("q").to_owned();
        // Filters are longer than the words that other lists look for.
        list.query.q = Some(text.clone()).filter(|text| !text.is_empty());
        let filter = text.parse().map_err(|BadFilter(bad)| bad);
        // An address with a cursor that is none begins at the beginning.
        let after = value("cursor").parse().ok();
        let order = if list.query.first_sort() == ("id", false) { Order::Oldest } else { Order::Newest };
        Self { list, text, filter, after, order }
    }

    fn ask(&self) -> Option<Ask> {
        let limit = u16::try_from(self.list.query.page_size).unwrap_or(PAGE_MAX);
        self.filter.as_ref().ok().map(|filter| Ask {
            filter: filter.clone(),
            order: self.order,
            after: self.after,
            limit,
        })
    }

    /// The filter without what it says of states.
    fn rest(&self) -> Filter {
        let mut filter = self.filter.clone().unwrap_or_default();
        filter.terms.retain(|term| !matches!(term.test, Test::Status(_)));
        filter
    }

    /// The one state that the filter asks for, if it is one.
    fn state(&self) -> Option<Shown> {
        let filter = self.filter.as_ref().ok()?;
        let mut terms = filter.terms.iter().filter(|term| matches!(term.test, Test::Status(_)));
        match (terms.next(), terms.next()) {
            (Some(Term { not: false, test: Test::Status(states) }), None) if states.len() == 1 => {
                states.first().copied()
            }
            _ => None,
        }
    }
}

/// A state to choose, with how many are in it.
struct Tab {
    title: String,
    href: String,
    current: bool,
    count: Option<String>,
    tone: &'static str,
}

/// A piece of the filter as it was typed; wrong ones are marked.
struct Piece {
    text: String,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "ops/tasks.html", blocks = ["tabs", "rows"])]
struct List {
    page: Page,
    asked: Asked,
    tabs: Vec<Tab>,
    found: TaskPage,
    views: Vec<SavedView>,
}

impl List {
    fn list(&self) -> &Listing {
        &self.asked.list
    }

    fn text(&self) -> &str {
        &self.asked.text
    }

    fn bad(&self) -> &[BadToken] {
        self.asked.filter.as_ref().err().map_or(&[], Vec::as_slice)
    }

    fn pieces(&self) -> Vec<Piece> {
        pieces(&self.asked.text, self.bad())
    }

    fn may_act(&self) -> bool {
        self.page.shell.may(Right::QueuesExecute)
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_none()
    }

    /// The address of this view, without its page.
    fn here(&self) -> String {
        self.list().link("cursor", None)
    }

    /// What a saved view of this page keeps.
    fn query(&self) -> String {
        self.here().split_once('?').map_or_else(String::new, |(_, query)| query.to_owned())
    }

    fn total(&self) -> Option<String> {
        self.found.total.map(words::count)
    }

    /// How many tasks the page is about, for whoever acts on all of them.
    fn all(&self) -> String {
        match self.found.total {
            Some(Count { value: 1, about: false }) => "the one task".to_owned(),
            Some(count) => format!("all {}", words::count(count)),
            None => "all tasks".to_owned(),
        }
    }

    fn next(&self) -> Option<String> {
        self.found.next.map(|id| id.to_string())
    }

    /// The way on when the page ends before the tasks do.
    fn further(&self) -> Option<String> {
        self.found.looked_until.and(self.next()).map(|next| self.list().link("cursor", Some(&next)))
    }

    fn pager(&self) -> ui::Html {
        let next = self.next().filter(|_| self.found.looked_until.is_none());
        self.list().pager_along(self.found.items.len(), self.total().as_deref(), next.as_deref(), self.is_first())
    }

    fn menu(&self, task: &TaskRow) -> RowMenu {
        Can::of(&self.page, &task.state, &task.kind, task.cancel_requested).menu(
            &self.page,
            task.id,
            &task.kind,
            &self.here(),
        )
    }

    fn views_of(&self, own: bool) -> impl Iterator<Item = &SavedView> {
        self.views.iter().filter(move |view| view.own == own)
    }

    /// Its query is the one of this address.
    fn is_here(&self, view: &SavedView) -> bool {
        view.query == self.query()
    }
}

/// The filter cut at its wrong tokens, which know where they begin.
fn pieces(text: &str, bad: &[BadToken]) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    for token in bad {
        let from = (token.position - 1).min(chars.len());
        let to = (from + token.token.chars().count()).min(chars.len());
        let mut push = |from: usize, to: usize, wrong| {
            if from < to {
                pieces.push(Piece { text: chars[from..to].iter().collect(), wrong });
            }
        };
        push(at.min(from), from, false);
        push(from, to, true);
        at = to;
    }
    if at < chars.len() {
        pieces.push(Piece { text: chars[at..].iter().collect(), wrong: false });
    }
    pieces
}

fn tabs(asked: &Asked, counts: &[(Shown, Option<Count>)]) -> Vec<Tab> {
    let (rest, current) = (asked.rest(), asked.state());
    let all = asked.filter.as_ref().is_ok_and(|filter| *filter == rest);
    let mut tabs = vec![Tab {
        title: "All".to_owned(),
        href: asked.list.link("q", Some(&rest.to_string())),
        current: all,
        count: None,
        tone: "",
    }];
    for (state, count) in counts {
        let filter = Filter::all().and(Test::Status(vec![*state]));
        let text = format!("{filter} {rest}");
        let some = count.is_some_and(|count| count.value > 0);
        tabs.push(Tab {
            title: show::label(state.as_str()),
            href: asked.list.link("q", Some(text.trim())),
            current: current == Some(*state),
            count: count.map(words::count),
            tone: if *state == Shown::Dead && some { "bad" } else { "" },
        });
    }
    tabs
}

/// The page, or one of its regions.
pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let asked = Asked::read(raw.as_deref());
    let mut tx = app.db.look("ops.tasks_page").await?;
    let counts = match region.name() {
        Some("rows") => Vec::new(),
        _ => views::by_state(&mut tx, &ctx, &asked.rest()).await?,
    };
    let found = match asked.ask().filter(|_| region.name() != Some("tabs")) {
        Some(ask) => views::tasks(&mut tx, &ctx, &ask).await?,
        None => TaskPage { items: Vec::new(), next: None, looked_until: None, total: None },
    };
    drop(tx);
    let views = if region.name().is_none() && page.shell.may(Right::QueuesView) {
        // They belong to users, of whom the role of the queue pages knows nothing.
        let mut tx = app.db.read("ops.tasks_views").await?;
        saved_views::list(&mut tx, &ctx, VIEW_PAGE).await?
    } else {
        Vec::new()
    };
    let tabs = tabs(&asked, &counts);
    let status = if asked.filter.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = List { page: page.at(PATH, "Tasks"), asked, tabs, found, views };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        Some("tabs") => ui::render(&view.as_tabs(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::encode;

    #[test]
    fn a_wrong_term_is_marked_where_it_stands() {
        let text = "queue:repair staus:dead kind:x error:";
        let bad = text.parse::<Filter>().unwrap_err().0;
        let pieces = pieces(text, &bad);
        let wrong: Vec<&str> = pieces.iter().filter(|piece| piece.wrong).map(|piece| &*piece.text).collect();
        assert_eq!(wrong, ["staus:dead", "error:"]);
        assert_eq!(pieces.iter().map(|piece| &*piece.text).collect::<String>(), text);
    }

    #[test]
    fn a_tab_changes_the_state_and_nothing_else() {
        let asked = Asked::read(Some("q=status:dead+queue:repair&pageSize=50&cursor=x"));
        assert_eq!(asked.state(), Some(Shown::Dead));
        let tabs = tabs(&asked, &[(Shown::Ready, None), (Shown::Dead, Some(Count { value: 2, about: false }))]);
        assert_eq!(tabs[0].href, "/ops/tasks?pageSize=50&q=queue:repair");
        assert_eq!(tabs[1].href, format!("/ops/tasks?pageSize=50&q={}", encode("status:ready queue:repair")));
        assert_eq!((tabs[0].current, tabs[1].current, tabs[2].current), (false, false, true));
        assert_eq!((tabs[2].count.as_deref(), tabs[2].tone), (Some("2"), "bad"));
    }
}
