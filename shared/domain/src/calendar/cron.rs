//! Five-field expressions as Unix knows them.
use std::fmt;

use chrono::{Datelike as _, NaiveDate, NaiveTime};

use super::weekday_number;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadCron {
    /// `minute`, `hour`, `day of month`, `month`, `day of week`, or `expression`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl BadCron {
    pub(super) fn never(expression: &str) -> Self {
        Self { field: "expression", message: format!("`{expression}` never occurs") }
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEKDAY_WORDS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    words: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, words: &[] },
    Field { name: "hour", first: 0, last: 23, words: &[] },
    Field { name: "day of month", first: 1, last: 31, words: &[] },
    Field { name: "month", first: 1, last: 12, words: &MONTHS },
    Field { name: "day of week", first: 0, last: 7, words: &WEEKDAYS },
];

/// A parsed expression: a bit for each value of each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week`: `*`, numbers, names, lists, ranges and steps.
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            let message = format!(
                "has {} fields; write five: minute hour day-of-month month day-of-week, such as `0 2 * * *`",
                fields.len()
            );
            return Err(BadCron { field: "expression", message });
        };
        let mut weekdays = parse_field(&FIELDS[4], weekday)?;
        if weekdays & (1 << 7) != 0 {
            weekdays = (weekdays | 1) & !(1 << 7);
        }
        Ok(Self {
            text: fields.join(" "),
            minutes: parse_field(&FIELDS[0], minute)?,
            hours: parse_field(&FIELDS[1], hour)?,
            days: parse_field(&FIELDS[2], day)?,
            months: parse_field(&FIELDS[3], month)?,
            weekdays,
            // As Unix has it: a field that starts with a star does not count as given.
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        })
    }

    /// True on a date on which it runs.
    pub fn matches_date(&self, date: NaiveDate) -> bool {
        let day = self.days & (1 << date.day()) != 0;
        let weekday = self.weekdays & (1 << weekday_number(date)) != 0;
        let either = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        either && self.months & (1 << date.month()) != 0
    }

    /// The times of a day on which it runs, ascending.
    pub fn times(&self) -> impl Iterator<Item = NaiveTime> + '_ {
        set_bits(self.hours)
            .flat_map(|hour| set_bits(self.minutes).filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0)))
    }

    /// What it means, in words.
    pub fn in_words(&self) -> String {
        let days =
            if self.any_day && self.any_weekday && self.days.count_ones() == 31 && self.weekdays.count_ones() == 7 {
                String::new()
            } else {
                self.days_in_words()
            };
        let months = match self.months.count_ones() {
            12 => String::new(),
            _ => format!(" in {}", list(set_bits(self.months).map(|m| month_word(m as usize)))),
        };
        let (minutes, hours) = (self.minutes.count_ones(), self.hours.count_ones());
        let time = match (minutes, hours) {
            (60, 24) => "every minute".to_owned(),
            (1, 24) => format!("every hour at minute {}", self.minutes.trailing_zeros()),
            (n, 24) if steps_evenly(self.minutes, n) => format!("every {} minutes", 60 / n),
            (1..=3, 1..=6) => {
                let at = list(self.times().map(|time| time.format("%H:%M").to_string()));
                if days.is_empty() && months.is_empty() { format!("every day at {at}") } else { format!("at {at}") }
            }
            _ => format!(
                "at minutes {} of hours {}",
                list(set_bits(self.minutes).map(|n| n.to_string())),
                list(set_bits(self.hours).map(|n| n.to_string()))
            ),
        };
        format!("{time}{days}{months}")
    }

    fn days_in_words(&self) -> String {
        let weekdays = || list(set_bits(self.weekdays).map(|day| WEEKDAY_WORDS[day as usize].to_owned()));
        let days = || list(set_bits(self.days).map(|day| day.to_string()));
        match (self.any_day && self.days.count_ones() == 31, self.any_weekday && self.weekdays.count_ones() == 7) {
            (true, _) => format!(" on {}", weekdays()),
            (_, true) => format!(" on day {} of the month", days()),
            _ => {
                let link = if self.any_day || self.any_weekday { "if it is" } else { "and on" };
                format!(" on day {} of the month {link} {}", days(), weekdays())
            }
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn month_word(month: usize) -> String {
    let mut word = MONTHS[month - 1].to_owned();
    word[..1].make_ascii_uppercase();
    word
}

fn steps_evenly(minutes: u64, count: u32) -> bool {
    count > 1 && 60 % count == 0 && set_bits(minutes).all(|minute| minute % (60 / count) == 0)
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn set_bits(bits: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |bit| bits & (1 << bit) != 0)
}

fn parse_field(field: &Field, text: &str) -> Result<u64, BadCron> {
    let mut bits = 0;
    for part in text.split(',') {
        bits |= parse_part(field, part).ok_or_else(|| {
            let names = match field.words {
                [first, .., last] => format!(", or names from {first} to {last}"),
                _ => String::new(),
            };
            let message = format!(
                "`{part}` is not valid; write *, a number from {} to {}, a range such as {}-{}, or a step such as */{}{names}",
                field.first,
                field.last,
                field.first + 1,
                field.first + 4,
                field.first.max(2),
            );
            BadCron { field: field.name, message }
        })?;
    }
    Ok(bits)
}

fn parse_part(field: &Field, part: &str) -> Option<u64> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(number(step).filter(|step| (1..=field.last).contains(step))?)),
        None => (part, None),
    };
    let (first, last) = if range == "*" {
        (field.first, if field.last == 7 { 6 } else { field.last })
    } else if let Some((from, to)) = range.split_once('-') {
        (value(field, from)?, value(field, to)?)
    } else {
        // A step needs something to step over.
        if step.is_some() {
            return None;
        }
        let only = value(field, range)?;
        (only, only)
    };
    if first > last {
        return None;
    }
    Some((first..=last).step_by(step.unwrap_or(1) as usize).fold(0, |bits, value| bits | 1 << value))
}

fn value(field: &Field, text: &str) -> Option<u32> {
    let named = field.words.iter().position(|word| word.eq_ignore_ascii_case(text));
    let value = match named {
        Some(at) => at as u32 + field.first,
        None => number(text)?,
    };
    (field.first..=field.last).contains(&value).then_some(value)
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}
