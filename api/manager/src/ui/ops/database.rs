//! `/ops/database`: how large the tables of the queue are, and what in the database is in their way.
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use mipo_app::ops::views;
use mipo_app::ops::views::database::{Database, Holder, TableSize};

use super::words;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::{self, Page, Region, show};

/// The page.
const PATH: &str = "/ops/database";
/// Seconds after which an open transaction is worth a look: dead rows of everything since then pile up.
const LONG_TRANSACTION: f64 = 300.0;
/// Seconds after which a statement on the queue is slow: those of the queue take milliseconds.
const SLOW_STATEMENT: f64 = 1.0;
/// PostgreSQL refuses to commit notifications when its queue is full.
const NOTIFY_FULL: f64 = 0.5;
/// So many dead rows are a table that the vacuum does not keep up with, when they are also a fifth of it.
const MANY_DEAD: i64 = 10_000;

/// One thing that was looked at, and whether it is well.
struct Check {
    icon: &'static str,
    tone: &'static str,
    text: String,
    more: String,
}

impl Check {
    const fn well(text: String, more: String) -> Self {
        Self { icon: "s-ok", tone: "good", text, more }
    }

    const fn warn(text: String, more: String) -> Self {
        Self { icon: "s-warn", tone: "warn", text, more }
    }

    fn is_well(&self) -> bool {
        self.tone == "good"
    }
}

#[derive(Template)]
#[template(path = "ops/database.html", blocks = ["whole"])]
struct Panel {
    page: Page,
    db: Database,
    checks: Vec<Check>,
}

/// Who it is, as people look for it.
fn holder_name(holder: &Holder) -> String {
    let who = if holder.application.is_empty() { &holder.role } else { &holder.application };
    if who.is_empty() {
        format!("{} {}", holder.what, holder.name)
    } else {
        format!("{who}, {} {}", holder.what, holder.name)
    }
}

fn is_bloated(table: &TableSize) -> bool {
    table.dead_rows >= MANY_DEAD && table.dead_rows * 5 >= table.rows + table.dead_rows
}

fn share(table: &TableSize) -> String {
    show::percent(table.dead_rows, table.rows + table.dead_rows)
}

fn vacuum(db: &Database) -> Check {
    let Some(holder) = db.holders.first() else {
        return Check::well(
            "Nothing holds the vacuum back".to_owned(),
            "No transaction, replication slot or prepared transaction keeps an old snapshot.".to_owned(),
        );
    };
    let age = show::count(holder.xmin_age, "transaction", "transactions");
    let name = holder_name(holder);
    match holder.seconds {
        Some(seconds) if seconds < LONG_TRANSACTION => Check::well(
            format!("The oldest snapshot is {} old", words::age(seconds)),
            format!("Held by {name}, {age} ago. That is short."),
        ),
        Some(seconds) => Check::warn(
            format!("A transaction is open for {}", words::age(seconds)),
            format!("Held by {name}, {age} ago. Dead rows made since then stay until it ends."),
        ),
        None if holder.what == "session" => {
            Check::well("The oldest snapshot is fresh".to_owned(), format!("Held by {name}, {age} ago."))
        }
        None => Check::warn(
            format!("A {} holds the vacuum back", holder.what),
            format!("{}, {age} ago. Dead rows made since then stay until it moves on or is dropped.", holder.name),
        ),
    }
}

fn tables(db: &Database) -> Check {
    match db.tables.iter().filter(|table| is_bloated(table)).max_by_key(|table| table.dead_rows) {
        Some(worst) => Check::warn(
            format!("{} has many dead rows", worst.name),
            format!(
                "{}, {} of the table: the vacuum does not keep up.",
                show::count(worst.dead_rows, "row", "rows"),
                share(worst)
            ),
        ),
        None => Check::well(
            "The vacuum keeps up".to_owned(),
            format!(
                "{} in all tables of the queue.",
                show::count(
                    db.tables.iter().map(|table| table.dead_rows).sum::<i64>(),
                    "dead row waits",
                    "dead rows wait"
                )
            ),
        ),
    }
}

