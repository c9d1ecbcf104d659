//! Multiranges as text: PostgreSQL's form of sets of ports and indices.
use mipo_domain::intervals::Intervals;
use mipo_domain::ports::PortSet;

use crate::StoreError;

/// Reads an `int4multirange` of ports.
pub(crate) fn ports_from_text(text: &str) -> Result<PortSet, StoreError> {
    PortSet::from_multirange(text).map_err(|error| StoreError::inconsistent(error.to_string()))
}

/// The text of an `int8multirange`.
pub(crate) fn indices_to_text(indices: &Intervals<u64>) -> String {
    let ranges: Vec<String> =
        indices.ranges().iter().map(|(first, last)| format!("[{first},{})", last.saturating_add(1))).collect();
    format!("{{{}}}", ranges.join(","))
}

/// Reads an `int8multirange` of indices.
pub(crate) fn indices_from_text(text: &str) -> Result<Intervals<u64>, StoreError> {
    let wrong = || StoreError::inconsistent(format!("`{text}` is not a multirange of indices"));
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(wrong)?;
    let mut ranges = Vec::new();
    for range in inner.split_terminator(')') {
        let (from, to) =
            range.trim_start_matches(',').strip_prefix('[').and_then(|r| r.split_once(',')).ok_or_else(wrong)?;
        let (from, to): (u64, u64) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
        ranges.push((from, to.checked_sub(1).ok_or_else(wrong)?));
    }
    Ok(Intervals::from_ranges(ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_read_their_own_text() {
        for ranges in [vec![], vec![(0, 0)], vec![(0, 9), (20, 5_000_000)]] {
            let indices = Intervals::from_ranges(ranges);
            assert_eq!(indices_from_text(&indices_to_text(&indices)).expect("reads"), indices);
        }
        assert_eq!(indices_to_text(&Intervals::from_ranges([(0, 9), (20, 20)])), "{[0,10),[20,21)}");
        assert!(indices_from_text("{(0,3)}").is_err());
        assert!(indices_from_text("x").is_err());
    }
}
