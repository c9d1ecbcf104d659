//! Every performance figure of mipo, beside its limit and its peers, measured in one run.
//!
//! Prints a table, or with `--json` one object a line. A goal that is not reached is said, never hidden; the exit code is
//! 0 when everything was measured, whatever the figures say.
mod figure;
mod scan;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Which area is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Area {
    /// The scan engine: wall time and CPU a probe on loopback.
    Scan,
}

/// How to measure.
#[derive(Debug, Parser)]
#[command(name = "mipo-bench", version, about)]
struct Args {
    /// What to measure.
    area: Area,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// Small and without peers: proves that the measurement works.
    #[arg(long)]
    smoke: bool,
    /// Rounds; the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Folder with the binaries to measure.
    #[arg(long, env = "MIPO_BIN_DIR", default_value = "target/release")]
    bin_dir: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let measured = match args.area {
        Area::Scan => scan::measure(&args.bin_dir, args.smoke, if args.smoke { 1 } else { args.rounds.max(1) }),
    };
    match measured {
        Ok(figures) => {
            figure::print(&figures, args.json);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("mipo-bench: {reason}");
            ExitCode::FAILURE
        }
    }
}
