//! Checks that many inputs share. All of an input is looked at before it is refused, so that one answer names every
//! mistake.
use ipnet::IpNet;
use mipo_domain::ports::Ports;
use mipo_domain::{address, names};
use mipo_store::StoreError;
use mipo_store::config::Referred;

use crate::error::Referrer;
use crate::{AppError, FieldError};

/// Longest description.
pub const DESCRIPTION_MAX: usize = 10_000;
/// Highest rate limit, probes per second.
pub const RATE_MAX: i64 = 100_000;

/// Gathers what is wrong with an input.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a refusal.
    pub fn refuse(&mut self, field: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, code, message));
    }

    /// A name: 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub fn name(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        if let Err(fault) = names::check_name(text) {
            self.refuse(field, fault.code(), sentence(&format!("A name {fault}")));
        }
        text.to_owned()
    }

    /// A description of at most 10,000 characters.
    pub fn description(&mut self, field: &str, text: &str) -> String {
        let text = text.trim().replace("\r\n", "\n");
        if let Err(fault) = names::check_description(&text) {
            self.refuse(field, fault.code(), sentence(&format!("A description {fault}")));
        }
        text
    }

    /// A text of at most `max` characters.
    pub fn text(&mut self, field: &str, text: &str, max: usize) -> String {
        let text = text.trim().replace("\r\n", "\n");
        let length = text.chars().count();
        if length > max {
            self.refuse(field, "too_long", format!("At most {max} characters, this text has {length}."));
        }
        if text.contains('\0') {
            self.refuse(field, "charset", "A text cannot hold the character NUL.");
        }
        text
    }

    /// A text that has to be there.
    pub fn required(&mut self, field: &str, text: &str, max: usize, what: &str) -> String {
        let text = self.text(field, text, max);
        if text.is_empty() {
            self.refuse(field, "required", what);
        }
        text
    }

    /// A whole number from `min` to `max`.
    pub fn count(&mut self, field: &str, value: i64, min: i64, max: i64) -> i32 {
        if value < min || value > max {
            self.refuse(field, "range", format!("A whole number from {min} to {max}; {value} is not."));
            return min as i32;
        }
        value as i32
    }

    /// Probes per second, 0 for no limit.
    pub fn rate(&mut self, field: &str, value: i64) -> i32 {
        if !(0..=RATE_MAX).contains(&value) {
            self.refuse(field, "range", format!("Probes per second from 0 (no limit) to {RATE_MAX}; {value} is not."));
            return 0;
        }
        value as i32
    }

    /// A network whose host bits are zero; a lone address is the network of itself.
    pub fn cidr(&mut self, field: &str, text: &str) -> Option<IpNet> {
        if text.trim().is_empty() {
            self.refuse(field, "required", "A network is needed, such as 192.0.2.0/24 or 2001:db8::/64.");
            return None;
        }
        match address::parse_cidr(text) {
            Ok(net) => Some(net),
            Err(error) => {
                self.refuse(field, error.code(), sentence(&error.to_string()));
                None
            }
        }
    }

    /// A port text; each bad piece is a refusal of its own with its position.
    pub fn ports(&mut self, field: &str, text: &str) -> Ports {
        match Ports::parse(text) {
            Ok(ports) => ports,
            Err(bad) => {
                for (index, piece) in bad.iter().enumerate() {
                    self.refuse(format!("{field}[{index}]"), piece.fault.code(), sentence(&piece.to_string()));
                }
                Ports::default()
            }
        }
    }

    /// Refuses if anything was found.
    pub fn done(self) -> Result<(), AppError> {
        if self.errors.is_empty() { Ok(()) } else { Err(AppError::Invalid(self.errors)) }
    }
}

