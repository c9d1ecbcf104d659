//! The life of a task as lanes of spans, drawn here; the table beside it says the same in words.
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::ops::views::task::{Attempt, Span, SpanKind};

use crate::ui::Html;
use crate::ui::show::{self, At, escape};

/// More attempts than these are only in the table.
const LANES: usize = 30;

/// An attempt with what came before it.
pub(crate) struct Life<'a> {
    /// The gaps before: scheduled, waiting, back-off.
    pub(crate) before: Vec<&'a Span>,
    /// The attempt; none for what is still to come.
    pub(crate) span: Option<&'a Span>,
}

impl<'a> Life<'a> {
    /// Cuts the life of a task into its attempts.
    pub(crate) fn of(spans: &'a [Span]) -> Vec<Self> {
        let (mut lives, mut before) = (Vec::new(), Vec::new());
        for span in spans {
            if span.attempt.is_some() {
                lives.push(Self { before: std::mem::take(&mut before), span: Some(span) });
            } else {
                before.push(span);
            }
        }
        if !before.is_empty() {
            lives.push(Self { before, span: None });
        }
        lives
    }

    /// The attempt.
    pub(crate) fn attempt(&self) -> Option<&'a Attempt> {
        self.span.and_then(|span| span.attempt.as_ref())
    }

    /// How long nothing was done before.
    pub(crate) fn waited(&self, now: impl At) -> Option<String> {
        let (first, last) = (self.before.first()?, self.before.last()?);
        Some(show::between(first.from, last.to.unwrap_or(now.at())))
    }

    /// How long it took.
    pub(crate) fn ran(&self, now: impl At) -> Option<String> {
        self.span.map(|span| show::between(span.from, span.to.unwrap_or(now.at())))
    }

    fn from(&self) -> Option<DateTime<Utc>> {
        self.before.first().copied().or(self.span).map(|span| span.from)
    }
}

/// One lane.
pub(crate) struct Lane {
    /// What stands before it.
    pub(crate) name: String,
    /// The drawing.
    pub(crate) svg: Html,
}

/// The whole picture.
pub(crate) struct Timeline {
    /// A lane an attempt.
    pub(crate) lanes: Vec<Lane>,
    /// The axis below.
    pub(crate) axis: Html,
    /// From when to when, and what the marks mean.
    pub(crate) caption: String,
}

struct Scale {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    now: DateTime<Utc>,
    goes_on: bool,
}

impl Scale {
    fn place(&self, at: DateTime<Utc>) -> f64 {
        let width = (self.end - self.start).num_milliseconds().max(1) as f64;
        ((at - self.start).num_milliseconds() as f64 * 100.0 / width).clamp(0.0, 100.0)
    }
}

/// Draws the last attempts of `lives`; nothing when there is none.
pub(crate) fn draw(lives: &[Life<'_>], now: DateTime<Utc>) -> Option<Timeline> {
    let lives = &lives[lives.len().saturating_sub(LANES)..];
    let start = lives.first()?.from()?;
    let goes_on = lives.last().is_some_and(|life| life.span.is_none_or(|span| span.to.is_none()));
    let ends = lives.iter().flat_map(|life| life.before.iter().copied().chain(life.span)).filter_map(|span| span.to);
    let mut end = ends.max().unwrap_or(start);
    if goes_on {
        end = end.max(now);
    }
    let scale = Scale { start, end: end.max(start + TimeDelta::milliseconds(100)), now, goes_on };
    let lanes = lives.iter().map(|life| lane(life, &scale)).collect();
    let form = if scale.end - start < TimeDelta::hours(20) { "%H:%M:%S" } else { "%-d %b %H:%M" };
    let caption = format!("{} to {}; dots wait, dashes are still to come", start.format(form), scale.end.format(form));
    Some(Timeline { lanes, axis: axis(&scale), caption })
}

fn tone(outcome: &str) -> &'static str {
    match outcome {
        "done" => "good",
        "failed" | "dead" => "bad",
        "rescued" => "warn",
        "running" => "run",
        _ => "idle",
    }
}

