//! IPv4 targets of which each octet may be a range or a list: `10.0.0-3.1-254`, `192.168.*.1,5`.
use std::net::Ipv4Addr;

use super::Unreadable;
use crate::address::IpRange;

/// More pieces than this are no target that anybody wrote on purpose.
const PIECES: usize = 65_536;

/// True when `text` looks like such a target, right or wrong: four parts of digits, ranges, lists and stars.
pub(super) fn is_octets(text: &str) -> bool {
    text.split('.').count() == 4
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".-,*".contains(&byte))
        && text.bytes().any(|byte| b"-,*".contains(&byte))
}

/// The addresses that it means, as ranges.
pub(super) fn ranges(text: &str) -> Result<Vec<IpRange>, Unreadable> {
    let octets = text.split('.').map(|part| octet(text, part)).collect::<Result<Vec<_>, _>>()?;
    // From the right: ranges of the last octets, then those times the octets before them.
    let mut ranges: Vec<(u32, u32)> = vec![(0, 0)];
    let mut span: u32 = 1;
    for octet in octets.iter().rev() {
        // Where everything below is covered, a range of this octet is one range of addresses.
        let whole = ranges == [(0, span - 1)];
        let mut next = Vec::new();
        for &(low, high) in octet {
            if whole {
                next.push((u32::from(low) * span, u32::from(high) * span + (span - 1)));
                continue;
            }
            for value in low..=high {
                let base = u32::from(value) * span;
                next.extend(ranges.iter().map(|&(first, last)| (base + first, base + last)));
                if next.len() > PIECES {
                    return Err(Unreadable::new(
                        text,
                        "means more than 65,536 separate pieces; write networks instead",
                    ));
                }
            }
        }
        ranges = next;
        span = span.wrapping_mul(256);
    }
    let range = |(first, last)| IpRange::new(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into());
    ranges.into_iter().map(range).collect::<Result<_, _>>().map_err(|error| Unreadable::new(text, error.to_string()))
}

/// The ascending ranges of one octet.
fn octet(text: &str, part: &str) -> Result<Vec<(u8, u8)>, Unreadable> {
    let refuse = || Unreadable::new(text, format!("“{part}” is no octet; write 0 to 255, a range, a list or *"));
    let number = |text: &str, open: u8| if text.is_empty() { Some(open) } else { text.parse::<u8>().ok() };
    let mut ranges = Vec::new();
    for piece in part.split(',') {
        let range = match piece.split_once('-') {
            _ if piece == "*" => Some((0, 255)),
            Some((low, high)) => number(low, 0).zip(number(high, 255)),
            None => piece.parse().ok().map(|value| (value, value)),
        };
        let (low, high) = range.filter(|(low, high)| low <= high).ok_or_else(refuse)?;
        ranges.push((low, high));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::IpSet;

    fn set(text: &str) -> IpSet {
        ranges(text).expect("good").into_iter().collect()
    }

    #[test]
    fn each_octet_may_be_a_range() {
        assert_eq!(set("10.0.0-3.*").to_string(), "10.0.0.0/22");
        assert_eq!(set("10.0.0.1-3,9").count(), 4);
        assert_eq!(set("10.0-1.0-255.0-127").count(), 65_536);
        assert_eq!(set("192.168.1,3.7").count(), 2);
        assert_eq!(set("*.*.*.*").count(), 1 << 32);
        assert_eq!(set("10.0.-.1").count(), 256);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["10.0.0.256-300", "10.0.0.9-1", "10.0.0.1,,2", "*.*.*.1-2,4,6,8"] {
            assert!(ranges(bad).is_err(), "{bad}");
        }
        assert!(is_octets("10.0.0.1-300") && !is_octets("10.0.0.1") && !is_octets("a-b.c.d.e"));
    }
}
