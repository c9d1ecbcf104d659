//! The command line. Exit codes: 0 good, 1 refused or failed with the reason, 2 wrong usage.
use clap::{Parser, Subcommand};

/// Name, version and commit, as `--version` prints them.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("MIPO_COMMIT"));

/// Self-hosted distributed port scanning
#[derive(Debug, Parser)]
#[command(name = "mipo", version = VERSION, arg_required_else_help = true, propagate_version = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: a private PostgreSQL, all services, a local scanner and a first scan
    ///
    /// Reads only MIPO_LISTEN (127.0.0.1:8080), MIPO_DATA_DIR (.mipo), MIPO_DATABASE_URL, MIPO_OWNER_USERNAME (owner),
    /// MIPO_OWNER_EMAIL and MIPO_OWNER_PASSWORD (or MIPO_OWNER_PASSWORD_FILE).
    Up,
    /// Run the GUI and the admin API
    Manager,
    /// Run the scanner and discovery API
    Ingest,
    /// Run what plans, stores, reconciles and concludes scans
    Dispatcher,
    /// Run the backup service
    Backup,
    /// Bring the database schema up to date
    Migrate,
    /// Check the installation and print the configuration in force
    Doctor {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make the scan configuration as a document says: shows what that changes, asks, and does it all or nothing
    Apply {
        /// The document, TOML as `mipo export` writes it; `-` reads from standard input
        #[arg(short, long)]
        file: std::path::PathBuf,
        /// Also delete what the document does not name
        #[arg(long)]
        prune: bool,
        /// Show what would change, and change nothing
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Write the scan configuration down as a document, without secrets
    Export {
        /// Where to; standard output without it
        #[arg(short, long)]
        output: Option<std::path::PathBuf>,
    },
    /// The audit chain
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// The owner's account
    Owner {
        #[command(subcommand)]
        command: OwnerCommand,
    },
    /// Stop and delete the local trial: its data directory and its private PostgreSQL
    Reset {
        /// Really delete
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute every row of the chain
    Verify {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnerCommand {
    /// Print a one-time link that sets the owner's password anew, and end the owner's sessions
    Reset,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
