//! Scans of typed targets and ports: checked here, kept as a hidden template, resolved when the scan is planned.
use mipo_domain::address::{AddressError, IpRange};
use mipo_domain::host_names::is_host_name;
use mipo_domain::ids::{ScannerId, TemplateId};
use mipo_domain::ports::Ports;
use mipo_store::Conn;
use mipo_store::config::adhoc_templates::{self, NewAdhoc, ScannerHead, TemplateHead};

use crate::{AppError, Ctx, FieldError};

/// How many targets one ad-hoc scan may list; a larger set is a subnet or a discovery list.
const MAX_TARGETS: usize = 1000;

/// What somebody typed to be scanned once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdHoc {
    /// Addresses, CIDRs, ranges or host names; an entry may hold several, separated by commas or white space.
    pub targets: Vec<String>,
    /// Ports as in a port list: `22,80,8000-8100`.
    pub ports: String,
    /// Names of scanners; empty means every active one.
    pub scanners: Vec<String>,
}

#[derive(Debug)]
struct Checked {
    targets: Vec<String>,
    ports: Ports,
    scanner_ids: Vec<ScannerId>,
}

/// Makes the hidden template of an ad-hoc scan.
pub(super) async fn make_template(conn: &mut Conn, ctx: &Ctx<'_>, typed: &AdHoc) -> Result<TemplateHead, AppError> {
    let known = adhoc_templates::scanners(conn).await?;
    let checked = check(typed, &known).map_err(AppError::Invalid)?;
    let id = TemplateId::mint(ctx.clock, ctx.entropy);
    let name = adhoc_templates::insert(
        conn,
        &NewAdhoc {
            id,
            targets: &checked.targets,
            tcp_ports: &checked.ports.tcp.to_multirange(),
            udp_ports: &checked.ports.udp.to_multirange(),
            scanner_ids: &checked.scanner_ids,
            created_by: ctx.caller.actor.name(),
        },
    )
    .await?;
    Ok(TemplateHead { id, name, adhoc: true })
}

fn check(typed: &AdHoc, known: &[ScannerHead]) -> Result<Checked, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let targets = check_targets(&typed.targets, &mut wrong);
    let ports = check_ports(&typed.ports, &mut wrong);
    let scanner_ids = check_scanners(&typed.scanners, known, &mut wrong);
    if wrong.is_empty() { Ok(Checked { targets, ports, scanner_ids }) } else { Err(wrong) }
}

fn check_targets(typed: &[String], wrong: &mut Vec<FieldError>) -> Vec<String> {
    let mut targets = Vec::new();
    for (n, entry) in typed.iter().enumerate() {
        let field = if typed.len() == 1 { "targets".to_owned() } else { format!("targets[{n}]") };
        for token in entry.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|token| !token.is_empty())
        {
            match IpRange::parse(token) {
                Ok(range) => targets.push(range.to_string()),
                Err(AddressError::NotAnAddress(_)) if is_host_name(token) => targets.push(token.to_ascii_lowercase()),
                Err(error) => wrong.push(FieldError::new(&field, error.code(), format!("{error}."))),
            }
        }
    }
    targets.sort();
    targets.dedup();
    if targets.is_empty() && wrong.is_empty() {
        let message = "Give at least one address, CIDR, range or host name, such as 192.168.1.0/24.";
        wrong.push(FieldError::new("targets", "required", message));
    }
    if targets.len() > MAX_TARGETS {
        let message = format!(
            "{} targets are too many for an ad-hoc scan; list at most {MAX_TARGETS}, or make a subnet of them.",
            targets.len()
        );
        wrong.push(FieldError::new("targets", "too_many", message));
    }
    targets
}

