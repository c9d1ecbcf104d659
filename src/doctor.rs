//! `mipo doctor`: is the installation well, and what configuration is in force.
use std::process::ExitCode;

use mipo_runtime::config::{Effective, Reader};
use mipo_store::config::service_heartbeats;
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    version: &'static str,
    commit: &'static str,
    checks: Vec<Check>,
    configuration: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    name: &'static str,
    value: String,
    source: String,
}

pub(crate) async fn run(json: bool) -> Result<ExitCode, Failure> {
    let mut checks = Vec::new();
    look(&mut checks).await;
    let configuration = configuration(&mut checks);
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
            println!("  {:<30} {:<45} {}", setting.name, setting.value, setting.source);
        }
    }
    println!("\n{}", if report.ok { "all is well" } else { "something needs attention" });
}

async fn look(checks: &mut Vec<Check>) {
    let mut note = |name: &str, verdict, detail: String| checks.push(Check { name: name.to_owned(), verdict, detail });
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
}

async fn rows(conn: &mut Conn, note: &mut impl FnMut(&str, Verdict, String)) {
    match checks::run(conn).await {
        Ok(findings) if findings.is_empty() => {
            note("stored rows", Verdict::Ok, format!("{} checks found nothing wrong", checks::count()));
        }
        Ok(findings) => {
            for finding in findings {
                note(&format!("check {}", finding.check), Verdict::Fail, finding.rows.join(" | "));
            }
        }
        Err(error) => note("stored rows", Verdict::Fail, error.to_string()),
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

/// In a container of one service its configuration is complete; elsewhere (beside `mipo up`) none is given.
fn configuration(checks: &mut Vec<Check>) -> Vec<Shown> {
    use mipo_runtime::config::{Backup, Dispatcher, Ingest, Manager};

    if std::env::var_os("DATABASE_URL").is_none() && std::env::var_os("DATABASE_URL_FILE").is_none() {
        return Vec::new();
    }
    let read: [(&str, Result<Effective, _>); 4] = [
        ("manager", Manager::read(Reader::from_environment()).map(|(_, effective)| effective)),
        ("ingest", Ingest::read(Reader::from_environment()).map(|(_, effective)| effective)),
        ("dispatcher", Dispatcher::read(Reader::from_environment()).map(|(_, effective)| effective)),
        ("backup", Backup::read(Reader::from_environment()).map(|(_, effective)| effective)),
    ];
    let mut shown: Vec<Shown> = Vec::new();
    let mut services = Vec::new();
    for (service, effective) in read {
        let Ok(effective) = effective else { continue };
        services.push(service);
        for setting in effective {
            if !shown.iter().any(|known| known.name == setting.name) {
                shown.push(Shown { name: setting.name, value: setting.value, source: setting.source });
            }
        }
    }
    let (verdict, detail) = if services.is_empty() {
        (Verdict::Warn, "of no service is complete; start one to see what is missing".to_owned())
    } else {
        (Verdict::Ok, format!("complete for {}", services.join(", ")))
    };
    checks.push(Check { name: "configuration".to_owned(), verdict, detail });
    shown
}
