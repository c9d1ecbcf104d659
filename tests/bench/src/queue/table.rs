//! Collects what the cells measured and turns it into figures.
use std::collections::BTreeMap;

use crate::figure::{Better, Figure, median};

/// When a figure is good.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least this share of the limit, and ahead of every peer.
    ShareOfRaw(f64),
    /// At most so many times the limit.
    TimesRaw(f64),
    /// At most.
    AtMost(f64),
    /// At least.
    AtLeast(f64),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Metric {
    /// What is measured.
    pub name: String,
    /// In what.
    pub unit: &'static str,
    /// When it is good.
    pub goal: Goal,
}

impl Metric {
    /// A row.
    pub fn new(name: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { name: name.into(), unit, goal }
    }
}

/// Everything that was measured, in the order in which it was first measured.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(Metric, BTreeMap<&'static str, Vec<f64>>)>,
}

impl Table {
    /// Takes one value of one queue.
    pub fn add(&mut self, metric: &Metric, contestant: &'static str, value: f64) {
        let known = self.rows.iter().position(|(row, _)| row.name == metric.name);
        let index = known.unwrap_or_else(|| {
            self.rows.push((metric.clone(), BTreeMap::new()));
            self.rows.len() - 1
        });
        self.rows[index].1.entry(contestant).or_default().push(value);
    }

    /// The medians, with goals where `judged`.
    pub fn figures(self, judged: bool, notes: &[String]) -> Vec<Figure> {
        let figures = self.rows.into_iter().filter_map(|(metric, values)| figure(&metric, values, judged));
        figures.map(|figure| Figure { notes: notes.to_vec(), ..figure }).collect()
    }
}

fn figure(metric: &Metric, values: BTreeMap<&'static str, Vec<f64>>, judged: bool) -> Option<Figure> {
    let mut medians: BTreeMap<_, _> = values.into_iter().map(|(name, values)| (name, median(values))).collect();
    let ours = medians.remove("ours")?;
    let limit = medians.remove("raw");
    let best = medians.values().copied().fold(f64::NEG_INFINITY, f64::max);
    let better = match metric.goal {
        Goal::ShareOfRaw(_) | Goal::AtLeast(_) => Better::Higher,
        Goal::TimesRaw(_) | Goal::AtMost(_) => Better::Lower,
    };
    let goal = match metric.goal {
        Goal::ShareOfRaw(share) => limit.map(|limit| (limit * share).max(best)),
        Goal::TimesRaw(times) => limit.map(|limit| limit * times),
        Goal::AtMost(value) | Goal::AtLeast(value) => Some(value),
    };
    let goal = goal.filter(|_| judged);
    let ok = goal.map(|goal| match metric.goal {
        Goal::ShareOfRaw(_) => ours >= goal && ours > best,
        Goal::AtLeast(_) => ours >= goal,
        Goal::TimesRaw(_) | Goal::AtMost(_) => ours <= goal,
    });
    Some(Figure {
        metric: metric.name.clone(),
        ours,
        unit: metric.unit,
        better,
        peers: medians.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        limit,
        goal,
        ok,
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(goal: Goal, values: &[(&'static str, f64)]) -> Figure {
        let mut table = Table::default();
        for &(name, value) in values {
            table.add(&Metric::new("row", "x", goal), name, value);
        }
        table.figures(true, &[]).remove(0)
    }

    #[test]
    fn a_rate_must_reach_its_share_of_the_limit_and_beat_every_peer() {
        let good = table(Goal::ShareOfRaw(0.8), &[("ours", 85.0), ("raw", 100.0), ("awa", 70.0)]);
        assert_eq!((good.ok, good.goal), (Some(true), Some(80.0)));
        let slow = table(Goal::ShareOfRaw(0.8), &[("ours", 79.0), ("raw", 100.0), ("awa", 70.0)]);
        assert_eq!(slow.ok, Some(false));
        let behind = table(Goal::ShareOfRaw(0.8), &[("ours", 85.0), ("raw", 100.0), ("awa", 85.0)]);
        assert_eq!((behind.ok, behind.goal), (Some(false), Some(85.0)));
    }

    #[test]
    fn a_delay_may_exceed_the_limit_by_its_factor() {
        assert_eq!(table(Goal::TimesRaw(1.5), &[("ours", 3.0), ("raw", 2.0)]).ok, Some(true));
        assert_eq!(table(Goal::TimesRaw(1.5), &[("ours", 3.1), ("raw", 2.0)]).ok, Some(false));
    }

    #[test]
    fn the_median_of_the_rounds_counts() {
        let values = [("ours", 1.0), ("ours", 9.0), ("ours", 2.0), ("raw", 1.0)];
        assert!((table(Goal::AtMost(5.0), &values).ours - 2.0).abs() < f64::EPSILON);
    }
}
