//! The filter language of the queue pages: `status:dead kind:plan_scan error:"no route" age:>10m`.
//!
//! Terms are separated by spaces and must all hold. A term is `key:value`; several values separated by commas mean any
//! of them, a leading `-` turns the term round, and a value with spaces, commas or quotes stands in double quotes.
//!
//! | key | value |
//! |---|---|
//! | `queue`, `kind` | names |
//! | `status` (or `state`) | shown states |
//! | `error` | text that the last error contains, whatever its case |
//! | `fingerprint` | the failure group |
//! | `age` | `>10m` or `<2h`: since it was due, or since it ended; units s, m, h, d |
//! | `id` | an id, or at least the first 8 characters of one |
//! | `worker` | id or name of a worker; its host |
//! | `payload` | `path=value`, where the path goes through the ids: `payload:scanId=12` |
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

/// The shortest prefix of an id that is looked for.
pub const ID_PREFIX: usize = 8;

/// A filter; without terms it lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// All of them must hold.
    pub terms: Vec<Term>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// It must not hold.
    pub not: bool,
    /// What is looked at.
    pub test: Test,
}

/// What a term looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// In one of these queues.
    Queue(Vec<String>),
    /// Of one of these kinds.
    Kind(Vec<String>),
    /// Shown in one of these states.
    Status(Vec<Shown>),
    /// The last error contains one of these texts.
    Error(Vec<String>),
    /// In one of these failure groups.
    Fingerprint(Vec<String>),
    /// How long ago it was due or has ended.
    Age(Compare, Age),
    /// Ids that begin so: hexadecimal digits and hyphens.
    Id(Vec<String>),
    /// Last held by one of these workers: id, name or host.
    Worker(Vec<String>),
    /// The payload holds this.
    Payload(PayloadTest),
}

/// A field of the ids of a payload and its value as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadTest {
    /// Names of the fields on the way, from the ids on; at least one.
    pub path: Vec<String>,
    /// The value, as text.
    pub value: String,
}

/// Older or younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `>`
    Older,
    /// `<`
    Younger,
}

/// A span of time as it was written: at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// Units of [`Age`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
}

impl Unit {
    /// How many seconds it has.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
            Self::Days => 86_400,
        }
    }

    /// Its letter.
    pub const fn letter(self) -> char {
        match self {
            Self::Seconds => 's',
            Self::Minutes => 'm',
            Self::Hours => 'h',
            Self::Days => 'd',
        }
    }
}

impl Age {
    /// In seconds.
    pub const fn seconds(self) -> i64 {
        self.count as i64 * self.unit.seconds()
    }
}

/// The states that people are shown (product 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Due later, no attempt yet.
    Scheduled,
    /// Due later, after an attempt that failed.
    Retrying,
    /// Due later, because its handler said so.
    Snoozed,
    /// Due, but its group or the limit of its key is not free.
    Waiting,
    /// Due.
    Ready,
    /// A worker has it.
    Running,
    /// Ended well.
    Done,
    /// Used up its attempts, or cannot run.
    Dead,
    /// Called off.
    Cancelled,
    /// Set aside.
    Discarded,
}

impl Shown {
    /// All ten, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Retrying,
        Self::Snoozed,
        Self::Waiting,
        Self::Ready,
        Self::Running,
        Self::Done,
        Self::Dead,
        Self::Cancelled,
        Self::Discarded,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Retrying => "retrying",
            Self::Snoozed => "snoozed",
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }

    /// True for the states of the history.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Dead | Self::Cancelled | Self::Discarded)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{token}` at position {position}: {reason}")]
pub struct BadToken {
    /// The token as it was written.
    pub token: String,
    /// Where it begins, in characters from 1.
    pub position: usize,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Every token of a filter that cannot be read, in their order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct BadFilter(pub Vec<BadToken>);

impl Filter {
    /// Everything.
    pub const fn all() -> Self {
        Self { terms: Vec::new() }
    }

    /// The filter with one more condition.
    pub fn and(mut self, test: Test) -> Self {
        self.terms.push(Term { not: false, test });
        self
    }

    /// The states that can pass, as far as the terms on the state say.
    pub fn states(&self) -> Vec<Shown> {
        let passes = |state: &Shown| {
            self.terms.iter().all(|term| match &term.test {
                Test::Status(states) => states.contains(state) != term.not,
                _ => true,
            })
        };
        Shown::ALL.iter().copied().filter(passes).collect()
    }
}

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::filter(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not {
            f.write_str("-")?;
        }
        match &self.test {
            Test::Queue(names) => values(f, "queue", names),
            Test::Kind(names) => values(f, "kind", names),
            Test::Status(states) => values(f, "status", states),
            Test::Error(texts) => values(f, "error", texts),
            Test::Fingerprint(texts) => values(f, "fingerprint", texts),
            Test::Age(compare, age) => {
                let sign = match compare {
                    Compare::Older => '>',
                    Compare::Younger => '<',
                };
                write!(f, "age:{sign}{}{}", age.count, age.unit.letter())
            }
            Test::Id(prefixes) => values(f, "id", prefixes),
            Test::Worker(names) => values(f, "worker", names),
            Test::Payload(test) => {
                write!(f, "payload:{}={}", test.path.join("."), quoted(&test.value))
            }
        }
    }
}

fn values<T: fmt::Display>(f: &mut fmt::Formatter<'_>, key: &str, values: &[T]) -> fmt::Result {
    let texts: Vec<_> = values.iter().map(|value| quoted(&value.to_string())).collect();
    write!(f, "{key}:{}", texts.join(","))
}

/// As it is written in a filter: in quotes where it could be read as something else.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || matches!(c, '"' | ',' | '\\'));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
