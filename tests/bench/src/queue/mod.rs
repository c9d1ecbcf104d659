//! The task queue beside its limit and its peers: one PostgreSQL, durable commits, everything in turns.
//!
//! Each cell works in a fresh database and with processes of its own, which are this program's again (`queue-actor`)
//! or those of the peers. The order of the queues changes from round to round, so that none always follows the same.
mod cells;
mod contestant;
mod held;
mod ours;
mod peers;
mod process;
mod raw;
mod rescue;
mod server;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::actor;
use crate::figure::{Figure, percentile};
use cells::Sizes;
use contestant::Contestant;
use held::Course;
use rescue::Loss;
use server::Server;
use table::{Goal, Metric, Table};

/// The first argument of the processes that a cell starts.
pub const ACTOR: &str = "queue-actor";

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Small and without peers.
    pub smoke: bool,
    /// With the transaction that is held open for ten minutes.
    pub long: bool,
    /// The median of so many is shown.
    pub rounds: usize,
    /// By the names of their features.
    pub peers: Vec<String>,
}

/// Plays one process of a cell; the arguments are `queue-actor`, the queue, and its part.
pub fn act(arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut arguments = arguments.skip(1);
    let queue = arguments.next().unwrap_or_default();
    let args = actor::Args::parse_from(std::iter::once(queue.clone()).chain(arguments));
    // The limit needs one thread for its one connection; ours runs as the services do.
    let ended = match queue.as_str() {
        "raw" => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(actor::play::<raw::Raw>(args))),
        _ => tokio::runtime::Runtime::new()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(actor::play::<ours::Ours>(args))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{ACTOR} {queue}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The statements of the limit.
pub fn raw_sql() -> String {
    format!("-- enqueue one\n{};\n\n-- enqueue many\n{};\n\n-- a batch\n{};\n", raw::ONE, raw::MANY, raw::EXCHANGE)
}

/// Measures everything, or stops everything on Ctrl-C.
pub fn measure(options: &Options) -> Result<Vec<Figure>, String> {
    let peers = if options.smoke { Vec::new() } else { peers::build(&options.peers)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let server = Server::start(!options.smoke).await?;
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| format!("signals: {error}"))?;
        tokio::select! {
            figures = rounds(&server, options, peers) => figures,
            _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
            _ = terminate.recv() => Err("terminated".to_owned()),
        }
    })
}

async fn rounds(server: &Server, options: &Options, peers: Vec<Contestant>) -> Result<Vec<Figure>, String> {
    let program = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let mut contestants = vec![Contestant::ours(&program), Contestant::raw(&program)];
    contestants.extend(peers);
    contestants = ready(server, contestants).await?;
    let setting = server.describe().await?;
    if !options.smoke {
        eprintln!("mipo-bench: {setting}; {} rounds", options.rounds);
    }
    let mut round = Round { server, contestants, table: Table::default(), quiet: options.smoke };
    let sizes = if options.smoke { Sizes::SMOKE } else { Sizes::FULL };
    for number in 0..options.rounds {
        round.say(&format!("round {} of {}", number + 1, options.rounds));
        round.all(sizes).await?;
        round.rescue(if options.smoke { Loss::SMOKE } else { Loss::FULL }).await?;
        if number == 0 && (options.long || options.smoke) {
            round.held(if options.smoke { Course::SMOKE } else { Course::FULL }).await?;
        }
        round.contestants.rotate_left(1);
    }
    let notes = [format!("{setting}; median of {} rounds", options.rounds), format!("limit:\n{}", raw_sql())];
    Ok(round.table.figures(!options.smoke, &notes))
}

/// Sets each queue up; a peer that cannot be set up is left out, with the reason.
async fn ready(server: &Server, contestants: Vec<Contestant>) -> Result<Vec<Contestant>, String> {
    let mut ready = Vec::new();
    for contestant in contestants {
        let url = server.template(&contestant.database()).await?;
        match process::run(&contestant, &url, &["setup"]).await {
            Ok(_) => ready.push(contestant),
            Err(reason) if contestant.is_required() => return Err(reason),
            Err(reason) => eprintln!("mipo-bench: without {}: {reason}", contestant.name),
        }
    }
    Ok(ready)
}

/// What is measured a round.
struct Round<'a> {
    server: &'a Server,
    contestants: Vec<Contestant>,
    table: Table,
    quiet: bool,
}

/// A cell: which figures one run gives, and the run.
macro_rules! each {
    ($round:ident, $name:expr, |$contestant:ident| $cell:expr, |$value:ident| $figures:expr) => {
        let name = $name;
        for $contestant in $round.contestants.clone() {
            $round.say(&format!("{name}: {}", $contestant.name));
            match $cell.await {
                Ok($value) => {
                    for (metric, value) in $figures {
                        $round.table.add(&metric, $contestant.name, value);
                    }
                }
                Err(reason) if $contestant.is_required() => return Err(format!("{name}: {reason}")),
                Err(reason) => eprintln!("mipo-bench: {name}, without {}: {reason}", $contestant.name),
            }
        }
    };
}

