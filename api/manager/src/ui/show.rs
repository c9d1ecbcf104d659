//! Values as people read them.
use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};

/// Text that is HTML already: everything foreign in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(pub(super) String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// A whole number, by value or by reference: templates hand over references.
pub trait Num {
    /// Its value.
    fn num(&self) -> i128;
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl Num for $kind {
            fn num(&self) -> i128 {
                i128::try_from(*self).unwrap_or(i128::MAX)
            }
        }
    )+};
}

numbers!(i32, i64, i128, u16, u32, u64, u128, usize);

impl<T: Num> Num for &T {
    fn num(&self) -> i128 {
        (*self).num()
    }
}

/// An instant, by value or by reference.
pub trait At {
    /// Its value.
    fn at(&self) -> DateTime<Utc>;
}

impl At for DateTime<Utc> {
    fn at(&self) -> DateTime<Utc> {
        *self
    }
}

impl<T: At> At for &T {
    fn at(&self) -> DateTime<Utc> {
        (*self).at()
    }
}

/// An instant that may be missing, by value or by reference.
pub trait MaybeAt {
    /// Its value.
    fn maybe_at(&self) -> Option<DateTime<Utc>>;
}

impl MaybeAt for Option<DateTime<Utc>> {
    fn maybe_at(&self) -> Option<DateTime<Utc>> {
        *self
    }
}

impl<T: MaybeAt> MaybeAt for &T {
    fn maybe_at(&self) -> Option<DateTime<Utc>> {
        (*self).maybe_at()
    }
}

