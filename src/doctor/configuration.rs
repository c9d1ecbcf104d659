//! The configuration in force: of the service whose environment this is, or of the trial that runs beside.
use std::collections::BTreeSet;

use mipo_runtime::config::{
    Backup, ConfigError, DatabaseUrl, Dispatcher, Effective, FILE_VARIABLE, Ingest, Manager, Reader,
};
use serde::{Deserialize, Serialize};

use super::{Check, Verdict};
use crate::database;
use crate::up::DataDir;

/// One setting of one service, or of several that have the same.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Shown {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: String,
}

type Judge = fn(Reader) -> Result<Effective, ConfigError>;

const SERVICES: [(&str, Judge); 4] = [
    ("manager", |reader| Manager::read(reader).map(|(_, effective)| effective)),
    ("ingest", |reader| Ingest::read(reader).map(|(_, effective)| effective)),
    ("dispatcher", |reader| Dispatcher::read(reader).map(|(_, effective)| effective)),
    ("backup", |reader| Backup::read(reader).map(|(_, effective)| effective)),
];

/// Judges what is given here and gives what is in force.
pub(super) fn look(checks: &mut Vec<Check>) -> Vec<Shown> {
    let given = ["DATABASE_URL", "DATABASE_URL_FILE", FILE_VARIABLE];
    if given.iter().any(|name| std::env::var_os(name).is_some()) { of_service(checks) } else { of_trial(checks) }
}

/// Beside `mipo up` nothing is given: it noted what it gave to its services.
fn of_trial(checks: &mut Vec<Check>) -> Vec<Shown> {
    let noted = DataDir::configuration(&database::data_dir());
    let shown: Option<Vec<Shown>> = noted.and_then(|noted| serde_json::from_str(&noted).ok());
    let Some(shown) = shown else {
        checks.push(Check::new("configuration", Verdict::Warn, "none is given here, and no `mipo up` noted one"));
        return Vec::new();
    };
    checks.push(Check::new("configuration", Verdict::Ok, "that of the local trial as it was last started"));
    merged(shown)
}

/// In the environment of a service; its role says which one it is. Other roles may stand for any service, so that only
/// values that are there and wrong count as mistakes.
fn of_service(checks: &mut Vec<Check>) -> Vec<Shown> {
    let mut reader = Reader::from_environment();
    let url: Option<DatabaseUrl> = reader.optional("DATABASE_URL");
    let role = url.as_ref().and_then(DatabaseUrl::role).unwrap_or_default();
    let own: Vec<_> = SERVICES.into_iter().filter(|(service, _)| role == format!("mipo_{service}")).collect();
    let known = !own.is_empty();
    let services = if known { own } else { SERVICES.to_vec() };
    let (mut shown, mut complete, mut wrong) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (service, judge) in services {
        match judge(Reader::from_environment()) {
            Ok(effective) => {
                complete.push(service);
                shown.extend(effective.into_iter().map(|setting| Shown {
                    service: service.to_owned(),
                    name: setting.name.to_owned(),
                    value: setting.value,
                    source: setting.source,
                }));
            }
            Err(error) => {
                let mistakes = error.0.into_iter().filter(|mistake| known || !mistake.missing);
                wrong.extend(mistakes.map(|mistake| (mistake.name, mistake.problem)));
            }
        }
    }
    let detail = match complete.as_slice() {
        [] => "of no service is complete here".to_owned(),
        complete => format!("complete for {}", complete.join(", ")),
    };
    let verdict = if complete.is_empty() { Verdict::Warn } else { Verdict::Ok };
    checks.push(Check::new("configuration", verdict, detail));
    checks.extend(wrong.into_iter().map(|(name, problem)| Check::new(name, Verdict::Fail, problem)));
    merged(shown)
}

/// A setting that several services have alike is shown once.
fn merged(all: Vec<Shown>) -> Vec<Shown> {
    let mut merged: Vec<Shown> = Vec::new();
    for setting in all {
        let same = |known: &&mut Shown| {
            (&known.name, &known.value, &known.source) == (&setting.name, &setting.value, &setting.source)
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.service = "several".to_owned(),
            None => merged.push(setting),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(service: &str, name: &str, value: &str) -> Shown {
        Shown { service: service.into(), name: name.into(), value: value.into(), source: "default".into() }
    }

    #[test]
    fn what_services_share_is_shown_once() {
        let all = vec![setting("manager", "A", "1"), setting("ingest", "A", "1"), setting("ingest", "B", "2")];
        let shown: Vec<_> = merged(all).into_iter().map(|s| format!("{} {}={}", s.service, s.name, s.value)).collect();
        assert_eq!(shown, ["several A=1", "ingest B=2"]);
    }
}
