//! What a stand-alone scan prints: a table, JSON lines, or nmap's XML.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::progress::grouped;
use super::{Counts, seconds, xml};
use mipo_protocol::part::Verdict;

use crate::cli::ScanArgs;
use crate::engine::{Outcome, Target};
use crate::services;

/// Rows that a table sorts; what comes after is printed as it comes.
const ROWS: usize = 100_000;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// The round trip of its answer.
    pub rtt: Option<Duration>,
}

/// One line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    ip: IpAddr,
    port: u16,
    protocol: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// The last line of JSON.
#[derive(Serialize)]
struct Last<'a> {
    summary: Totals<'a>,
}

#[derive(Serialize)]
struct Totals<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    seconds: f64,
}

enum Form {
    Json,
    Table(BTreeMap<(IpAddr, u16), Row>),
    Xml(xml::Report),
}

/// Prints in the form that was asked for.
pub struct Printer {
    form: Form,
    all: bool,
    out: BufWriter<Stdout>,
    flush: bool,
}

impl Printer {
    /// A printer to the standard output.
    pub fn new(args: &ScanArgs, started_at: DateTime<Utc>) -> std::io::Result<Self> {
        let form = if args.json {
            Form::Json
        } else if args.xml {
            Form::Xml(xml::Report::new(args, started_at))
        } else {
            Form::Table(BTreeMap::new())
        };
        let out = std::io::stdout();
        let flush = out.is_terminal();
        Ok(Self { form, all: args.all, out: BufWriter::new(out), flush })
    }

    /// A verdict came.
    pub fn judged(&mut self, outcome: &Outcome, at: DateTime<Utc>) -> std::io::Result<()> {
        let open = outcome.verdict == Verdict::Open;
        if let Form::Xml(report) = &mut self.form {
            report.judged(outcome, self.all);
            return Ok(());
        }
        if !open && !self.all {
            return Ok(());
        }
        let Target { ip, port, .. } = outcome.target;
        if matches!(self.form, Form::Table(_)) {
            return self.row(ip, port, Row { verdict: Some(outcome.verdict), rtt: outcome.rtt });
        }
        self.line(&Line {
            ip,
            port,
            protocol: "tcp",
            state: outcome.verdict.as_str(),
            service: services::name(port).filter(|_| open),
            rtt_us: outcome.rtt.map(micros),
            tries: Some(outcome.tries),
            at: Some(at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        })
    }

    /// A target was left out, because it is denied.
    pub fn not_probed(&mut self, target: Target) -> std::io::Result<()> {
        match &self.form {
            Form::Json if self.all => self.line(&Line {
                ip: target.ip,
                port: target.port,
                protocol: "tcp",
                state: Verdict::NotProbed.as_str(),
                service: None,
                rtt_us: None,
                tries: None,
                at: None,
            }),
            Form::Table(_) if self.all => self.row(target.ip, target.port, Row { verdict: None, rtt: None }),
            _ => Ok(()),
        }
    }

    fn row(&mut self, ip: IpAddr, port: u16, row: Row) -> std::io::Result<()> {
        match &mut self.form {
            Form::Table(rows) if rows.len() < ROWS => {
                rows.insert((ip, port), row);
                Ok(())
            }
            _ => print_row(&mut self.out, ip, port, row),
        }
    }

    fn line(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")?;
        if self.flush { self.out.flush() } else { Ok(()) }
    }

    /// The scan is over.
    pub fn finish(mut self, counts: &Counts, elapsed: Duration, ended_at: DateTime<Utc>) -> std::io::Result<()> {
        match self.form {
            Form::Json => {
                let summary = Totals { counts, seconds: seconds(elapsed) };
                serde_json::to_writer(&mut self.out, &Last { summary })?;
                self.out.write_all(b"\n")?;
            }
            Form::Xml(report) => report.write(&mut self.out, counts, elapsed, ended_at)?,
            Form::Table(rows) => {
                if !rows.is_empty() {
                    writeln!(
                        self.out,
                        "{:<39} {:>9}  {:<10} {:<16} {:>9}",
                        "ADDRESS", "PORT", "STATE", "SERVICE", "RTT"
                    )?;
                }
                for ((ip, port), row) in rows {
                    print_row(&mut self.out, ip, port, row)?;
                }
                writeln!(self.out, "{}", words(counts, elapsed))?;
            }
        }
        self.out.flush()
    }
}

fn print_row(out: &mut impl Write, ip: IpAddr, port: u16, row: Row) -> std::io::Result<()> {
    let state = row.verdict.map_or("not_probed", Verdict::as_str);
    let service = services::name(port).unwrap_or("–");
    let rtt = row.rtt.map_or_else(|| "–".to_owned(), |rtt| format!("{:.2} ms", rtt.as_secs_f64() * 1_000.0));
    writeln!(out, "{:<39} {:>9}  {state:<10} {service:<16} {rtt:>9}", ip.to_string(), format!("{port}/tcp"))
}

fn words(counts: &Counts, elapsed: Duration) -> String {
    let mut text = format!(
        "{} open, {} closed, {} filtered",
        grouped(counts.open),
        grouped(counts.closed),
        grouped(counts.filtered)
    );
    for (count, word) in [(counts.error, "error"), (counts.not_probed, "not probed")] {
        if count > 0 {
            let _ = write!(text, ", {} {word}", grouped(count));
        }
    }
    let rate = counts.judged() as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{text}; {} probes in {:.1} s ({}/s)", grouped(counts.probes), elapsed.as_secs_f64(), grouped(rate as u64))
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
