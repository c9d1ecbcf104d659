//! What changed: the state of a host before and what a job saw (product section 8).
use crate::coverage::Verdicts;
use crate::ports::PortSet;

/// A state that is kept. Errors and ports that were not probed never become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortState {
    /// Answers.
    Open,
    /// Refuses.
    Closed,
    /// Is silent.
    Filtered,
}

impl PortState {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Filtered];

    /// The word in SQL, API and GUI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
        }
    }
}

/// The last known state of one host, seen from one vantage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// Ports that were ever looked at.
    pub covered: PortSet,
    /// Those of them that were silent.
    pub filtered: PortSet,
    /// Those of them that answered. What is covered and neither of the two is closed.
    pub open: PortSet,
}

/// Ports of one host that went from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// What they were.
    pub from: PortState,
    /// What they are.
    pub to: PortState,
    /// Which.
    pub ports: PortSet,
}

impl Flip {
    /// True when a service came or went: worth a row a port.
    pub fn touches_open(&self) -> bool {
        self.from == PortState::Open || self.to == PortState::Open
    }
}

/// The state after a job, and what it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The new state.
    pub after: HostState,
    /// What differs from the last known state. A first sighting is none.
    pub flips: Vec<Flip>,
    /// Ports that are no longer open.
    pub gone: PortSet,
}

impl HostState {
    fn in_state(&self, state: PortState) -> PortSet {
        match state {
            PortState::Open => self.open.clone(),
            PortState::Filtered => self.filtered.clone(),
            PortState::Closed => self.covered.subtract(&self.open).subtract(&self.filtered),
        }
    }
}

/// Compares what is known with what was seen.
pub fn compare(before: &HostState, seen: &Verdicts) -> Comparison {
    let looked_at = seen.looked_at();
    let after = HostState {
        covered: before.covered.union(&looked_at),
        filtered: before.filtered.subtract(&looked_at).union(&seen.filtered),
        open: before.open.subtract(&looked_at).union(&seen.open),
    };
    let mut flips = Vec::new();
    for from in PortState::ALL {
        let was = before.in_state(from).intersect(&looked_at);
        if was.is_empty() {
            continue;
        }
        for to in PortState::ALL.into_iter().filter(|to| *to != from) {
            let ports = was.intersect(match to {
                PortState::Open => &seen.open,
                PortState::Closed => &seen.closed,
                PortState::Filtered => &seen.filtered,
            });
            if !ports.is_empty() {
                flips.push(Flip { from, to, ports });
            }
        }
    }
    let gone = before.open.subtract(&after.open);
    Comparison { after, flips, gone }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn set(model: &BTreeMap<u16, PortState>, state: PortState) -> PortSet {
        model.iter().filter(|(_, is)| **is == state).map(|(port, _)| *port).collect()
    }

    proptest! {
        /// Two runs of any verdicts give the state and the changes of a map from port to last known state.
        #[test]
        fn runs_give_what_a_map_would(runs in proptest::collection::vec(proptest::collection::vec(0_u8..6, 12), 1..5)) {
            let mut model: BTreeMap<u16, PortState> = BTreeMap::new();
            let mut state = HostState::default();
            for run in runs {
                let ports = |n: u8| -> PortSet {
                    run.iter().enumerate().filter(|(_, verdict)| **verdict == n).map(|(port, _)| port as u16 + 1).collect()
                };
                let seen = Verdicts { open: ports(0), closed: ports(1), filtered: ports(2), error: ports(3), not_probed: ports(4) };
                let compared = compare(&state, &seen);
                let mut changes = BTreeMap::new();
                for (verdict, to) in [(0, PortState::Open), (1, PortState::Closed), (2, PortState::Filtered)] {
                    for port in ports(verdict).iter() {
                        if let Some(from) = model.insert(port, to) && from != to {
                            changes.insert(port, (from, to));
                        }
                    }
                }
                let found: BTreeMap<u16, (PortState, PortState)> = compared.flips.iter()
                    .flat_map(|flip| flip.ports.iter().map(|port| (port, (flip.from, flip.to)))).collect();
                prop_assert_eq!(found, changes);
                prop_assert_eq!(&compared.after.covered, &model.keys().copied().collect::<PortSet>());
                prop_assert_eq!(&compared.after.open, &set(&model, PortState::Open));
                prop_assert_eq!(&compared.after.filtered, &set(&model, PortState::Filtered));
                prop_assert_eq!(&compared.gone, &state.open.subtract(&compared.after.open));
                state = compared.after;
            }
        }
    }
}
