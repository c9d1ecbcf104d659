//! How a queue is, in a word, and why, in a sentence that leads to the tasks behind it.
use mipo_app::ops::views::Count;
use mipo_app::ops::views::overview::QueueLine;

use super::queues::tasks;
use super::words;
use crate::ui::{Html, show};

/// From this share of failed attempts in the last hour on, a queue is called failing.
const FAILING: f64 = 0.1;

/// How a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Tasks are due and no process works on it.
    Stuck,
    /// Its oldest due task is older than it should be.
    Late,
    /// Many of its attempts fail.
    Failing,
    /// Held back by somebody.
    Paused,
    /// As it should be.
    OnTime,
}

impl Verdict {
    /// That of a queue. A pause explains everything else.
    pub(super) fn of(line: &QueueLine) -> Self {
        match line {
            line if line.settings.paused => Self::Paused,
            line if line.workers == 0 && due(line) > 0 => Self::Stuck,
            line if line.is_late() => Self::Late,
            line if line.failed_share.is_some_and(|share| share >= FAILING) => Self::Failing,
            _ => Self::OnTime,
        }
    }

    /// Completes the name of the queue.
    pub(super) const fn is(self) -> &'static str {
        match self {
            Self::Stuck => "is stuck",
            Self::Late => "is late",
            Self::Failing => "fails",
            Self::Paused => "is paused",
            Self::OnTime => "is on time",
        }
    }

    /// Shape and word.
    pub(super) fn drawn(self) -> Html {
        match self {
            Self::Stuck => show::labelled_loud("s-stuck", "bad", "Stuck"),
            Self::Late => show::labelled_loud("s-late", "bad", "Late"),
            Self::Failing => show::labelled_loud("s-warn", "warn", "Failing"),
            Self::Paused => show::labelled("s-hold", "idle", "Paused"),
            Self::OnTime => show::labelled("s-ok", "good", "On time"),
        }
    }

    /// Of lines and gauges beside it.
    pub(super) const fn tone_of_figures(self) -> &'static str {
        match self {
            Self::Stuck | Self::Late => "bad",
            Self::Failing => "warn",
            Self::Paused | Self::OnTime => "",
        }
    }
}

/// A part of the sentence above the queues.
#[derive(Debug)]
pub(super) struct Clause {
    /// The queue.
    pub(super) queue: String,
    /// How it is.
    pub(super) verdict: Verdict,
    /// By how much; may be empty.
    pub(super) how: String,
    /// Why.
    pub(super) why: String,
    /// The tasks that show it.
    pub(super) href: String,
}

/// Due tasks that do not run.
pub(super) fn due(line: &QueueLine) -> i64 {
    line.counts.ready.value + line.counts.waiting.value
}

/// Everything that does not run yet.
pub(super) fn pending(line: &QueueLine) -> Count {
    let counts = &line.counts;
    let all = [counts.ready, counts.waiting, counts.retrying, counts.scheduled, counts.snoozed];
    Count { value: all.iter().map(|count| count.value).sum(), about: all.iter().any(|count| count.about) }
}

/// The age of the oldest due task as a share of the target.
pub(super) fn lateness(line: &QueueLine) -> f64 {
    line.oldest_age_seconds.unwrap_or_default().max(0.0) / f64::from(line.age_target_seconds.max(1))
}

/// The higher, the earlier a queue stands in the list.
pub(super) fn urgency(line: &QueueLine) -> f64 {
    let class = match Verdict::of(line) {
        Verdict::Stuck => 4.0,
        Verdict::Late => 3.0,
        Verdict::Failing => 2.0,
        Verdict::Paused => 1.0,
        Verdict::OnTime => 0.0,
    };
    // Within a class the later comes first; among those in time no row moves for a second's worth of waiting.
    if class > 0.0 { class * 1e9 + lateness(line).min(1e8) } else { 0.0 }
}

/// `61 %`, `0.4 %`.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.1 => "< 0.1 %".to_owned(),
        p if p < 10.0 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// What is to be said of a queue that is not as it should be.
pub(super) fn clause(line: &QueueLine) -> Option<Clause> {
    let verdict = Verdict::of(line);
    let name = &line.name;
    let of = |states: &str| tasks(&format!("queue:{name} status:{states}"));
    let (how, why, href) = match verdict {
        Verdict::OnTime => return None,
        Verdict::Paused => {
            let why = match due(line) {
                0 => "nothing is due".to_owned(),
                1 => "1 task is held back".to_owned(),
                due => format!("{} tasks are held back", show::number(due)),
            };
            (String::new(), why, of("ready,waiting"))
        }
        Verdict::Stuck => {
            let why = format!("{} due and no process works on it", show::count(due(line), "task is", "tasks are"));
            (String::new(), why, of("ready,waiting"))
        }
        Verdict::Late => {
            let age = show::duration(line.oldest_age_seconds.unwrap_or_default() as i64);
            let target = show::duration(line.age_target_seconds);
            let (why, states) = cause(line);
            (format!("by {age} against {target}"), why, of(states))
        }
        Verdict::Failing => (String::new(), failing(line), of("retrying,dead")),
    };
    Some(Clause { queue: name.clone(), verdict, how, why, href })
}

fn failing(line: &QueueLine) -> String {
    format!("{} of its attempts failed in the last hour", share(line.failed_share.unwrap_or_default()))
}

/// Why a queue is late, and the states of the tasks that show it.
fn cause(line: &QueueLine) -> (String, &'static str) {
    let running = line.counts.running;
    if line.failed_share.is_some_and(|share| share >= FAILING) {
        (failing(line), "retrying,dead")
    } else if line.settings.max_running.is_some_and(|most| running.value >= i64::from(most)) {
        (format!("its limit of {} running is reached", words::count(running)), "running")
    } else if running.value >= line.slots {
        (format!("all {} are busy", show::count(line.slots, "slot", "slots")), "running")
    } else if line.counts.waiting.value > line.counts.ready.value {
        ("most of what is due waits for its group or its key".to_owned(), "waiting")
    } else if let Some(limit) = line.settings.rate_limit {
        let window = show::duration(line.settings.rate_seconds);
        (format!("at most {} may begin in {window}", show::number(limit)), "ready")
    } else {
        ("more comes in than is done".to_owned(), "ready")
    }
}