impl Round<'_> {
    fn say(&self, what: &str) {
        if !self.quiet {
            eprintln!("mipo-bench: {what}");
        }
    }

    async fn all(&mut self, sizes: Sizes) -> Result<(), String> {
        self.consume(sizes).await?;
        self.enqueue(sizes).await?;
        self.pick_up(sizes).await?;
        self.cost(sizes).await
    }

    async fn consume(&mut self, sizes: Sizes) -> Result<(), String> {
        for &cell in sizes.consume {
            let (processes, concurrency, _) = cell;
            let plural = if processes == 1 { "process" } else { "processes" };
            let share = if processes == 1 { 0.8 } else { 0.9 };
            let metric = Metric::new(
                format!("consume, {processes} {plural}, concurrency {concurrency}"),
                "tasks/s",
                Goal::ShareOfRaw(share),
            );
            each!(self, &metric.name, |contestant| cells::consume(self.server, &contestant, cell), |rate| [(
                metric.clone(),
                rate
            )]);
        }
        Ok(())
    }

    async fn enqueue(&mut self, sizes: Sizes) -> Result<(), String> {
        for (words, batch, tasks) in [("one by one", 1, sizes.singles), ("by 1000", 1000, sizes.thousands * 1000)] {
            let metric = Metric::new(format!("enqueue {words}"), "tasks/s", Goal::ShareOfRaw(0.9));
            each!(self, &metric.name, |contestant| cells::enqueue(self.server, &contestant, tasks, batch), |rate| [(
                metric.clone(),
                rate
            )]);
        }
        Ok(())
    }

    async fn pick_up(&mut self, sizes: Sizes) -> Result<(), String> {
        let idle = Duration::from_millis(20);
        each!(
            self,
            "idle pick-up",
            |contestant| cells::pick_up(self.server, &contestant, sizes.idle_picks, idle, 1),
            |waits| [
                (Metric::new("idle pick-up, p50", "ms", Goal::TimesRaw(1.1)), percentile(&waits, 0.5)),
                (Metric::new("idle pick-up, p99", "ms", Goal::TimesRaw(1.5)), percentile(&waits, 0.99)),
            ]
        );
        let busy = Duration::from_millis(2);
        each!(
            self,
            "pick-up at 500 tasks/s",
            |contestant| cells::pick_up(self.server, &contestant, sizes.busy_picks, busy, 4),
            |waits| [(Metric::new("pick-up at 500 tasks/s, p99", "ms", Goal::AtMost(15.0)), percentile(&waits, 0.99))]
        );
        Ok(())
    }

    async fn cost(&mut self, sizes: Sizes) -> Result<(), String> {
        let metric = Metric::new("WAL a task, whole life, without full-page images", "B", Goal::AtMost(1024.0));
        each!(self, &metric.name, |contestant| cells::wal(self.server, &contestant, sizes.logged), |bytes| [(
            metric.clone(),
            bytes
        )]);
        let metric = Metric::new("idle load, statements a process (server's log)", "1/s", Goal::AtMost(1.0));
        self.say(&metric.name);
        // The limit does not wait, so it has no idle load.
        let watched: Vec<_> = self.contestants.iter().filter(|contestant| contestant.name != "raw").collect();
        for (name, load) in cells::idle_load(self.server, &watched, sizes.idle_for).await? {
            self.table.add(&metric, name, load);
        }
        Ok(())
    }

    /// Of ours alone: the limit has no leases, and what a peer calls a lease is minutes long or has to be asked for.
    async fn rescue(&mut self, loss: Loss) -> Result<(), String> {
        let name =
            format!("rescue of {} tasks of {} killed processes, p99", loss.processes * loss.each, loss.processes);
        self.say(&name);
        let ours = self.contestants.iter().find(|contestant| contestant.name == "ours").cloned();
        let ours = ours.ok_or("ours is not there")?;
        let seconds = rescue::rescue(self.server, &ours, loss).await.map_err(|reason| format!("{name}: {reason}"))?;
        self.table.add(&Metric::new(name, "s", Goal::AtMost(30.0)), ours.name, seconds);
        Ok(())
    }

    async fn held(&mut self, course: Course) -> Result<(), String> {
        let name = format!("transaction held open for {} s at {} tasks/s", course.held.as_secs_f64(), course.rate);
        let rate = Metric::new(format!("{name}, rate beside before"), "", Goal::AtLeast(0.98));
        // Those of a tenth of a second: what is on its way at any moment is no backlog.
        let backlog = Metric::new(format!("{name}, backlog"), "tasks", Goal::AtMost(f64::from(course.rate) / 10.0));
        each!(self, name, |contestant| held::held(self.server, &contestant, course), |held| [
            (rate.clone(), held.rate),
            (backlog.clone(), held.backlog),
        ]);
        Ok(())
    }
}
