//! Settings that several services have, or that are more than a text: each is read and judged in one place.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mipo_domain::sealing::Sealer;
use mipo_protocol::wire::Base64;

use super::reader::Reader;
use super::values::{Environment, Secret};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// `:9100` means every address, as elsewhere.
pub(super) fn listen(reader: &mut Reader, name: &'static str, port: u16) -> SocketAddr {
    let default = SocketAddr::new(ANY, port);
    let text = reader.or(name, default.to_string());
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text };
    whole.parse().unwrap_or_else(|_| {
        reader.mistake(name, format!("`{whole}` is not an address and port such as 127.0.0.1:{port}"));
        default
    })
}

pub(super) fn secrets_key(reader: &mut Reader) -> Option<Secret> {
    let key = reader.required_secret("SECRETS_KEY")?;
    if let Err(problem) = Sealer::from_list(key.expose()) {
        reader.mistake("SECRETS_KEY", problem);
    }
    Some(key)
}

pub(super) fn job_signing_key(reader: &mut Reader) -> Option<Secret> {
    let key = reader.secret("JOB_SIGNING_KEY")?;
    let seed = Base64::decode(key.expose().trim()).filter(|seed| seed.0.len() == 32);
    if seed.is_none() {
        reader.mistake("JOB_SIGNING_KEY", "is not an Ed25519 seed: 32 bytes, written as 44 characters of base64");
    }
    Some(key)
}

pub(super) fn drill_identity(reader: &mut Reader) -> Option<Secret> {
    let identity = reader.secret("BACKUP_DRILL_IDENTITY")?;
    if !identity.expose().lines().any(|line| line.trim().starts_with("AGE-SECRET-KEY-")) {
        reader.mistake("BACKUP_DRILL_IDENTITY_FILE", "holds no age identity: a line that begins with AGE-SECRET-KEY-");
    }
    Some(identity)
}

/// A setting of the specification that this version does not act on: only the value that describes what it does is
/// taken, because a setting that is silently without effect would be a trap.
pub(super) fn without_effect(reader: &mut Reader, name: &'static str, only: Option<&str>) {
    let given: Option<String> = reader.optional(name);
    match (given, only) {
        (None, only) => reader.hide(name, only.unwrap_or("(none)")),
        (Some(given), Some(only)) if given == only => {}
        (Some(_), Some(only)) => reader.mistake(name, format!("this version knows only {only}; leave it out")),
        (Some(_), None) => reader.mistake(name, "this version does not use it; leave it out"),
    }
}

/// Plain HTTP is for a trial that stays on one machine.
pub(super) fn public_url(reader: &mut Reader, environment: Environment) -> Option<String> {
    let url: String = reader.optional("PUBLIC_URL")?;
    let right = match url.split_once("://") {
        Some(("https", rest)) => !host_of(rest).is_empty(),
        Some(("http", rest)) => environment.is_development() && is_loopback(host_of(rest)),
        _ => false,
    };
    if !right {
        let wanted = "must be https:// and a host (http:// only with MIPO_ENV=development and a loopback address)";
        reader.mistake("PUBLIC_URL", wanted);
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// The host of what follows `://`.
fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(ip) => ip.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn scanner_offline(reader: &mut Reader) -> u32 {
    reader.within("SCANNER_OFFLINE_SECONDS", 120, 10..=86_400)
}

pub(super) fn max_leases(reader: &mut Reader) -> u32 {
    reader.within("JOB_MAX_LEASE_ATTEMPTS", 5, 1..=100)
}

pub(super) fn limits(reader: &mut Reader) -> (u64, u64) {
    (
        reader.within("MAX_TARGET_IPS", 16_777_216, 1..=4_294_967_296),
        reader.within("MAX_PROBES_PER_SCAN", 1_000_000_000, 1..=1_000_000_000_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Backup, ConfigError, Dispatcher, Ingest, Manager};

    const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres:///mipo?host=/run/postgresql&user=mipo_ingest");

    /// The names of what is wrong with these values, beside what every service is missing here.
    fn wrong(names: &mut Vec<String>, read: Result<(), ConfigError>) {
        let missing = ["SECRETS_KEY", "BACKUP_API_TOKEN"];
        let all = read.err().into_iter().flat_map(|error| error.0).map(|mistake| mistake.name);
        names.extend(all.filter(|name| !missing.contains(&name.as_str())));
    }

    fn wrong_with(name: &str, value: &str, environment: &str) -> Vec<String> {
        let reader = || Reader::from_values([DATABASE, (name, value), ("MIPO_ENV", environment)]);
        let mut names = Vec::new();
        wrong(&mut names, Manager::read(reader()).map(drop));
        wrong(&mut names, Ingest::read(reader()).map(drop));
        wrong(&mut names, Dispatcher::read(reader()).map(drop));
        wrong(&mut names, Backup::read(reader()).map(drop));
        names
    }

    #[test]
    fn every_service_that_has_a_setting_judges_it_at_its_start() {
        for (name, value, services) in [
            ("MIN_SCANNER_VERSION", "newest", 2),
            ("RELEASE_PUBLIC_KEY", "AAAA", 2),
            ("ASN_TABLE", "/etc/asn", 2),
            ("PROGRESS_TIMEOUT_AUTO_FAIL", "yes", 1),
            ("CHANGE_CONFIRM", "2/3", 1),
            ("NOTIFICATION_RETENTION_DAYS", "7", 1),
            ("SCANNER_OFFLINE_SECONDS", "1", 2),
        ] {
            assert_eq!(wrong_with(name, value, "production"), vec![name; services]);
        }
        for (name, value) in [
            ("MIN_SCANNER_VERSION", "0.2"),
            ("PROGRESS_TIMEOUT_AUTO_FAIL", "true"),
            ("CHANGE_CONFIRM", "off"),
            ("NOTIFICATION_RETENTION_DAYS", "90"),
        ] {
            assert!(wrong_with(name, value, "production").is_empty(), "{name}");
        }
    }

    #[test]
    fn keys_in_files_are_judged_at_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "nothing like a key").expect("writes");
        let file = path.display().to_string();
        assert_eq!(wrong_with("JOB_SIGNING_KEY_FILE", &file, "production"), ["JOB_SIGNING_KEY"]);
        assert_eq!(wrong_with("BACKUP_DRILL_IDENTITY_FILE", &file, "production"), ["BACKUP_DRILL_IDENTITY_FILE"]);
        std::fs::write(&path, Base64(vec![7; 32]).encode() + "\n").expect("writes");
        assert!(wrong_with("JOB_SIGNING_KEY_FILE", &file, "production").is_empty());
        std::fs::write(&path, "# made by age-keygen\nAGE-SECRET-KEY-1QQQ\n").expect("writes");
        assert!(wrong_with("BACKUP_DRILL_IDENTITY_FILE", &file, "production").is_empty());
    }

    #[test]
    fn plain_http_is_for_loopback_in_development() {
        for (url, environment, good) in [
            ("https://mipo.example.org/", "production", true),
            ("https://", "production", false),
            ("mipo.example.org", "production", false),
            ("http://127.0.0.1:8080", "production", false),
            ("http://127.0.0.1:8080", "development", true),
            ("http://[::1]:8080", "development", true),
            ("http://localhost", "development", true),
            ("http://mipo.example.org", "development", false),
            ("http://localhost.example.org", "development", false),
        ] {
            assert_eq!(wrong_with("PUBLIC_URL", url, environment).is_empty(), good, "{url} {environment}");
        }
    }
}