/// A message of the domain as a sentence: quotes people read, a full stop at the end.
pub fn sentence(text: &str) -> String {
    let mut open = true;
    let mut out: String = text
        .chars()
        .map(|c| {
            if c != '`' {
                return c;
            }
            open = !open;
            if open { '”' } else { '“' }
        })
        .collect();
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

/// Maps the refusal of the unique key `constraint` to `NAME_TAKEN`.
pub fn name_taken(error: StoreError, constraint: &str, what: &str, name: &str) -> AppError {
    AppError::on_constraint(error, constraint, || {
        AppError::conflict("NAME_TAKEN", format!("There is a {what} called “{name}” already; choose another name."))
    })
}

/// Refuses to change something that is shipped with mipo.
pub fn built_in(what: &str) -> AppError {
    AppError::Refused {
        code: "BUILT_IN",
        detail: format!("A built-in {what} cannot be changed or deleted; clone it and change the clone."),
    }
}

/// Refuses when something refers to the object.
pub fn unused(referred: Vec<Referred>) -> Result<(), AppError> {
    if referred.is_empty() {
        return Ok(());
    }
    Err(AppError::InUse(referrers(referred)))
}

/// The same with the paths of their pages.
pub fn referrers(referred: Vec<Referred>) -> Vec<Referrer> {
    referred.into_iter().map(referrer).collect()
}

/// A delete that a foreign key refused, because somebody referred to the object in the same moment.
pub fn deleted(done: Result<bool, StoreError>, what: &'static str) -> Result<(), AppError> {
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(AppError::NotFound(what)),
        Err(StoreError::Constraint(_)) => Err(AppError::InUse(Vec::new())),
        Err(error) => Err(error.into()),
    }
}

/// The version that an update is made of must be the one that is stored.
pub fn fresh(stored: i32, given: i32) -> Result<(), AppError> {
    if stored == given { Ok(()) } else { Err(AppError::Stale) }
}

fn referrer(row: Referred) -> Referrer {
    let (kind, path) = match row.kind.as_str() {
        "subnet" => ("subnet", format!("/config/subnets/{}", row.id)),
        "subnet group" => ("subnet group", format!("/config/subnet-groups/{}", row.id)),
        "scan template" => ("scan template", format!("/config/scan-templates/{}", row.id)),
        "scan template group" => ("scan template group", format!("/config/scan-template-groups/{}", row.id)),
        "scanner group" => ("scanner group", format!("/config/scanner-groups/{}", row.id)),
        "port list group" => ("port list group", format!("/config/port-list-groups/{}", row.id)),
        "FQDN" => ("FQDN", format!("/config/fqdns/{}", row.id)),
        "FQDN group" => ("FQDN group", format!("/config/fqdn-groups/{}", row.id)),
        "discovery list" => ("discovery list", format!("/config/discovery/lists/{}", row.id)),
        "blackout window" => ("blackout window", format!("/config/blackouts/{}", row.id)),
        "port list" => ("port list", format!("/config/port-lists/{}", row.id)),
        "schedule" => ("schedule", format!("/scans/schedules/{}", row.id)),
        "test" => ("test", "/scans/tests".to_owned()),
        "scan" => ("scan", format!("/scans/{}", row.id)),
        _ => ("object", "/".to_owned()),
    };
    Referrer { kind, name: row.name, path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(check: impl FnOnce(&mut Checks)) -> Vec<(String, &'static str)> {
        let mut checks = Checks::new();
        check(&mut checks);
        match checks.done() {
            Err(AppError::Invalid(errors)) => errors.into_iter().map(|e| (e.field, e.code)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "office-net_2", &"x".repeat(64)] {
            assert_eq!(errors(|c| drop(c.name("name", good))), [], "{good}");
        }
        for (bad, code) in [
            ("", "required"),
            ("  ", "required"),
            ("a b", "bad_character"),
            ("bü", "bad_character"),
            ("a/b", "bad_character"),
        ] {
            assert_eq!(errors(|c| drop(c.name("name", bad))), [("name".to_owned(), code)], "{bad}");
        }
        assert_eq!(errors(|c| drop(c.name("name", &"x".repeat(65)))), [("name".to_owned(), "length")]);
    }

    #[test]
    fn each_bad_port_is_named() {
        let found = errors(|c| drop(c.ports("ports", "22,abc,70000,22/icmp")));
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["ports[0]", "ports[1]", "ports[2]"]);
    }

    #[test]
    fn messages_read_like_sentences() {
        assert_eq!(
            sentence("`10.0.0.1/8` has host bits set; the network is 10.0.0.0/8"),
            "“10.0.0.1/8” has host bits set; the network is 10.0.0.0/8."
        );
    }
}
