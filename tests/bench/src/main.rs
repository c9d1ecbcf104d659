//! Every performance figure of mipo, beside its limit and its peers, measured in one run.
//!
//! Prints a table, or with `--json` one object a line. A goal that is not reached is said, never hidden; the exit code is
//! 0 when everything was measured, whatever the figures say.
mod actor;
mod figure;
mod gui;
mod ingest;
mod place;
mod plan;
mod queue;
mod scan;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Which area is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Area {
    /// The task queue: rates, delays and costs, beside its limit and its peers.
    Queue,
    /// Two ingest nodes under a fleet of scripted scanners.
    Ingest,
    /// The planner, and schedules that start.
    Plan,
    /// The pages of the GUI over a full database: a million live tasks, ten million that have ended.
    Gui,
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
    /// The long cells too: a transaction held open for ten minutes, for each queue.
    #[arg(long)]
    long: bool,
    /// Rounds, of which the median is shown [default: 5 for scan, 3 for queue].
    #[arg(long)]
    rounds: Option<usize>,
    /// The peers of the queue.
    #[arg(long, value_delimiter = ',', default_value = "apalis,graphile,awa")]
    peers: Vec<String>,
    /// No peers.
    #[arg(long, conflicts_with = "peers")]
    no_peers: bool,
    /// Prints the statements of the queue's limit and measures nothing.
    #[arg(long)]
    show_sql: bool,
    /// Folder with the binaries to measure.
    #[arg(long, env = "MIPO_BIN_DIR", default_value = "target/release")]
    bin_dir: PathBuf,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|first| first == queue::ACTOR) {
        return queue::act(std::env::args().skip(1));
    }
    let args = Args::parse();
    if args.show_sql {
        print!("{}", queue::raw_sql());
        return ExitCode::SUCCESS;
    }
    let rounds = |usual: usize| if args.smoke { 1 } else { args.rounds.unwrap_or(usual).max(1) };
    let measured = match args.area {
        Area::Queue => queue::measure(&queue::Options {
            smoke: args.smoke,
            long: args.long,
            rounds: rounds(3),
            peers: if args.no_peers { Vec::new() } else { args.peers },
        }),
        Area::Ingest => ingest::measure(&args.bin_dir, args.smoke),
        Area::Plan => plan::measure(&args.bin_dir, args.smoke, rounds(5)),
        Area::Gui => gui::measure(&args.bin_dir, args.smoke),
        Area::Scan => scan::measure(&args.bin_dir, args.smoke, rounds(5)),
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
