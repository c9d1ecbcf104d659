//! The timeline of a scan: a lane a scanner, a bar a job, on one axis.
use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};
use mipo_store::results::job_views::JobRow;

use crate::ui::Html;
use crate::ui::show::{self, escape};

/// Jobs beyond this many would be thinner than a pixel.
pub(super) const JOBS_SHOWN: i64 = 400;

/// One scanner's lane.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) svg: Html,
}

/// The whole picture.
pub(super) struct Timeline {
    pub(super) lanes: Vec<Lane>,
    pub(super) axis: Html,
    pub(super) caption: String,
}

struct Span<'a> {
    job: &'a JobRow,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    slot: usize,
}

/// Draws the jobs that have begun. Nothing before the first one has.
pub(super) fn draw(jobs: &[JobRow], now: DateTime<Utc>, eta: Option<DateTime<Utc>>) -> Option<Timeline> {
    let mut names: Vec<&str> = jobs.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    let begun: Vec<(&JobRow, DateTime<Utc>)> = jobs.iter().filter_map(|job| Some((job, job.started_at?))).collect();
    let start = begun.iter().map(|(_, at)| *at).min()?;
    let running = begun.iter().any(|(job, _)| job.finished_at.is_none());
    let last = begun.iter().filter_map(|(job, _)| job.finished_at).max().unwrap_or(now);
    let end = if running { eta.unwrap_or(now).max(now) } else { last };
    let end = end.max(start + Duration::seconds(1));
    let width = (end - start).num_milliseconds().max(1) as f64;
    let place = |at: DateTime<Utc>| ((at - start).num_milliseconds() as f64 * 100.0 / width).clamp(0.0, 100.0);

    let lanes = names
        .iter()
        .map(|lane| {
            let mut spans: Vec<Span> = Vec::new();
            let mut mine: Vec<_> = begun.iter().filter(|(job, _)| name(job) == *lane).collect();
            mine.sort_by_key(|(_, at)| *at);
            for (job, from) in mine {
                let to = job.finished_at.unwrap_or(now).max(*from);
                let slot =
                    (0..=spans.len()).find(|slot| !spans.iter().any(|s| s.slot == *slot && s.to > *from)).unwrap_or(0);
                spans.push(Span { job, from: *from, to, slot });
            }
            Lane { name: (*lane).to_owned(), svg: lane_svg(lane, &spans, running.then(|| place(now)), &place) }
        })
        .collect();
    let caption = format!("{} to {}, a bar is a job", start.format("%H:%M:%S"), end.format("%H:%M:%S"));
    Some(Timeline { lanes, axis: axis(start, end, running.then(|| place(now))), caption })
}

fn name(job: &JobRow) -> &str {
    job.scanner.as_deref().unwrap_or("deleted scanner")
}

fn lane_svg(name: &str, spans: &[Span], now: Option<f64>, place: &impl Fn(DateTime<Utc>) -> f64) -> Html {
    let slots = spans.iter().map(|span| span.slot + 1).max().unwrap_or(1);
    let height = (24.0 / slots as f64).clamp(2.0, 10.0);
    let gap = 32.0 / (slots as f64 + 1.0);
    let done = spans.iter().filter(|span| span.job.finished_at.is_some()).count();
    let mut out = format!(
        r#"<svg class="lane" role="img" aria-label="{}: {} ended, {} running">"#,
        escape(name),
        show::count(done as i64, "job", "jobs"),
        spans.len() - done
    );
    for quarter in [25, 50, 75, 100] {
        // Infallible: writing to a String.
        let _ = write!(out, r#"<line class="grid" x1="{quarter}%" x2="{quarter}%" y2="32"/>"#);
    }
    for span in spans {
        let (x, end) = (place(span.from), place(span.to));
        let y = gap * (span.slot as f64 + 1.0) - height / 2.0;
        let tone = match span.job.status.as_str() {
            "failed" | "timed_out" => "bad",
            "partial" => "warn",
            "cancelled" | "paused" => "idle",
            _ => "run",
        };
        let _ = write!(
            out,
            r#"<rect class="span {tone}" x="{x:.2}%" y="{y:.1}" width="{:.2}%" height="{height:.1}" rx="1"><title>Job {} {}, {}</title></rect>"#,
            (end - x).max(0.15),
            span.job.id,
            span.job.status,
            show::between(span.from, span.to)
        );
    }
    if let Some(now) = now {
        let _ = write!(out, r#"<line class="now" x1="{now:.2}%" x2="{now:.2}%" y2="32"/>"#);
    }
    out.push_str("</svg>");
    Html(out)
}

fn axis(start: DateTime<Utc>, end: DateTime<Utc>, now: Option<f64>) -> Html {
    let form = if end - start < Duration::minutes(10) { "%H:%M:%S" } else { "%H:%M" };
    let middle = start + (end - start) / 2;
    let mut out = format!(
        r#"<svg class="axis" role="img" aria-label="Axis from {} to {}"><text y="14">{}</text>"#,
        start.format(form),
        end.format(form),
        start.format(form)
    );
    let far = |at: f64| now.is_none_or(|now| (now - at).abs() > 12.0);
    if far(50.0) {
        let _ =
            write!(out, r#"<text class="minor" x="50%" y="14" text-anchor="middle">{}</text>"#, middle.format(form));
    }
    if far(100.0) {
        let _ = write!(out, r#"<text x="100%" y="14" text-anchor="end">{}</text>"#, end.format(form));
    }
    if let Some(now) = now.filter(|now| *now > 12.0) {
        let anchor = if now > 94.0 { "end" } else { "middle" };
        let _ = write!(out, r#"<text class="lab" x="{now:.2}%" y="14" text-anchor="{anchor}">now</text>"#);
    }
    out.push_str("</svg>");
    Html(out)
}
