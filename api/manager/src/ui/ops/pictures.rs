//! Pictures of figures, drawn on the server: they need no script, and say in words what they show.
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::ops::views::overview::{Deploy, Point};

use crate::ui::Html;
use crate::ui::show::{self, escape};

/// A gauge ends at so many times the target.
const GAUGE_ENDS: f64 = 5.0;
/// Size of a line of the last hour.
const SPARK: (f64, f64) = (112.0, 24.0);
/// Minutes that it covers.
const SPARK_MINUTES: i64 = 60;

/// Size of the bars of hours.
const BARS_WIDTH: usize = 112;
const BARS_HEIGHT: i64 = 22;

/// How old the oldest task is against the target, in seconds; a tick stands at the target.
pub(super) fn gauge(age: Option<f64>, target: f64, tone: &str) -> Html {
    let share = age.unwrap_or_default().max(0.0) / target.max(0.001);
    let width = (share / GAUGE_ENDS).min(1.0) * 88.0;
    let words = match age {
        None => "Nothing waits".to_owned(),
        Some(_) => format!("The oldest waits {share:.1} times the target"),
    };
    Html(format!(
        r#"<svg class="gauge {tone}" viewBox="0 0 88 8" role="img" aria-label="{words}"><rect class="track" y="2" width="88" height="4"/><rect class="val" y="2" width="{width:.1}" height="4"/><rect class="tick" x="17" width="1.5" height="8"/></svg>"#
    ))
}

/// A part of a bar.
pub(super) struct Share {
    /// The state, which is also the class of its colour.
    pub(super) state: &'static str,
    /// How many.
    pub(super) count: i64,
}

/// How what stands in a queue is made up. Nothing is drawn of an empty queue; a state with few tasks is still seen.
pub(super) fn depth(shares: &[Share]) -> Html {
    let total: i64 = shares.iter().map(|share| share.count).sum();
    if total == 0 {
        return Html(String::new());
    }
    let words: Vec<String> = shares
        .iter()
        .filter(|share| share.count > 0)
        .map(|share| format!("{} {}", show::number(share.count), share.state))
        .collect();
    let mut out = format!(
        r#"<svg class="depth" viewBox="0 0 120 6" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        words.join(", ")
    );
    let least = 3.0;
    let some = words.len() as f64;
    let room = 120.0 - least * some;
    let mut x = 0.0;
    for share in shares.iter().filter(|share| share.count > 0) {
        let width = least + room * share.count as f64 / total as f64;
        // Infallible: writing to a String. The gap keeps neighbours apart without colour.
        let _ = write!(
            out,
            r#"<rect class="{}" x="{x:.1}" width="{:.1}" height="6"/>"#,
            share.state,
            (width - 1.0).max(1.0)
        );
        x += width;
    }
    out.push_str("</svg>");
    Html(out)
}

