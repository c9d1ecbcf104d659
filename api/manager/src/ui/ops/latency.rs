//! A chart of how long tasks took over time: median, 95 and 99 of 100, with the target and the deploys.
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::ops::views::Times;
use mipo_app::ops::views::overview::Deploy;

use super::words;
use crate::ui::Html;
use crate::ui::show::escape;

/// Height of the drawing, and of all with the times below.
const HEIGHT: f64 = 120.0;
const ALL: f64 = 144.0;

/// What a chart covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Its right end.
    pub(super) now: DateTime<Utc>,
    /// Its length.
    pub(super) seconds: i32,
    /// The length of one step.
    pub(super) step: i32,
}

impl Span {
    fn start(&self) -> DateTime<Utc> {
        self.now - TimeDelta::seconds(self.seconds.into())
    }

    /// Share of the width, 0 to 100.
    fn x(&self, at: DateTime<Utc>) -> f64 {
        ((at - self.start()).num_seconds() as f64 * 100.0 / f64::from(self.seconds)).clamp(0.0, 100.0)
    }

    fn form(&self) -> &'static str {
        if self.seconds > 172_800 { "%-d %b" } else { "%H:%M" }
    }
}

/// A step at which something ended.
pub(super) type At = (DateTime<Utc>, Times);

/// Draws `points`; `title` begins what is said of it. `target` in milliseconds is drawn where it is within the scale.
pub(super) fn draw(title: &str, span: Span, points: &[At], target: Option<f64>, deploys: &[Deploy]) -> Html {
    let most = points.iter().filter_map(|(_, times)| times.p99_ms).fold(0.0, f64::max);
    let top = round_up(most);
    let y = |value: f64| HEIGHT - value / top * (HEIGHT - 8.0);
    let mut out = format!(
        r#"<svg class="chart" role="img" aria-label="{}: {} at most, 99 of 100 tasks, from {} to {}">"#,
        escape(title),
        words::milliseconds(most),
        span.start().format("%-d %b %H:%M"),
        span.now.format("%-d %b %H:%M")
    );
    // Infallible: writing to a String.
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y(top * part);
        let _ = write!(out, r#"<line class="grid" x2="100%" y1="{at:.1}" y2="{at:.1}"/>"#);
        let label = if part > 0.0 { words::milliseconds(top * part) } else { "0".to_owned() };
        let _ = write!(out, r#"<text x="-6" y="{:.1}" text-anchor="end">{label}</text>"#, at + 4.0);
    }
    if let Some(target) = target.filter(|target| *target <= top) {
        let at = y(target);
        let _ = write!(out, r#"<line class="goal" x2="100%" y1="{at:.1}" y2="{at:.1}"/>"#);
        let _ = write!(out, r#"<text x="4" y="{:.1}">target {}</text>"#, at - 4.0, words::milliseconds(target));
    }
    for deploy in deploys.iter().filter(|deploy| deploy.at >= span.start()) {
        let x = span.x(deploy.at);
        let _ = write!(out, r#"<line class="mark" x1="{x:.2}%" x2="{x:.2}%" y2="{HEIGHT}"/>"#);
        let (anchor, dx) = if x > 50.0 { ("end", -6) } else { ("start", 6) };
        let version = escape(&deploy.version);
        let _ = write!(
            out,
            r#"<text class="lab" x="{x:.2}%" dx="{dx}" y="10" text-anchor="{anchor}">{version} began</text>"#
        );
    }
    let _ =
        write!(out, r#"<svg width="100%" height="{HEIGHT}" viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none">"#);
    for (class, of) in
        [("p50", of_p50 as fn(&Times) -> Option<f64>), ("p95", |times| times.p95_ms), ("p99", |times| times.p99_ms)]
    {
        let line = line(span, points, of, y);
        let _ = write!(out, r#"<path class="{class}" stroke-linecap="round" d="{line}"/>"#);
    }
    out.push_str("</svg>");
    for (part, anchor) in [(0, "start"), (33, "middle"), (67, "middle"), (100, "end")] {
        let at = span.start() + TimeDelta::seconds(i64::from(span.seconds) * part / 100);
        let _ = write!(
            out,
            r#"<text x="{part}%" y="{}" text-anchor="{anchor}">{}</text>"#,
            ALL - 6.0,
            at.format(span.form())
        );
    }
    out.push_str("</svg>");
    Html(out)
}

const fn of_p50(times: &Times) -> Option<f64> {
    times.p50_ms
}

/// Neighbouring steps are joined; a step alone is a dot.
fn line(span: Span, points: &[At], of: fn(&Times) -> Option<f64>, y: impl Fn(f64) -> f64) -> String {
    let mut out = String::new();
    let mut before: Option<DateTime<Utc>> = None;
    for (at, times) in points {
        let Some(value) = of(times) else { continue };
        let joined = before.is_some_and(|before| (*at - before).num_seconds() <= i64::from(span.step));
        let middle = *at + TimeDelta::seconds(i64::from(span.step) / 2);
        let _ = write!(out, "{}{:.2} {:.1}", if joined { 'L' } else { 'M' }, span.x(middle), y(value));
        if !joined {
            out.push_str("h0.01");
        }
        before = Some(*at);
    }
    out
}

/// The next of 1, 2, 4, 6, 8 and 10 times a power of ten, at least 4 ms: a quarter of it is a round number.
fn round_up(most: f64) -> f64 {
    let mut power = 1.0;
    loop {
        for step in [4.0, 8.0, 12.0, 20.0] {
            if most <= step * power {
                return step * power;
            }
        }
        power *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_above_the_highest() {
        let tops: Vec<f64> = [0.0, 3.9, 4.1, 11.0, 161.0, 20_001.0].map(round_up).into();
        assert_eq!(tops, [4.0, 4.0, 8.0, 12.0, 200.0, 40_000.0]);
    }

    #[test]
    fn a_line_breaks_where_nothing_ended() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let span = Span { now, seconds: 3600, step: 60 };
        let times = Times { count: 1, p50_ms: Some(1.0), p95_ms: Some(2.0), p99_ms: Some(3.0) };
        let points = [50, 49, 10].map(|ago| (now - TimeDelta::minutes(ago), times));
        let deploy = Deploy { version: "1.4.2".to_owned(), at: now - TimeDelta::minutes(30) };
        let chart = draw("waited", span, &points, Some(2.0), &[deploy]).to_string();
        let path = chart.split_once(r#"class="p99""#).unwrap().1.split_once("/>").unwrap().0;
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert!(chart.contains("target 2 ms") && chart.contains("1.4.2 began"), "{chart}");
        assert!(chart.contains("waited: 3 ms at most"), "{chart}");
    }
}
