//! The remote scanner.
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mipo_scanner::agent::{self, enrol};
use mipo_scanner::cli::{Cli, Command};
use mipo_scanner::scan;
use mipo_scanner::system::{OsEntropy, SystemClock};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    log_to_stderr(matches!(command, Command::Run(_)));
    match command {
        Command::Scan(args) => scan::run(&args, &SystemClock, &OsEntropy),
        Command::Enrol(args) => enrol::run(args),
        Command::Run(args) => match agent::run(args, Arc::new(SystemClock), Arc::new(OsEntropy)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(1)
            }
        },
    }
}

/// The agent tells what it does, the other commands only what goes wrong; `RUST_LOG` overrules both.
fn log_to_stderr(agent: bool) {
    let usual = if agent { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