fn lane(life: &Life<'_>, scale: &Scale) -> Lane {
    let name = life.attempt().map_or_else(|| "Next".to_owned(), |attempt| format!("Attempt {}", attempt.number));
    let words = said(life, scale.now);
    let mut out = format!(r#"<svg class="lane" role="img" aria-label="{}: {}">"#, escape(&name), escape(&words));
    for quarter in [0, 25, 50, 75, 100] {
        // Infallible: writing to a String.
        let _ = write!(out, r#"<line class="grid" x1="{quarter}%" x2="{quarter}%" y2="32"/>"#);
    }
    for span in &life.before {
        gap(&mut out, span, scale);
    }
    if let (Some(span), Some(attempt)) = (life.span, life.attempt()) {
        let (x, end) = (scale.place(span.from), scale.place(span.to.unwrap_or(scale.now)));
        let width = (end - x).max(0.5).min(100.0 - x.min(99.5));
        let x = x.min(99.5);
        let _ = write!(
            out,
            r#"<g class="{}"><rect class="span" x="{x:.2}%" y="9" width="{width:.2}%" height="14" rx="1"><title>{}</title></rect></g>"#,
            tone(&attempt.outcome),
            escape(&words)
        );
        label(&mut out, x, x + width, &brief(life, scale.now));
    }
    if scale.goes_on {
        let now = scale.place(scale.now);
        let _ = write!(out, r#"<line class="now" x1="{now:.2}%" x2="{now:.2}%" y2="32"/>"#);
    }
    out.push_str("</svg>");
    Lane { name, svg: Html(out) }
}

/// A dotted line, dashed where it is still to come.
fn gap(out: &mut String, span: &Span, scale: &Scale) {
    let (x, end) = (scale.place(span.from), scale.place(span.to.unwrap_or(scale.now)));
    let now = scale.place(scale.now);
    let (past, ahead) = if scale.goes_on { (end.min(now), end.max(now)) } else { (end, end) };
    if past > x {
        let _ = write!(
            out,
            r#"<line class="wait {}" x1="{x:.2}%" x2="{past:.2}%" y1="16" y2="16"/>"#,
            if span.what == SpanKind::Waiting { "due" } else { "" }
        );
    }
    if scale.goes_on && span.to.is_some_and(|to| to > scale.now) {
        let _ = write!(out, r#"<line class="wait ahead" x1="{:.2}%" x2="{ahead:.2}%" y1="16" y2="16"/>"#, x.max(now));
    }
}

/// After the bar where there is room, else before it.
fn label(out: &mut String, from: f64, to: f64, words: &str) {
    let words = escape(words);
    let _ = if to < 72.0 {
        write!(out, r#"<text class="out" x="{to:.2}%" dx="8" y="20">{words}</text>"#)
    } else if from > 28.0 {
        write!(out, r#"<text class="out" x="{from:.2}%" dx="-8" y="11" text-anchor="end">{words}</text>"#)
    } else {
        write!(out, r#"<text class="in" x="{from:.2}%" dx="8" y="20">{words}</text>"#)
    };
}

fn brief(life: &Life<'_>, now: DateTime<Utc>) -> String {
    let Some(attempt) = life.attempt() else { return String::new() };
    match (attempt.outcome.as_str(), life.ran(now)) {
        ("put back", _) => "put back".to_owned(),
        ("running", Some(ran)) => format!("runs for {ran}"),
        (outcome, Some(ran)) => format!("{outcome} after {ran}"),
        (outcome, None) => outcome.to_owned(),
    }
}

fn said(life: &Life<'_>, now: DateTime<Utc>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for span in &life.before {
        let ahead = span.to.is_some_and(|to| to > now);
        let verb = match (span.what, ahead) {
            (SpanKind::Scheduled, _) => "scheduled for",
            (SpanKind::BackOff, _) => "backed off for",
            _ => "waited",
        };
        parts.push(format!("{verb} {}", show::between(span.from, span.to.unwrap_or(now))));
    }
    let brief = brief(life, now);
    if !brief.is_empty() {
        parts.push(brief);
    }
    parts.join(", ")
}

fn axis(scale: &Scale) -> Html {
    let long = scale.end - scale.start;
    let form = if long < TimeDelta::minutes(10) {
        "%H:%M:%S"
    } else if long < TimeDelta::hours(20) {
        "%H:%M"
    } else {
        "%-d %b %H:%M"
    };
    let now = scale.goes_on.then(|| scale.place(scale.now));
    let mut out = format!(
        r#"<svg class="axis" role="img" aria-label="Axis from {} to {}">"#,
        scale.start.format(form),
        scale.end.format(form)
    );
    for (at, anchor) in [(0_i32, "start"), (25, "middle"), (50, "middle"), (75, "middle"), (100, "end")] {
        if now.is_some_and(|now| (now - f64::from(at)).abs() < 9.0) {
            continue;
        }
        let minor = if at % 50 == 0 { "" } else { r#" class="minor""# };
        let time = scale.start + long / 100 * at;
        let _ = write!(out, r#"<text{minor} x="{at}%" y="14" text-anchor="{anchor}">{}</text>"#, time.format(form));
    }
    if let Some(now) = now {
        let anchor = if now > 94.0 {
            "end"
        } else if now < 6.0 {
            "start"
        } else {
            "middle"
        };
        let _ = write!(out, r#"<text class="lab" x="{now:.2}%" y="14" text-anchor="{anchor}">now</text>"#);
    }
    out.push_str("</svg>");
    Html(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn attempt(number: i32, outcome: &str) -> Option<Attempt> {
        let outcome = outcome.to_owned();
        Some(Attempt { number, outcome, worker: None, error: None, fingerprint: None, log: None })
    }

    #[test]
    fn a_life_is_cut_into_its_attempts() {
        let spans = [
            Span { what: SpanKind::Waiting, from: at(0), to: Some(at(1)), attempt: None },
            Span { what: SpanKind::Running, from: at(1), to: Some(at(3)), attempt: attempt(1, "failed") },
            Span { what: SpanKind::BackOff, from: at(3), to: Some(at(60)), attempt: None },
            Span { what: SpanKind::Waiting, from: at(60), to: None, attempt: None },
        ];
        let lives = Life::of(&spans);
        assert_eq!(lives.len(), 2);
        assert_eq!((lives[0].waited(at(9)), lives[0].ran(at(9))), (Some("1.0 s".into()), Some("2.0 s".into())));
        assert!(lives[1].span.is_none());
        let timeline = draw(&lives, at(30)).expect("a picture");
        assert_eq!(timeline.lanes[0].name, "Attempt 1");
        let next = timeline.lanes[1].svg.to_string();
        assert!(next.contains("wait ahead") && next.contains("backed off for 57 s"), "{next}");
        assert!(timeline.axis.to_string().contains(">now<"));
    }

    #[test]
    fn what_has_ended_has_no_now() {
        let spans = [Span { what: SpanKind::Running, from: at(0), to: Some(at(0)), attempt: attempt(1, "done") }];
        let timeline = draw(&Life::of(&spans), at(900)).expect("a picture");
        let lane = timeline.lanes[0].svg.to_string();
        assert!(!lane.contains("class=\"now\"") && lane.contains("done after 0.0 s"), "{lane}");
        assert!(draw(&[], at(0)).is_none());
    }
}