/// What was done in each minute of the last hour; a dotted line and a flag mark each deploy.
pub(super) fn spark(points: &[Point], deploys: &[Deploy], now: DateTime<Utc>, tone: &str) -> Html {
    let (width, height) = SPARK;
    let start = now - TimeDelta::minutes(SPARK_MINUTES);
    let mut done = vec![0_i64; SPARK_MINUTES as usize];
    for point in points {
        let minute = (point.at - start).num_minutes().clamp(0, SPARK_MINUTES - 1);
        if let Some(slot) = usize::try_from(minute).ok().and_then(|minute| done.get_mut(minute)) {
            *slot += point.done;
        }
    }
    let most = done.iter().copied().max().unwrap_or_default();
    let last = done.last().copied().unwrap_or_default();
    let step = width / (done.len() - 1).max(1) as f64;
    let place = |index: usize, value: i64| {
        let share = if most > 0 { value as f64 / most as f64 } else { 0.0 };
        (index as f64 * step, height - 2.0 - share * (height - 6.0))
    };
    let mut line = String::new();
    for (index, value) in done.iter().enumerate() {
        let (x, y) = place(index, *value);
        let _ = write!(line, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
    let mut words = match most {
        0 => "Nothing was done in the last hour".to_owned(),
        _ => format!("Done a minute in the last hour: at most {}, now {}", show::number(most), show::number(last)),
    };
    let mut marks = String::new();
    for deploy in deploys {
        let share = (deploy.at - start).num_seconds() as f64 / (SPARK_MINUTES * 60) as f64;
        if (0.0..=1.0).contains(&share) {
            let x = share * width;
            let _ = write!(words, ", version {} began at {}", deploy.version, deploy.at.format("%H:%M"));
            let _ = write!(
                marks,
                r#"<path class="mark" d="M{x:.1} 0V{height}"/><path class="flag" d="M{:.1} {height}h6l-3-4Z"/>"#,
                x - 3.0
            );
        }
    }
    let (x, y) = place(done.len() - 1, last);
    Html(format!(
        r#"<svg class="spark {tone}" viewBox="0 0 {width} {height}" role="img" aria-label="{}">{marks}<path class="area" d="{line}V{height}H0Z"/><path d="{line}"/><circle cx="{x:.1}" cy="{y:.1}" r="2"/></svg>"#,
        escape(&words)
    ))
}

/// Bars of `hours`, the newest last, each of what went well and what did not; `what` says it in words for who does not
/// see them.
pub(crate) fn hours(hours: &[(i64, i64)], what: &str) -> Html {
    let most = hours.iter().map(|(well, badly)| well + badly).max().unwrap_or_default().max(1);
    let mut out = format!(
        r#"<svg class="spark" viewBox="0 0 {BARS_WIDTH} 24" role="img" aria-label="{}"><path class="base" d="M0 23H{BARS_WIDTH}"/>"#,
        escape(what)
    );
    for (n, (well, badly)) in hours.iter().enumerate() {
        let x = n as f64 * BARS_WIDTH as f64 / hours.len() as f64;
        let (low, high) = (bar(*well, most), bar(*badly, most));
        // Infallible: writing to a String.
        if low > 0 {
            let _ = write!(out, r#"<rect class="well" x="{x:.1}" y="{}" width="3.6" height="{low}"/>"#, 23 - low);
        }
        if high > 0 {
            let y = (23 - low - high).max(0);
            let _ = write!(out, r#"<rect class="badly" x="{x:.1}" y="{y}" width="3.6" height="{high}"/>"#);
        }
    }
    Html(out + "</svg>")
}

/// One of many is still seen.
fn bar(value: i64, most: i64) -> i64 {
    if value <= 0 { 0 } else { (value * BARS_HEIGHT / most).max(2) }
}

/// What died by hour, `hours` with the newest last.
pub(crate) fn deaths(by_hour: &[i64]) -> Html {
    let (total, now) = (by_hour.iter().sum::<i64>(), by_hour.last().copied().unwrap_or_default());
    let what = format!(
        "{} in the last {} hours, {} of them in the last hour",
        show::count(total, "task died", "tasks died"),
        by_hour.len(),
        show::number(now)
    );
    let bars: Vec<(i64, i64)> = by_hour.iter().map(|died| (0, *died)).collect();
    hours(&bars, &what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_ends_at_five_times_the_target_and_has_words() {
        let late = gauge(Some(161.0), 30.0, "bad").to_string();
        assert!(late.contains(r#"class="val" y="2" width="88.0""#) && late.contains("5.4 times the target"), "{late}");
        assert!(gauge(None, 30.0, "").to_string().contains("Nothing waits"));
    }

    #[test]
    fn few_of_many_are_still_seen() {
        let bar = depth(&[Share { state: "ready", count: 100_000 }, Share { state: "retrying", count: 1 }]).to_string();
        assert!(bar.contains("100,000 ready, 1 retrying"), "{bar}");
        assert!(bar.contains(r#"class="retrying" x="117.0" width="2.0""#), "{bar}");
        assert_eq!(depth(&[Share { state: "ready", count: 0 }]).to_string(), "");
    }

    #[test]
    fn a_line_marks_deploys_within_its_hour() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let deploy = |minutes| Deploy { version: "1.4.2".to_owned(), at: now - TimeDelta::minutes(minutes) };
        let point = Point { at: now, due: 0, running: 0, oldest_ms: 0, enqueued: 4, done: 4, failed: 0, dead: 0 };
        let line = spark(&[point], &[deploy(30), deploy(90)], now, "").to_string();
        assert_eq!(line.matches("class=\"flag\"").count(), 1, "{line}");
        assert!(line.contains("at most 4, now 4") && line.contains("M56.0 0V24"), "{line}");
    }

    #[test]
    fn one_of_many_is_still_seen_and_none_is_not() {
        let svg = hours(&[(1000, 1), (0, 0), (500, 0)], "a & b").to_string();
        assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
        assert!(svg.contains(r#"class="badly" x="0.0" y="0" width="3.6" height="2""#), "{svg}");
        assert!(svg.contains(r#"y="13" width="3.6" height="10""#) && svg.contains("a &amp; b"), "{svg}");
    }

    #[test]
    fn deaths_are_told_in_words() {
        let svg = deaths(&[0, 2, 1]).to_string();
        assert!(svg.contains("3 tasks died in the last 3 hours, 1 of them in the last hour"), "{svg}");
    }
}
