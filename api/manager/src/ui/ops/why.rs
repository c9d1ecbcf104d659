//! Why a task does not run, in words, each reason with what would change it.
use mipo_app::ops::views::task::TaskDetail;
use mipo_app::ops::views::waiting::{Holder, Why};
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;

use super::words;
use crate::lists::encode;
use crate::ui::Page;
use crate::ui::show::{self, Html, escape};

/// Tasks of a group that are named.
const NAMED: usize = 5;

/// What changes a reason.
pub(crate) enum Fix {
    /// A form that is sent to `action`.
    Post {
        /// Where to.
        action: String,
        /// What the button says.
        words: &'static str,
    },
    /// A page that leads on.
    Link {
        /// Where to.
        href: String,
        /// What the link says.
        words: &'static str,
    },
}

/// A line of the card.
pub(crate) struct Check {
    /// The mark.
    pub(crate) icon: &'static str,
    /// Its tone.
    pub(crate) tone: &'static str,
    /// It holds the task.
    pub(crate) cause: bool,
    /// What is so.
    pub(crate) text: String,
    /// More of it.
    pub(crate) more: Html,
    /// What changes it.
    pub(crate) fix: Option<Fix>,
}

impl Check {
    fn cause(text: String, more: Html, fix: Option<Fix>) -> Self {
        Self { icon: "s-late", tone: "warn", cause: true, text, more, fix }
    }

    fn fine(text: impl Into<String>) -> Self {
        Self { icon: "s-ok", tone: "good", cause: false, text: text.into(), more: Html(String::new()), fix: None }
    }
}

/// The reasons in their order, then what was looked at and is no reason.
pub(crate) fn checks(page: &Page, task: &TaskDetail, why: &[Why]) -> Vec<Check> {
    let mut checks: Vec<Check> = why.iter().map(|why| cause(page, task, why)).collect();
    let has = |is: fn(&Why) -> bool| why.iter().any(is);
    let queue = &task.queue;
    if !has(|why| matches!(why, Why::Paused)) {
        checks.push(Check::fine(format!("Queue {queue} is not paused")));
    }
    if !has(|why| matches!(why, Why::NotDue { .. })) {
        checks.push(Check::fine("It is due"));
    }
    if task.waits_for.is_some() && !has(|why| matches!(why, Why::Group { .. })) {
        checks.push(Check::fine("The group that it waited for has ended"));
    }
    if task.concurrency_key.is_some() && !has(|why| matches!(why, Why::KeyLimit { .. })) {
        checks.push(Check::fine("Its concurrency key has room"));
    }
    if !has(|why| matches!(why, Why::QueueBound { .. } | Why::RateLimit { .. })) {
        checks.push(Check::fine(format!("No limit of queue {queue} is reached")));
    }
    if !has(|why| matches!(why, Why::NoWorker { .. } | Why::Draining { .. } | Why::UnknownKind)) {
        checks.push(Check::fine(format!("A worker serves queue {queue}")));
        if !has(|why| matches!(why, Why::NoFreeSlot { .. })) {
            checks.push(Check::fine("A slot is free"));
        }
    }
    checks
}

