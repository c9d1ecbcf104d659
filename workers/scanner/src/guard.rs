//! What this scanner never probes, whoever asks: its own deny list.
//!
//! The default is the built-in exclusion list of the product; `--allow` lifts parts of it. A deny file wins over
//! everything, and an allow file, when there is one, is all that may be probed.
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use mipo_domain::address::{IpSet, parse_cidr};
use mipo_domain::exclusions::{Exclusion, Exclusions, built_in};
use mipo_domain::targets::Target;

/// Why something is not probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The deny list of this scanner.
    #[error("{0} is on this scanner's deny list")]
    Denied(IpAddr),
    /// Outside the allow file.
    #[error("{0} is not in this scanner's allow file")]
    NotAllowed(IpAddr),
}

/// The deny list.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    denied: IpSet,
    only: Option<IpSet>,
}

/// The networks in all their forms: NAT64, 6to4 and v4-mapped too.
fn all_forms(nets: &[IpNet]) -> IpSet {
    nets.iter().flat_map(|net| Exclusion::all_ports(*net).ranges()).collect()
}

impl Guard {
    /// The default list, less what `allow` lifts.
    pub fn standard(allow: &[IpNet]) -> Self {
        let denied = Exclusions::new(built_in()).whole().subtract(&all_forms(allow));
        Self { denied, only: None }
    }

    /// The guard of an agent: the default list, less `allow`, plus the two files.
    pub fn load(allow: &[String], deny_file: Option<&Path>, allow_file: Option<&Path>) -> Result<Self, String> {
        let allow = allow
            .iter()
            .map(|text| parse_cidr(text).map_err(|error| format!("--allow: {error}")))
            .collect::<Result<Vec<_>, _>>()?;
        let mut guard = Self::standard(&allow);
        if let Some(path) = deny_file {
            guard.denied = guard.denied.union(&all_forms(&read_list(path)?));
        }
        if let Some(path) = allow_file {
            guard.only = Some(read_list(path)?.into_iter().map(mipo_domain::address::IpRange::from).collect());
        }
        Ok(guard)
    }

    /// Whether all of `target`, apart from what is excluded, may be probed.
    pub fn check(&self, target: &Target, exclusions: &Exclusions) -> Result<(), Refusal> {
        for (addresses, _) in exclusions.subtract(&target.address_set(), &target.ports) {
            if let Some(range) = addresses.intersect(&self.denied).ranges().next() {
                return Err(Refusal::Denied(range.first()));
            }
            let Some(only) = &self.only else { continue };
            if let Some(range) = addresses.subtract(only).ranges().next() {
                return Err(Refusal::NotAllowed(range.first()));
            }
        }
        Ok(())
    }
}

/// Reads a file of addresses and CIDRs, one a line; `#` begins a remark.
pub fn read_list(path: &Path) -> Result<Vec<IpNet>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut nets = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let net = parse_cidr(entry).map_err(|error| format!("{} line {}: {error}", path.display(), number + 1))?;
        nets.push(net);
    }
    Ok(nets)
}

#[cfg(test)]
mod tests {
    use mipo_domain::address::IpRange;
    use mipo_domain::exclusions::BUILT_IN;
    use mipo_domain::ports::PortSet;

    use super::*;

    fn check_with(guard: &Guard, text: &str, excluded: Vec<Exclusion>) -> Result<(), Refusal> {
        let addresses: IpSet = [IpRange::parse(text).expect("a range")].into_iter().collect();
        guard.check(&Target::tcp(&addresses, PortSet::from_ranges([(22, 23)])), &Exclusions::new(excluded))
    }

    fn check(guard: &Guard, text: &str) -> Result<(), Refusal> {
        check_with(guard, text, Vec::new())
    }

    #[test]
    fn the_default_list_holds_in_every_form() {
        let guard = Guard::standard(&[]);
        for entry in BUILT_IN {
            assert!(check(&guard, entry.cidr).is_err(), "{}", entry.cidr);
        }
        for text in ["64:ff9b::127.0.0.1", "2002:7f00:1::", "126.0.0.0/7", "::/0"] {
            assert!(check(&guard, text).is_err(), "{text}");
        }
        for text in ["10.0.0.0/8", "192.168.1.1", "8.8.8.8", "2a00::/16", "64:ff9b::8.8.8.8", "2002:808:808::/48"] {
            assert_eq!(check(&guard, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn allow_lifts_just_what_it_names() {
        let guard = Guard::standard(&["127.0.0.1/32".parse().expect("net")]);
        assert_eq!(check(&guard, "127.0.0.1"), Ok(()));
        assert_eq!(check(&guard, "127.0.0.0/31"), Err(Refusal::Denied("127.0.0.0".parse().expect("ip"))));
        assert!(check(&guard, "::1").is_err());
    }

    #[test]
    fn what_is_excluded_anyway_is_no_reason_to_refuse() {
        let guard = Guard::standard(&[]);
        let range = "126.255.255.250-128.0.0.5";
        let exclusion = |ports| Exclusion { cidr: "127.0.0.0/8".parse().expect("net"), ports };
        assert!(check(&guard, range).is_err());
        assert_eq!(check_with(&guard, range, vec![exclusion(PortSet::new())]), Ok(()));
        assert!(check_with(&guard, range, vec![exclusion(PortSet::from_ranges([(22, 22)]))]).is_err());
        assert_eq!(check_with(&guard, range, vec![exclusion(PortSet::from_ranges([(1, 99)]))]), Ok(()));
    }

    #[test]
    fn files_win_and_name_their_mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let (deny, only) = (folder.path().join("deny"), folder.path().join("only"));
        std::fs::write(&deny, "# ours\n10.1.2.3 # the printer\n\n127.0.0.9\n").unwrap();
        std::fs::write(&only, "10.1.0.0/16\n127.0.0.0/8\n").unwrap();
        let allow = ["127.0.0.0/8".to_owned()];
        let guard = Guard::load(&allow, Some(&deny), Some(&only)).unwrap();
        assert_eq!(check(&guard, "127.0.0.1"), Ok(()));
        assert_eq!(check(&guard, "127.0.0.9"), Err(Refusal::Denied("127.0.0.9".parse().unwrap())));
        assert_eq!(check(&guard, "10.1.2.3"), Err(Refusal::Denied("10.1.2.3".parse().unwrap())));
        assert_eq!(check(&guard, "10.2.0.1"), Err(Refusal::NotAllowed("10.2.0.1".parse().unwrap())));
        std::fs::write(&deny, "10.0.0.1\nnonsense\n").unwrap();
        let error = Guard::load(&allow, Some(&deny), None).unwrap_err();
        assert!(error.contains("line 2") && error.contains("nonsense"), "{error}");
    }
}