/// Escapes text for HTML content and attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// The hidden field that each form of a signed-in page holds.
pub fn csrf_field(token: &str) -> Html {
    Html(format!(r#"<input type="hidden" name="_csrf" value="{}">"#, escape(token)))
}

/// `–`, for what is not there.
pub fn dash() -> Html {
    Html(r#"<span class="faint">–</span>"#.to_owned())
}

/// Quiet words.
pub fn faint(text: &str) -> Html {
    Html(format!(r#"<span class="faint">{}</span>"#, escape(text)))
}

/// A line icon or a mark of the sprite, for the eye only.
pub fn icon(name: &str) -> Html {
    Html(format!(
        r#"<svg class="ic" aria-hidden="true"><use href="{}#{name}"/></svg>"#,
        crate::assets::url("icons.svg")
    ))
}

/// A state mark in its tone, for the eye only: a word must stand beside it.
pub fn mark(name: &str, tone: &str) -> Html {
    Html(format!(
        r#"<svg class="mk {tone}" aria-hidden="true"><use href="{}#{name}"/></svg>"#,
        crate::assets::url("icons.svg")
    ))
}

/// A state as shape and word. States are the same words everywhere; see [`look`].
pub fn state(word: &str) -> Html {
    let (name, tone) = look(word);
    labelled(name, tone, &label(word))
}

/// A state that should be noticed: the word is coloured too.
pub fn loud(word: &str) -> Html {
    let (name, tone) = look(word);
    let sprite = crate::assets::url("icons.svg");
    Html(format!(
        r#"<span class="st {tone} loud"><svg aria-hidden="true"><use href="{sprite}#{name}"/></svg>{}</span>"#,
        escape(&label(word))
    ))
}

/// A mark with words of its own.
pub fn labelled(name: &str, tone: &str, words: &str) -> Html {
    let sprite = crate::assets::url("icons.svg");
    Html(format!(
        r#"<span class="st {tone}"><svg aria-hidden="true"><use href="{sprite}#{name}"/></svg>{}</span>"#,
        escape(words)
    ))
}

/// A mark with words of its own, both in its tone.
pub fn labelled_loud(name: &str, tone: &str, words: &str) -> Html {
    let sprite = crate::assets::url("icons.svg");
    Html(format!(
        r#"<span class="st {tone} loud"><svg aria-hidden="true"><use href="{sprite}#{name}"/></svg>{}</span>"#,
        escape(words)
    ))
}

/// Shape and tone of a state of scans, jobs, tasks, scanners, alarms, verdicts, test outcomes and switches.
pub fn look(word: &str) -> (&'static str, &'static str) {
    match word {
        "pending" | "assigned" | "ready" => ("s-wait", "idle"),
        "running" => ("s-run", "run"),
        "completed" | "active" | "resolved" | "pass" | "enabled" | "ok" | "good" | "done" => ("s-ok", "good"),
        "partial" => ("s-part", "warn"),
        "failed" | "fail" => ("s-fail", "bad"),
        "cancelled" | "cancelling" | "disabled" | "stopping" => ("s-stop", "idle"),
        "stopped" => ("s-stop", "warn"),
        "dead" => ("s-dead", "bad"),
        "scheduled" | "snoozed" => ("s-late", "idle"),
        "waiting" => ("s-stuck", "idle"),
        "timed_out" => ("s-late", "bad"),
        "paused" => ("s-hold", "idle"),
        "offline" => ("s-off", "warn"),
        "critical" | "high" => ("s-high", "bad"),
        "warning" | "medium" | "unexpected" | "rescued" => ("s-warn", "warn"),
        "info" | "low" | "acknowledged" => ("s-info", "idle"),
        "open" => ("s-open", "run"),
        "closed" => ("s-closed", "idle"),
        "filtered" => ("s-filt", "idle"),
        "opened" => ("s-plus", "warn"),
        "shut" | "discarded" => ("s-minus", "idle"),
        "error" => ("s-err", "warn"),
        "stuck" => ("s-stuck", "warn"),
        "late" | "retrying" => ("s-late", "warn"),
        _ => ("s-none", "idle"),
    }
}

/// A state word with a capital and blanks.
pub fn label(word: &str) -> String {
    let text = word.replace('_', " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// `18,420`.
pub fn number(n: impl Num) -> String {
    let n = n.num();
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The number, or `more than 100,000` when it was counted up to `limit` only.
pub fn number_up_to(n: impl Num, limit: impl Num) -> String {
    if n.num() > limit.num() { format!("more than {}", number(limit)) } else { number(n) }
}

/// `64.65 M`, for numbers whose last digits nobody reads.
pub fn short_number(n: impl Num) -> String {
    let n = n.num();
    let value = n as f64;
    match n.unsigned_abs() {
        0..100_000 => number(n),
        100_000..1_000_000 => format!("{:.0} k", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} M", value / 1e6),
        _ => format!("{:.2} G", value / 1e9),
    }
}

/// `59.4 %`; never 100 before all is done, never 0 once something is.
pub fn percent(done: impl Num, of: impl Num) -> String {
    let (done, of) = (done.num(), of.num());
    if of <= 0 {
        return "0 %".to_owned();
    }
    if done >= of {
        return "100 %".to_owned();
    }
    let value = done as f64 * 100.0 / of as f64;
    if done > 0 && value < 0.1 {
        return "< 0.1 %".to_owned();
    }
    format!("{:.1} %", (value * 10.0).floor() / 10.0)
}

/// `1 item`, `2 items`.
pub fn count(n: impl Num, one: &str, many: &str) -> String {
    format!("{} {}", number(&n), if n.num() == 1 { one } else { many })
}

/// `2 min 41 s`, `1 h 10 min`, `3 d 4 h`.
pub fn duration(seconds: impl Num) -> String {
    let s = seconds.num().max(0);
    match s {
        0..60 => format!("{s} s"),
        60..600 => format!("{} min {} s", s / 60, s % 60),
        600..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// The time between two instants.
pub fn between(from: impl At, to: impl At) -> String {
    let milliseconds = (to.at() - from.at()).num_milliseconds().max(0);
    if milliseconds < 10_000 {
        return format!("{:.1} s", milliseconds as f64 / 1000.0);
    }
    duration(milliseconds / 1000)
}

/// A round trip: `340 µs`, `12.4 ms`.
pub fn rtt(microseconds: impl Num) -> String {
    match microseconds.num() {
        n @ ..1000 => format!("{n} µs"),
        n @ 1000..100_000 => format!("{:.1} ms", n as f64 / 1e3),
        n => format!("{:.0} ms", n as f64 / 1e3),
    }
}

/// The first digits of a hash, in groups: `b41e 09d7 5ac2 …`.
pub fn short_hash(bytes: &[u8]) -> String {
    let digits = hex::encode(&bytes[..bytes.len().min(6)]);
    let groups: Vec<&str> = (0..digits.len()).step_by(4).map(|at| &digits[at..(at + 4).min(digits.len())]).collect();
    format!("{} …", groups.join(" "))
}

pub(super) fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Html {
    // An estimate of the hours to come needs neither date nor seconds.
    let soon = at > now && at - now < chrono::TimeDelta::hours(20);
    stamp(
        at,
        if soon {
            "%H:%M"
        } else if at.date_naive() == now.date_naive() {
            "%H:%M:%S"
        } else {
            "%-d %b %Y %H:%M"
        },
    )
}

pub(super) fn day(at: DateTime<Utc>, now: DateTime<Utc>) -> Html {
    stamp(at, if at.date_naive() == now.date_naive() { "%H:%M:%S" } else { "%-d %b %Y" })
}

fn stamp(at: DateTime<Utc>, form: &str) -> Html {
    let text = at.format(form);
    Html(format!(
        r#"<time datetime="{}" title="{} UTC">{text}</time>"#,
        at.format("%Y-%m-%dT%H:%M:%SZ"),
        at.format("%-d %B %Y %H:%M:%S")
    ))
}

pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Html {
    let s = (now - at).num_seconds();
    let text = match s.abs() {
        n @ 0..60 => format!("{n} s"),
        n @ 60..3600 => format!("{} min", n / 60),
        n @ 3600..86_400 => format!("{} h {} min", n / 3600, n % 3600 / 60),
        n => format!("{} d", n / 86_400),
    };
    let text = if s < 0 { format!("in {text}") } else { text };
    Html(format!(
        r#"<mipo-ago><time datetime="{}" title="{} UTC">{text}</time></mipo-ago>"#,
        at.format("%Y-%m-%dT%H:%M:%SZ"),
        at.format("%-d %B %Y %H:%M:%S")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(-1_234_567), "−1,234,567");
        assert_eq!(short_number(64_650_000_i64), "64.65 M");
    }

    #[test]
    fn a_share_is_never_done_early_nor_nothing_late() {
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(percent(1, 1_000_000), "< 0.1 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(percent(0, 0), "0 %");
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        assert_eq!(labelled("s-ok", "good", "<b>").to_string().matches("<b>").count(), 0);
        assert_eq!(faint("\"'&").to_string(), r#"<span class="faint">&quot;&#39;&amp;</span>"#);
    }
}
