//! The processes that a queue is measured by: one that enqueues, one that works. The bench starts them from its own
//! binary and from those of the peers (which include this folder), so every queue is measured by the same code.
//!
//! They talk in JSON lines on stdout, and a worker ends when its stdin is closed.
pub mod gauge;
pub mod payload;
pub mod produce;

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use clap::{Parser, Subcommand};

use gauge::Gauge;
use produce::Producer;

/// Whatever went wrong; shown to whoever runs the bench.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What one process does.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// The database to work in.
    #[arg(long)]
    pub url: String,
    /// The part.
    #[command(subcommand)]
    pub part: Part,
}

/// The parts.
#[derive(Clone, Debug, Subcommand)]
pub enum Part {
    /// Makes what the queue needs in an empty database.
    Setup,
    /// Enqueues as fast as it can, `batch` tasks a commit, and says how long that took.
    Fill {
        /// How many tasks.
        #[arg(long)]
        count: usize,
        /// Tasks a commit.
        #[arg(long)]
        batch: usize,
        /// Commits before the clock starts.
        #[arg(long, default_value_t = 0)]
        warm_up: usize,
    },
    /// Enqueues one task a commit at a steady rate; each says in its payload when that was.
    Pace {
        /// How many tasks.
        #[arg(long)]
        count: usize,
        /// Tasks before those, which are not measured.
        #[arg(long)]
        warm_up: usize,
        /// Microseconds from one to the next.
        #[arg(long)]
        every_us: u64,
        /// Connections that take turns, so that a slow commit does not delay the next task.
        #[arg(long, default_value_t = 1)]
        lanes: usize,
    },
    /// Works until stdin is closed.
    Work(Load),
}

/// What a worker has to expect.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Load {
    /// How many tasks at a time.
    #[arg(long)]
    pub concurrency: usize,
    /// Tasks come one by one, and there is no backlog: a queue may recommend other options for that.
    #[arg(long)]
    pub sparse: bool,
    /// Handlers never end.
    #[arg(long)]
    pub hold: bool,
    /// Milliseconds of a lease, where that can be chosen; the default without it.
    #[arg(long)]
    pub lease_ms: Option<u64>,
}

/// A queue, as the bench sees it.
pub trait Queue {
    /// One connection that enqueues.
    type Producer: Producer;

    /// Makes what it needs in an empty database.
    fn setup(url: &str) -> impl Future<Output = Result<(), Failure>>;
    /// Connects for enqueuing.
    fn producer(url: &str) -> impl Future<Output = Result<Self::Producer, Failure>>;
    /// Works for ever: calls [`Gauge::ran`] in each task's handler.
    fn work(url: &str, load: Load, gauge: Gauge) -> impl Future<Output = Result<(), Failure>>;
}

/// Plays the part that `args` names, with the queue `Q`.
pub async fn play<Q: Queue>(args: Args) -> Result<(), Failure> {
    match args.part {
        Part::Setup => Q::setup(&args.url).await,
        Part::Fill { count, batch, warm_up } => {
            let took = produce::fill(&mut Q::producer(&args.url).await?, count, batch, warm_up).await?;
            gauge::say(&gauge::Line::Took { seconds: took.as_secs_f64() });
            Ok(())
        }
        Part::Pace { count, warm_up, every_us, lanes } => {
            let mut producers = Vec::with_capacity(lanes);
            for _ in 0..lanes {
                producers.push(Q::producer(&args.url).await?);
            }
            let took = produce::pace(producers, count, warm_up, Duration::from_micros(every_us)).await?;
            gauge::say(&gauge::Line::Took { seconds: took.as_secs_f64() });
            Ok(())
        }
        Part::Work(load) => Q::work(&args.url, load, Gauge::start()).await,
    }
}