fn notify(db: &Database) -> Check {
    let used = format!("{:.1} % of the queue of notifications is used", db.notify_used * 100.0);
    if db.notify_used < NOTIFY_FULL {
        return Check::well(used, "Workers hear of new tasks at once.".to_owned());
    }
    Check::warn(
        used,
        "A session listens and does not read. When the queue is full, nothing more can be enqueued.".to_owned(),
    )
}

fn slowest(db: &Database) -> Check {
    match &db.slowest {
        None => {
            Check::well("No statement on the queue runs right now".to_owned(), "They take milliseconds.".to_owned())
        }
        Some(statement) => {
            let text = format!(
                "The slowest statement on the queue runs for {}",
                words::milliseconds(statement.seconds * 1000.0)
            );
            let who = if statement.application.is_empty() { "a session" } else { &statement.application };
            let waits = statement.waits_for.as_ref().map(|what| format!(", waits for {what}")).unwrap_or_default();
            let more = format!("By {who}, process {}{waits}.", statement.pid);
            if statement.seconds < SLOW_STATEMENT { Check::well(text, more) } else { Check::warn(text, more) }
        }
    }
}

impl Panel {
    fn new(page: Page, db: Database) -> Self {
        let checks = vec![vacuum(&db), tables(&db), slowest(&db), notify(&db)];
        Self { page, db, checks }
    }

    fn lede(&self) -> String {
        let wrong = self.checks.iter().filter(|check| !check.is_well()).count();
        let size = words::bytes(self.db.size_bytes);
        match wrong {
            0 => format!("Nothing is in the way of the queue. The database has {size}."),
            _ => format!("{} a look. The database has {size}.", show::count(wrong, "thing needs", "things need")),
        }
    }

    /// Bytes of the largest table.
    fn largest(&self) -> i64 {
        self.db.tables.iter().map(|table| table.bytes).max().unwrap_or_default().max(1)
    }

    fn queue_bytes(&self) -> i64 {
        self.db.tables.iter().map(|table| table.bytes).sum()
    }
}

/// The page, or all of it below the bar.
pub(super) async fn panel(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.look("ops.database_page").await?;
    let db = views::database(&mut tx, &app.ctx(&signed.caller)).await?;
    let view = Panel::new(page.at(PATH, "Database"), db);
    Ok(match region.name() {
        Some("database") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database {
            size_bytes: 0,
            tables: Vec::new(),
            holders: Vec::new(),
            notify_used: 0.0,
            slowest: None,
            sees_all: true,
        }
    }

    fn holder(what: &str, seconds: Option<f64>) -> Holder {
        let text = |text: &str| text.to_owned();
        Holder {
            what: text(what),
            name: text("4711"),
            application: text("pg_dump"),
            role: text("backup"),
            state: text("active"),
            xmin_age: 12,
            seconds,
        }
    }

    #[test]
    fn what_holds_the_vacuum_back_is_named_once_it_is_long() {
        let told = |holders| vacuum(&Database { holders, ..database() });
        assert_eq!(told(vec![]).text, "Nothing holds the vacuum back");
        let short = told(vec![holder("session", Some(12.0))]);
        assert!(short.is_well() && short.more == "Held by pg_dump, session 4711, 12 transactions ago. That is short.");
        let long = told(vec![holder("session", Some(4000.0))]);
        assert!(!long.is_well() && long.text == "A transaction is open for 1 h 6 min", "{}", long.text);
        assert!(!told(vec![holder("replication slot", None)]).is_well());
    }

    #[test]
    fn dead_rows_matter_when_they_are_many_and_a_good_part() {
        let table =
            |rows, dead_rows| TableSize { name: "tasks".into(), rows, dead_rows, bytes: 1, last_autovacuum: None };
        assert!(!is_bloated(&table(10, 9_000)) && !is_bloated(&table(1_000_000, 20_000)));
        assert!(is_bloated(&table(30_000, 20_000)));
        let check = tables(&Database { tables: vec![table(30_000, 20_000)], ..database() });
        assert_eq!(check.more, "20,000 rows, 40.0 % of the table: the vacuum does not keep up.");
    }
}