fn cause(page: &Page, task: &TaskDetail, why: &Why) -> Check {
    let queue = &task.queue;
    let may = page.shell.may(Right::QueuesExecute);
    let limits =
        || Some(Fix::Link { href: format!("/ops/queues/{}", encode(queue)), words: "Raise limits" }).filter(|_| may);
    let workers = || Some(Fix::Link { href: "/ops/workers".to_owned(), words: "See workers" });
    match why {
        Why::Paused => Check::cause(
            format!("Queue {queue} is paused"),
            Html(escape("Nothing of it is begun until somebody resumes it.")),
            may.then(|| Fix::Post { action: format!("/ops/tasks/{}/resume-queue", task.id), words: "Resume queue" }),
        ),
        Why::NotDue { run_at, state } => {
            let text = match *state {
                "retrying" => format!("It backs off after attempt {} of {}", task.attempts, task.max_attempts),
                "snoozed" => "Its handler put it off".to_owned(),
                _ => "It is scheduled for later".to_owned(),
            };
            let more = Html(format!("Due {}, {}.", page.time(run_at), page.ago(run_at)));
            let fix = Fix::Post { action: format!("/ops/tasks/{}/run-now", task.id), words: "Run now" };
            Check::cause(text, more, Some(fix).filter(|_| may))
        }
        Why::Group { group, left, tasks } => {
            let tasks_left = if left.value == 1 { "task".to_owned() } else { "tasks".to_owned() };
            let first = tasks.first().map(|id| open(*id, "Open the first"));
            let named: Vec<String> = tasks.iter().take(NAMED).map(|id| link(*id, &words::short_id(*id))).collect();
            let more = format!("Group <code>{}</code>: {}", escape(group), named.join(", "));
            Check::cause(
                format!("It waits for {} {tasks_left} of a group to end", words::count(*left)),
                Html(more),
                first,
            )
        }
        Why::KeyLimit { key, limit, holders } => {
            let named: Vec<String> = holders.iter().map(|holder| held(page, holder)).collect();
            let more = format!("Key <code>{}</code> is held by {}", escape(key), named.join(", "));
            let first = holders.first().map(|holder| open(holder.id, "Open holder"));
            let text = format!("As many tasks of its key run as may at once: {limit}");
            Check::cause(text, Html(more), first)
        }
        Why::QueueBound { max_running, running } => Check::cause(
            format!("Queue {queue} runs {running} of {max_running} tasks that it may run at once"),
            Html(escape("The bound holds over all processes together.")),
            limits(),
        ),
        Why::RateLimit { limit, seconds, free_at } => Check::cause(
            format!("Queue {queue} has begun {limit} tasks within {seconds} s, as many as it may"),
            free_at.map_or_else(
                || Html(escape("The next may begin soon.")),
                |at| Html(format!("The next may begin {}.", page.ago(at))),
            ),
            limits(),
        ),
        Why::NoWorker { lost } => Check::cause(
            format!("No process works on queue {queue}"),
            Html(match lost {
                0 => "None was seen within the last hour. Start the service that serves this queue.".to_owned(),
                n => format!("{} within the last hour.", show::count(*n, "process was lost", "processes were lost")),
            }),
            workers(),
        ),
        Why::Draining { workers: n } => Check::cause(
            format!("Every process that works on queue {queue} is draining"),
            Html(format!("{}. End the draining, or start another process.", show::count(*n, "process", "processes"))),
            workers(),
        ),
        Why::UnknownKind => Check::cause(
            format!("No running version knows the kind {}", task.kind),
            Html(escape("Processes serve its queue, but none of this version works on it. Start one that does.")),
            workers(),
        ),
        Why::NoFreeSlot { slots, busy } => Check::cause(
            format!("All {} for queue {queue} are taken", show::count(*slots, "slot", "slots")),
            Html(format!("{} now.", show::count(*busy, "task runs", "tasks run"))),
            limits(),
        ),
        Why::DatabaseSlow { seconds, statement } => Check::cause(
            format!("The database is slow: a statement has run for {}", show::duration(*seconds as i64)),
            Html(format!("<code>{}</code>", escape(statement))),
            Some(Fix::Link { href: "/ops/database".to_owned(), words: "See the database" }),
        ),
        Why::InLine { ahead } => Check {
            icon: "s-info",
            tone: "idle",
            text: match ahead.value {
                0 => "Nothing holds it: it is the next".to_owned(),
                _ => format!("Nothing holds it: {} before it in the line", words::count(*ahead)),
            },
            ..Check::cause(String::new(), Html(escape("It begins as soon as a slot is free.")), None)
        },
    }
}

fn link(id: TaskId, words: &str) -> String {
    format!(r#"<a class="mono" href="/ops/tasks/{id}">{}</a>"#, escape(words))
}

fn open(id: TaskId, words: &'static str) -> Fix {
    Fix::Link { href: format!("/ops/tasks/{id}"), words }
}

fn held(page: &Page, holder: &Holder) -> String {
    let worker = holder.worker.as_deref().map(|id| format!(" on {}", escape(words::worker(id)))).unwrap_or_default();
    format!(
        "{} {}{worker} for {}",
        escape(&holder.kind),
        link(holder.id, &words::short_id(holder.id)),
        page.ago(holder.started_at)
    )
}
