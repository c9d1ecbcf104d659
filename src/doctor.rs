//! `mipo doctor`: is the installation well, and what configuration is in force.
mod configuration;

use std::process::ExitCode;

use configuration::Shown;
use mipo_store::config::{backup_settings, service_heartbeats};
use mipo_store::{Conn, checks, migrate};
use serde::Serialize;

use crate::{Failure, database};

/// A service that is silent this long is down (product 11.1).
const SILENT_SECONDS: i64 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    name: String,
    verdict: Verdict,
    detail: String,
}

impl Check {
    fn new(name: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { name: name.into(), verdict, detail: detail.into() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    version: &'static str,
    commit: &'static str,
    checks: Vec<Check>,
    configuration: Vec<Shown>,
}

pub(crate) async fn run(json: bool) -> Result<ExitCode, Failure> {
    let mut checks = Vec::new();
    look(&mut checks).await;
    let configuration = configuration::look(&mut checks);
    let ok = checks.iter().all(|check| check.verdict != Verdict::Fail);
    let report = Report { ok, version: env!("CARGO_PKG_VERSION"), commit: env!("MIPO_COMMIT"), checks, configuration };
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) {
    for check in &report.checks {
        let word = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        println!("{word}  {:<22} {}", check.name, check.detail);
    }
    if !report.configuration.is_empty() {
        println!("\nconfiguration in force");
        for setting in &report.configuration {
            println!("  {:<10} {:<32} {:<45} {}", setting.service, setting.name, setting.value, setting.source);
        }
    }
    println!("\n{}", if report.ok { "all is well" } else { "something needs attention" });
}

async fn look(checks: &mut Vec<Check>) {
    let mut note = |name: &str, verdict, detail: String| checks.push(Check::new(name, verdict, detail));
    let url = match database::find() {
        Ok(url) => url,
        Err(failure) => return note("database", Verdict::Fail, failure.to_string()),
    };
    let mut conn = match migrate::connect(url.expose()).await {
        Ok(conn) => conn,
        Err(error) => return note("database", Verdict::Fail, format!("{}: {error}", url.redacted())),
    };
    match migrate::server_version(&mut conn).await {
        Ok(version) => note("database", Verdict::Ok, format!("PostgreSQL {version}, plain (native partitions)")),
        Err(error) => note("database", Verdict::Fail, error.to_string()),
    }
    match migrate::pending(&mut conn).await {
        Ok(missing) if missing.is_empty() => {
            note("schema", Verdict::Ok, format!("up to date ({} migrations)", migrate::all().len()));
        }
        Ok(missing) => {
            let names: Vec<_> = missing.iter().map(|step| format!("{:04}_{}", step.number, step.name)).collect();
            return note("schema", Verdict::Fail, format!("run `mipo migrate`; missing: {}", names.join(", ")));
        }
        Err(error) => return note("schema", Verdict::Fail, error.to_string()),
    }
    rows(&mut conn, &mut note).await;
    alive(&mut conn, &mut note).await;
    backups(&mut conn, &mut note).await;
}

async fn rows(conn: &mut Conn, note: &mut impl FnMut(&str, Verdict, String)) {
    let looked = match checks::run_allowed(conn).await {
        Ok(looked) => looked,
        Err(error) => return note("stored rows", Verdict::Fail, error.to_string()),
    };
    let done = checks::count() - looked.closed.len();
    if looked.findings.is_empty() && done > 0 {
        note("stored rows", Verdict::Ok, format!("{done} checks found nothing wrong"));
    }
    for finding in looked.findings {
        note(&format!("check {}", finding.check), Verdict::Fail, finding.rows.join(" | "));
    }
    if !looked.closed.is_empty() {
        let detail = format!(
            "not checked, because this role may not read what they need ({}); run it as the owner of the schema",
            looked.closed.join(", ")
        );
        note(&format!("{} more checks", looked.closed.len()), Verdict::Warn, detail);
    }
}

/// Without somebody who can decrypt a bundle none is made.
async fn backups(conn: &mut Conn, note: &mut impl FnMut(&str, Verdict, String)) {
    match backup_settings::recipients(conn).await {
        Ok(recipients) if recipients.is_empty() => {
            note("backups", Verdict::Warn, "are off: there is no recipient to encrypt them to".to_owned());
        }
        Ok(recipients) => note("backups", Verdict::Ok, format!("are encrypted to {} recipients", recipients.len())),
        Err(error) if error.is_forbidden() => {
            note("backups", Verdict::Warn, "not checked, because this role may not read their settings".to_owned());
        }
        Err(error) => note("backups", Verdict::Fail, error.to_string()),
    }
}

async fn alive(conn: &mut Conn, note: &mut impl FnMut(&str, Verdict, String)) {
    match service_heartbeats::all(conn).await {
        Ok(heard) => {
            for service in ["manager", "ingest", "dispatcher", "backup"] {
                let nodes: Vec<_> = heard.iter().filter(|node| node.service == service).collect();
                let silent = nodes.iter().map(|node| node.silent_seconds).min();
                match silent {
                    Some(seconds) if seconds <= SILENT_SECONDS => {
                        note(service, Verdict::Ok, format!("heard {seconds} s ago"));
                    }
                    Some(seconds) => note(service, Verdict::Warn, format!("silent for {seconds} s")),
                    None => note(service, Verdict::Warn, "was never heard of".to_owned()),
                }
            }
        }
        Err(error) => note("services", Verdict::Fail, error.to_string()),
    }
}
