//! The mipo server: one command, a subcommand a service.
mod audit;
mod cli;
mod database;
mod declared;
mod doctor;
mod migrate;
mod owner;
mod reset;
mod serve;
mod services;
mod up;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{AuditCommand, Cli, Command, OwnerCommand};

/// Refused or failed, with the reason for people.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up => up::run().await,
        Command::Manager => services::manager().await,
        Command::Ingest => services::ingest().await,
        Command::Dispatcher => services::dispatcher().await,
        Command::Backup => services::backup().await,
        Command::Migrate => migrate::run().await,
        Command::Doctor { json } => doctor::run(json).await,
        Command::Apply { file, prune, dry_run, yes } => {
            declared::apply(&file, declared::How { prune, dry_run, yes }).await
        }
        Command::Export { output } => declared::export(output.as_deref()).await,
        Command::Audit { command: AuditCommand::Verify { json } } => audit::verify(json).await,
        Command::Owner { command: OwnerCommand::Reset } => owner::reset().await,
        Command::Reset { yes } => reset::run(yes).await,
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("mipo: {failure}");
            ExitCode::FAILURE
        }
    }
}
