//! From a draft and resolved names to the input of the planner.
use std::collections::BTreeSet;
use std::net::IpAddr;

use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::ids::FqdnId;
use mipo_domain::planner::{PlanInput, SourceInput, Warning};

use super::load::{Draft, From};
use super::{Resolved, Rules};

/// A host name may stand for so many addresses.
const MOST_ADDRESSES: usize = 64;

/// The input of the planner, what people should know, and what FQDNs resolved to.
pub(super) struct Inputs {
    pub(super) plan: PlanInput,
    pub(super) warnings: Vec<Warning>,
    pub(super) resolved: Vec<(FqdnId, Vec<IpAddr>)>,
}

pub(super) fn inputs(draft: &Draft, resolved: &Resolved, rules: &Rules) -> Inputs {
    let mut warnings = draft.warnings.clone();
    let mut fqdns = Vec::new();
    let sources = draft
        .sources
        .iter()
        .map(|source| {
            let addresses = match &source.from {
                From::Addresses(set) => set.clone(),
                From::Name { hostname, allowed, fqdn } => {
                    let found = addresses_of(&source.label, hostname, allowed, resolved, &mut warnings);
                    // What it had before stays for people when the resolver failed.
                    if let (Some(id), Some(found)) = (fqdn, &found) {
                        fqdns.push((*id, found.iter().copied().collect()));
                    }
                    found.unwrap_or_default().into_iter().map(IpRange::single).collect()
                }
            };
            SourceInput {
                label: source.label.clone(),
                addresses,
                rate_limit: source.rate_limit,
                scanners: source.scanners.clone(),
            }
        })
        .collect();
    let plan = PlanInput {
        sources,
        ports: draft.ports.clone(),
        port_rate_limit: draft.port_rate_limit,
        scanners: draft.scanners.clone(),
        exclusions: draft.exclusions.clone(),
        max_target_ips: rules.max_target_ips.into(),
        max_probes: rules.max_probes_per_scan.into(),
        fleet_max_pps_per_host: rules.fleet_max_pps_per_host,
        exempt_loopback: rules.development,
    };
    Inputs { plan, warnings, resolved: fqdns }
}

/// The addresses of a host name that may be scanned, and in `warnings` what was left out and why; `None` when the name
/// did not resolve.
pub(crate) fn addresses_of(
    label: &str,
    hostname: &str,
    allowed: &IpSet,
    resolved: &Resolved,
    warnings: &mut Vec<Warning>,
) -> Option<BTreeSet<IpAddr>> {
    let mut found = match resolved.0.get(hostname) {
        Some(Ok(found)) => found.clone(),
        Some(Err(error)) => {
            warnings.push(Warning::new("unresolved", format!("{label} does not resolve: {error}.")));
            return None;
        }
        None => BTreeSet::new(),
    };
    if !allowed.is_empty() {
        let before = found.len();
        found.retain(|ip| allowed.contains(*ip));
        if found.len() < before {
            let message = format!("{} addresses of {label} lie outside its allowed networks.", before - found.len());
            warnings.push(Warning::new("outside_allowed", message));
        }
    }
    if found.len() > MOST_ADDRESSES {
        let message = format!("{label} has {} addresses; only the first {MOST_ADDRESSES} are scanned.", found.len());
        warnings.push(Warning::new("too_many_addresses", message));
        found = found.into_iter().take(MOST_ADDRESSES).collect();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(answer: Result<&[&str], &str>, allowed: &str) -> (Vec<String>, Vec<String>) {
        let answer =
            answer.map(|ips| ips.iter().map(|ip| ip.parse().expect("an address")).collect()).map_err(str::to_owned);
        let resolved = Resolved([("a.example".to_owned(), answer)].into());
        let allowed = mipo_domain::address::parse_targets(allowed).expect("networks");
        let mut warnings = Vec::new();
        let found = addresses_of("FQDN a", "a.example", &allowed, &resolved, &mut warnings).unwrap_or_default();
        (found.iter().map(ToString::to_string).collect(), warnings.into_iter().map(|warning| warning.code).collect())
    }

    #[test]
    fn names_are_guarded_and_their_faults_are_told() {
        assert_eq!(ask(Ok(&["10.0.0.1", "::1"]), ""), (vec!["10.0.0.1".into(), "::1".into()], vec![]));
        assert_eq!(
            ask(Ok(&["10.0.0.1", "10.1.0.1"]), "10.0.0.0/24"),
            (vec!["10.0.0.1".into()], vec!["outside_allowed".into()])
        );
        assert_eq!(ask(Err("no such host"), ""), (vec![], vec!["unresolved".into()]));
        let many: Vec<String> = (0..70).map(|n| format!("10.0.0.{n}")).collect();
        let (found, warnings) = ask(Ok(&many.iter().map(String::as_str).collect::<Vec<_>>()), "");
        assert_eq!((found.len(), warnings), (64, vec!["too_many_addresses".to_owned()]));
    }
}
