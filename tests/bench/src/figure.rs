//! One figure: ours, the limit, the peers, the goal.
use std::collections::BTreeMap;

use serde::Serialize;

/// Which way is good.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// A measured figure; medians of the same run.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub metric: String,
    /// Ours.
    pub ours: f64,
    /// In what.
    pub unit: &'static str,
    /// Which way is good.
    pub better: Better,
    /// Peers by name, where they are installed.
    pub peers: BTreeMap<String, f64>,
    /// What the machine allows at best, if it was measured.
    pub limit: Option<f64>,
    /// The goal, if there is one.
    pub goal: Option<f64>,
    /// Whether the goal was reached; absent without a goal.
    pub ok: Option<bool>,
    /// How it was measured, where that needs words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Figure {
    /// A figure of which less is better, with its goal.
    pub fn lower(metric: impl Into<String>, unit: &'static str, ours: f64, goal: Option<f64>) -> Self {
        Self {
            metric: metric.into(),
            ours,
            unit,
            better: Better::Lower,
            peers: BTreeMap::new(),
            limit: None,
            goal,
            ok: goal.map(|goal| ours <= goal),
            notes: Vec::new(),
        }
    }
}

/// The middle of `values`; of an even number, the lower of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// The value that `share` of the sorted values do not exceed.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Prints as a table or as JSON lines.
pub fn print(figures: &[Figure], json: bool) {
    if json {
        for figure in figures {
            println!("{}", serde_json::to_string(figure).expect("figures are finite numbers and texts"));
        }
        return;
    }
    let wide = figures.iter().map(|figure| figure.metric.len()).max().unwrap_or_default().max(6);
    println!("{:<wide$} {:>10} {:>10} {:>10} {:<7} {:<5} peers", "metric", "ours", "limit", "goal", "unit", "ok");
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    for f in figures {
        let ok = f.ok.map_or("-", |ok| if ok { "yes" } else { "no" });
        let peers: Vec<_> = f.peers.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        println!(
            "{:<wide$} {:>10.3} {:>10} {:>10} {:<7} {ok:<5} {}",
            f.metric,
            f.ours,
            shown(f.limit),
            shown(f.goal),
            f.unit,
            peers.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles_are_measured_values() {
        let values: Vec<f64> = (1..=300).map(f64::from).collect();
        assert!((percentile(&values, 0.5) - 150.0).abs() < f64::EPSILON);
        assert!((percentile(&values, 0.99) - 297.0).abs() < f64::EPSILON);
        assert!((percentile(&[7.0], 0.99) - 7.0).abs() < f64::EPSILON);
    }
}
