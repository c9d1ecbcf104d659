//! `mipo up`: a local trial in one process. Everything that a person sees of it is told here, in order.
mod data_dir;
mod database;
mod first_steps;
mod front;
mod log;
mod release;
mod scanner;
mod services;
mod settings;
mod terminal;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) use data_dir::DataDir;
use database::Database;
use first_steps::Operator;
use mipo_runtime::config::Reader;
use mipo_runtime::{OsEntropy, Shutdown};
use release::Release;
use scanner::Scanner;
use services::Services;
use settings::Settings;
use terminal::Terminal;
use tokio::net::TcpListener;

use crate::Failure;

pub(crate) async fn run() -> Result<ExitCode, Failure> {
    let settings = Settings::read(Reader::from_values(own_variables()))?;
    let terminal = Terminal::new();
    let data = Arc::new(DataDir::hold(&crate::database::data_dir())?);
    let log = log::start(&data)?;
    let asked = Shutdown::on_signals()?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        format!("MIPO_LISTEN: {}: {error}; choose another one, such as MIPO_LISTEN=127.0.0.1:8081", settings.listen)
    })?;
    let scanner = scanner_binary()?;
    let address = listener.local_addr()?;
    terminal.text(&format!("mipo {} on {address}; logs in {}", env!("CARGO_PKG_VERSION"), log.display()));
    // Signing hashes the whole scanner; the database takes longer to start.
    let signing = tokio::task::spawn_blocking({
        let (data, scanner) = (Arc::clone(&data), scanner.clone());
        move || release::prepare(&data, &scanner, &OsEntropy)
    });
    let external = settings.database_url.clone();
    let database = match Database::start(&data, external, &OsEntropy, &terminal, &asked).await {
        Err(_) if asked.is_stopping() => {
            terminal.step("stopped");
            return Ok(ExitCode::SUCCESS);
        }
        started => started?,
    };
    let outcome = async {
        let release = signing.await??;
        trial(&settings, &data, &database, &release, &scanner, listener, &asked, &terminal).await
    }
    .await;
    terminal.step("stopping the database");
    database.stop().await?;
    terminal.step("stopped");
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Everything that needs the database.
#[expect(clippy::too_many_arguments, reason = "what the story above has gathered, once")]
async fn trial(
    settings: &Settings,
    data: &DataDir,
    database: &Database,
    release: &Release,
    scanner: &Path,
    listener: TcpListener,
    asked: &Shutdown,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let address = listener.local_addr()?;
    let mut services = Services::start(data, database, release, listener).await?;
    terminal.step(&format!("services started (health and metrics on {})", services.ops));
    data.note_address(&format!("http://{address}"))?;
    let scanner = Scanner::new(data, scanner, address)?;
    let operator = Operator::new(services.manager.clone());
    let min_length = services.config.password_min_length;
    let outcome = tokio::select! {
        outcome = story(&operator, &scanner, settings, address, min_length, asked, terminal) => outcome,
        failure = services.failure() => Err(failure),
    };
    terminal.text("");
    terminal.step("stopping the services");
    services.stop(asked).await;
    outcome
}

/// What happens once the services run, until somebody asks to stop.
async fn story(
    operator: &Operator,
    scanner: &Scanner,
    settings: &Settings,
    address: SocketAddr,
    min_length: u32,
    asked: &Shutdown,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let owner = operator.owner(&settings.owner, min_length).await?;
    operator.enrol(scanner, terminal).await?;
    // The scanner is stopped while the services still run: it hands back its job.
    let scanning = scanner.keep_running(asked);
    let telling = async {
        operator.first_scan(terminal).await?;
        welcome(settings, address, owner.as_deref(), terminal);
        std::future::pending::<Result<(), Failure>>().await
    };
    tokio::pin!(scanning);
    tokio::select! {
        ended = &mut scanning => ended,
        failed = telling => {
            asked.stop();
            scanning.await?;
            failed
        }
    }
}

/// The address, and how to get in.
fn welcome(settings: &Settings, address: SocketAddr, setup_path: Option<&str>, terminal: &Terminal) {
    let address = format!("http://{address}");
    let way_in = match setup_path {
        Some(path) => format!("create the owner (once, within 15 min): {address}{path}"),
        None => format!("sign in as {}, or reset the password by: mipo owner reset", settings.owner.username),
    };
    terminal.text(&format!("\nmipo is at {address}\n{way_in}\nCtrl-C stops everything."));
}

/// `mipo up` reads these and nothing else, so that a stray variable of another service cannot change a trial.
fn own_variables() -> Vec<(String, String)> {
    const NAMES: [&str; 5] =
        ["MIPO_LISTEN", "MIPO_DATABASE_URL", "MIPO_OWNER_USERNAME", "MIPO_OWNER_EMAIL", "MIPO_OWNER_PASSWORD"];
    std::env::vars().filter(|(name, _)| NAMES.contains(&name.strip_suffix("_FILE").unwrap_or(name))).collect()
}

/// The scanner lies beside this program.
fn scanner_binary() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let scanner = own.with_file_name("mipo-scanner");
    if scanner.is_file() { Ok(scanner) } else { Err(format!("{} is missing; build it too", scanner.display()).into()) }
}
