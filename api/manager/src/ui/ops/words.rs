//! Figures of the queues as people read them. Values are taken by reference too: templates hand over references.
use std::borrow::Borrow;

use mipo_app::ops::views::{self, Count, Shown};
use mipo_domain::ids::TaskId;

use crate::ui::show;

/// `4 ms`, `2.1 s`, `3 min 10 s`.
pub(crate) fn milliseconds(value: impl Borrow<f64>) -> String {
    let value = value.borrow().max(0.0);
    match value {
        ..1000.0 => format!("{value:.0} ms"),
        ..10_000.0 => format!("{:.1} s", value / 1000.0),
        _ => show::duration((value / 1000.0) as i64),
    }
}

/// The same of a value that may be missing.
pub(crate) fn milliseconds_or_dash(value: impl Borrow<Option<f64>>) -> String {
    value.borrow().map_or_else(|| "–".to_owned(), milliseconds)
}

/// How many a second: `0`, `0.02`, `6.4`, `412`.
pub(crate) fn rate(per_second: impl Borrow<f64>) -> String {
    match *per_second.borrow() {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 0.01 => "< 0.01".to_owned(),
        rate if rate < 1.0 => format!("{rate:.2}"),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => show::number(rate.round() as i64),
    }
}

/// An age against a target of a few seconds: `0.3 s`, `2 min 41 s`.
pub(crate) fn waited(seconds: impl Borrow<f64>) -> String {
    match seconds.borrow().max(0.0) {
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        seconds => show::duration(seconds as i64),
    }
}

/// How long ago, or `in 5 min` for what is to come.
pub(crate) fn age(seconds: impl Borrow<f64>) -> String {
    let seconds = *seconds.borrow();
    let words = show::duration(seconds.abs() as i64);
    if seconds <= -1.0 { format!("in {words}") } else { words }
}

/// `1,284`, or `about 100,000`.
pub(crate) fn count(count: impl Borrow<Count>) -> String {
    let count = count.borrow();
    format!("{}{}", if count.about { "about " } else { "" }, show::number(count.value))
}

/// `4.1 MB`, in steps of 1000.
pub(crate) fn bytes(bytes: impl Borrow<i64>) -> String {
    let mut value = *bytes.borrow() as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let digits = usize::from(value < 100.0 && unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// The beginning and the end of an id: the beginning says when, the end which.
pub(crate) fn short_id(id: impl Borrow<TaskId>) -> String {
    let text = id.borrow().to_string();
    match (text.get(..8), text.get(text.len().saturating_sub(6)..)) {
        (Some(first), Some(last)) => format!("{first}…{last}"),
        _ => text,
    }
}

/// The name of a worker without the mark of its start: `dispatcher-01J…` is `dispatcher`.
pub(crate) fn worker(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(name, _)| name)
}

/// The words of the states, for the help and the completion of the filter.
pub(crate) fn states() -> String {
    Shown::ALL.map(Shown::as_str).join(" ")
}

/// The queues.
pub(crate) fn queues() -> String {
    views::queue_names().collect::<Vec<_>>().join(" ")
}

/// The kinds.
pub(crate) fn kinds() -> String {
    views::kind_names().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_that_matter() {
        assert_eq!(milliseconds(3.6), "4 ms");
        assert_eq!(milliseconds(2_140.0), "2.1 s");
        assert_eq!(milliseconds(190_000.0), "3 min 10 s");
        assert_eq!((age(-300.0), age(42.9), age(-0.2)), ("in 5 min 0 s".into(), "42 s".into(), "0 s".into()));
    }

    #[test]
    fn rates_have_the_digits_that_matter() {
        let words: Vec<String> = [0.0, 0.004, 0.02, 6.44, 411.6].iter().map(rate).collect();
        assert_eq!(words, ["0", "< 0.01", "0.02", "6.4", "412"]);
        assert_eq!((waited(0.31), waited(161.0)), ("0.3 s".to_owned(), "2 min 41 s".to_owned()));
    }

    #[test]
    fn sizes_have_one_digit_below_a_hundred() {
        assert_eq!((bytes(512), bytes(8_192), bytes(4_120_000)), ("512 B".into(), "8.2 kB".into(), "4.1 MB".into()));
        assert_eq!((bytes(680_400_000), bytes(6_800_000_000)), ("680 MB".into(), "6.8 GB".into()));
    }

    #[test]
    fn what_is_not_counted_says_so() {
        assert_eq!(count(Count { value: 100_000, about: true }), "about 100,000");
        assert_eq!(count(Count { value: 7, about: false }), "7");
    }
}