fn check_ports(typed: &str, wrong: &mut Vec<FieldError>) -> Ports {
    match Ports::parse(typed) {
        Ok(ports) if ports.is_empty() => {
            wrong.push(FieldError::new("ports", "required", "Give at least one port, such as 22,80,8000-8100."));
            ports
        }
        Ok(ports) if ports.tcp.is_empty() => {
            wrong.push(FieldError::new("ports", "only_udp", "Only TCP is probed; give at least one TCP port."));
            ports
        }
        Ok(ports) => ports,
        Err(bad) => {
            wrong.extend(bad.iter().map(|bad| FieldError::new("ports", bad.fault.code(), format!("{bad}."))));
            Ports::default()
        }
    }
}

fn check_scanners(typed: &[String], known: &[ScannerHead], wrong: &mut Vec<FieldError>) -> Vec<ScannerId> {
    if typed.is_empty() {
        let active: Vec<_> = known.iter().filter(|scanner| scanner.status == "active").map(|s| s.id).collect();
        if active.is_empty() {
            let message = "No scanner is active. Add one, or name a scanner whose return the scan shall wait for.";
            wrong.push(FieldError::new("scanners", "no_active_scanner", message));
        }
        return active;
    }
    let mut ids = Vec::new();
    for (n, name) in typed.iter().enumerate() {
        let field = format!("scanners[{n}]");
        match known.iter().find(|scanner| scanner.name.eq_ignore_ascii_case(name.trim())) {
            None => wrong.push(FieldError::new(field, "unknown_scanner", format!("There is no scanner `{name}`."))),
            Some(scanner) if scanner.status == "disabled" => {
                let message = format!("Scanner `{}` is disabled; enable it first, or name another.", scanner.name);
                wrong.push(FieldError::new(field, "scanner_disabled", message));
            }
            Some(scanner) if ids.contains(&scanner.id) => {}
            Some(scanner) => ids.push(scanner.id),
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<ScannerHead> {
        let scanner = |n: u128, name: &str, status: &str| ScannerHead {
            id: ScannerId::from(uuid::Uuid::from_u128(n)),
            name: name.to_owned(),
            status: status.to_owned(),
        };
        vec![scanner(1, "berlin", "active"), scanner(2, "oslo", "offline"), scanner(3, "paris", "disabled")]
    }

    fn typed(targets: &[&str], ports: &str, scanners: &[&str]) -> AdHoc {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        AdHoc { targets: owned(targets), ports: ports.to_owned(), scanners: owned(scanners) }
    }

    fn faults(typed: &AdHoc) -> Vec<(String, &'static str)> {
        check(typed, &known()).expect_err("refused").into_iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn addresses_ranges_networks_and_names_are_taken() {
        let checked = check(&typed(&["10.0.0.0/30 10.0.0.9", "Example.ORG", "10.0.0.1-3"], "22,U:53", &[]), &known())
            .expect("good");
        assert_eq!(checked.targets, ["10.0.0.0/30", "10.0.0.1-10.0.0.3", "10.0.0.9", "example.org"]);
        assert_eq!(checked.ports.to_string(), "T:22,U:53");
        assert_eq!(checked.scanner_ids.len(), 1, "every active scanner");
    }

    #[test]
    fn an_offline_scanner_may_be_named_and_a_disabled_one_not() {
        assert_eq!(check(&typed(&["::1"], "1", &["OSLO", "oslo"]), &known()).expect("good").scanner_ids.len(), 1);
        assert_eq!(
            faults(&typed(&["::1"], "1", &["paris", "rome"])),
            [("scanners[0]".to_owned(), "scanner_disabled"), ("scanners[1]".to_owned(), "unknown_scanner"),]
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(
            faults(&typed(&["10.0.0.1/24", "a_b"], "70000", &[])),
            [
                ("targets[0]".to_owned(), "host_bits_set"),
                ("targets[1]".to_owned(), "not_an_address"),
                ("ports".to_owned(), "port_out_of_range"),
            ]
        );
        assert_eq!(
            faults(&typed(&[" "], "U:53", &[])),
            [("targets".to_owned(), "required"), ("ports".to_owned(), "only_udp"),]
        );
        assert_eq!(faults(&typed(&["10.0.0.1"], "", &[])), [("ports".to_owned(), "required")]);
    }
}
