//! What ended hour by hour, as bars so small that they fit into a row.
use std::fmt::Write as _;

use crate::ui::Html;
use crate::ui::show::{self, escape};

const WIDTH: usize = 112;
const HEIGHT: i64 = 22;

/// Bars of `hours`, the newest last, each of what went well and what did not; `what` says it in words for who does not
/// see them.
pub(crate) fn hours(hours: &[(i64, i64)], what: &str) -> Html {
    let most = hours.iter().map(|(well, badly)| well + badly).max().unwrap_or_default().max(1);
    let mut out = format!(
        r#"<svg class="spark" viewBox="0 0 {WIDTH} 24" role="img" aria-label="{}"><path class="base" d="M0 23H{WIDTH}"/>"#,
        escape(what)
    );
    for (n, (well, badly)) in hours.iter().enumerate() {
        let x = n as f64 * WIDTH as f64 / hours.len() as f64;
        let (low, high) = (height(*well, most), height(*badly, most));
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
fn height(value: i64, most: i64) -> i64 {
    if value <= 0 { 0 } else { (value * HEIGHT / most).max(2) }
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
