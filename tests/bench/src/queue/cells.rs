//! The cells of the table: each measures one queue once, in a fresh database.
use std::time::Duration;

use super::contestant::Contestant;
use super::process::{Crew, Shift, run};
use super::server::{Database, Server};
use crate::actor::payload::nanos;

/// After the handlers ran, for the last acknowledgements.
const LAST_ACKS: Duration = Duration::from_secs(30);

/// One process that waits for tasks.
pub const SPARSE: Shift = Shift { processes: 1, concurrency: 100, sparse: true, hold: false, lease: None };

/// How big everything is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Processes, concurrency, tasks.
    pub consume: &'static [(usize, usize, usize)],
    /// Tasks that are enqueued one by one.
    pub singles: usize,
    /// Commits of 1000.
    pub thousands: usize,
    /// Tasks of which the idle pick-up is measured.
    pub idle_picks: usize,
    /// Tasks of which the pick-up at 500/s is measured.
    pub busy_picks: usize,
    /// Tasks whose write-ahead log is measured.
    pub logged: usize,
    /// How long an idle process is watched.
    pub idle_for: Duration,
}

impl Sizes {
    /// What figures are made of.
    pub const FULL: Self = Self {
        consume: &[(1, 10, 20_000), (1, 100, 50_000), (1, 1000, 80_000), (2, 100, 60_000), (2, 1000, 80_000)],
        singles: 3_000,
        thousands: 40,
        idle_picks: 300,
        busy_picks: 5_000,
        logged: 3_000,
        idle_for: Duration::from_secs(60),
    };
    /// Just enough to see that it works.
    pub const SMOKE: Self = Self {
        consume: &[(1, 10, 200), (2, 100, 2_000)],
        singles: 50,
        thousands: 2,
        idle_picks: 20,
        busy_picks: 100,
        logged: 100,
        idle_for: Duration::from_secs(1),
    };
}

/// Tasks a second from a backlog to durably done. The first tenth, in which processes start and connect, is not timed.
pub async fn consume(
    server: &Server,
    contestant: &Contestant,
    (processes, concurrency, tasks): (usize, usize, usize),
) -> Result<f64, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    fill(contestant, &database, tasks, 1000).await?;
    database.vacuum().await?;
    server.checkpoint().await?;
    let mut crew = Crew::start(contestant, &database.url, Shift { processes, concurrency, ..Shift::default() }).await?;
    crew.until(tasks as u64).await?;
    let end = drained(contestant, &mut database, tasks).await?;
    let ran = crew.count_now();
    if ran != tasks as u64 {
        return Err(format!("{} ran {ran} handlers for {tasks} tasks", contestant.name));
    }
    let warm = tasks / 10;
    let seconds = end.saturating_sub(crew.when(warm as u64)) as f64 / 1e9;
    crew.stop().await?;
    Ok((tasks - warm) as f64 / seconds)
}

/// Tasks a second, `batch` a commit, on one connection.
pub async fn enqueue(server: &Server, contestant: &Contestant, tasks: usize, batch: usize) -> Result<f64, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    server.checkpoint().await?;
    let warm_up = if batch == 1 { tasks / 10 } else { 2 };
    let part =
        ["fill", "--count", &tasks.to_string(), "--batch", &batch.to_string(), "--warm-up", &warm_up.to_string()];
    let seconds = run(contestant, &database.url, &part).await?.ok_or("the time of enqueuing was not told")?;
    let left = database.number(contestant.left).await?;
    if usize::try_from(left) != Ok(tasks + warm_up * batch) {
        return Err(format!("{} enqueued {tasks} tasks by {batch} and has {left}", contestant.name));
    }
    Ok(tasks as f64 / seconds)
}

/// From before the insert to the start of the handler, in milliseconds, sorted.
pub async fn pick_up(
    server: &Server,
    contestant: &Contestant,
    tasks: usize,
    every: Duration,
    lanes: usize,
) -> Result<Vec<f64>, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    server.checkpoint().await?;
    let mut crew = Crew::start(contestant, &database.url, SPARSE).await?;
    let warm_up = (tasks / 10).max(10);
    let part = pace(tasks, warm_up, every, lanes);
    run(contestant, &database.url, &part.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    crew.until((tasks + warm_up) as u64).await?;
    drained(contestant, &mut database, tasks + warm_up).await?;
    let waits = crew.stop().await?;
    if waits.len() != tasks {
        return Err(format!("{} timed {} of {tasks} tasks", contestant.name, waits.len()));
    }
    let mut waits: Vec<_> = waits.into_iter().map(|nanos| nanos as f64 / 1e6).collect();
    waits.sort_by(f64::total_cmp);
    Ok(waits)
}

/// The arguments of a producer at a steady rate.
pub fn pace(tasks: usize, warm_up: usize, every: Duration, lanes: usize) -> Vec<String> {
    let number = |name: &str, value: u128| [format!("--{name}"), value.to_string()];
    let arguments = [
        number("count", tasks as u128),
        number("warm-up", warm_up as u128),
        number("every-us", every.as_micros()),
        number("lanes", lanes as u128),
    ];
    std::iter::once("pace".to_owned()).chain(arguments.into_iter().flatten()).collect()
}

/// Bytes of write-ahead log a task: enqueued one by one, claimed and finished at concurrency 100.
pub async fn wal(server: &Server, contestant: &Contestant, tasks: usize) -> Result<f64, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    server.checkpoint().await?;
    let start = server.wal_end().await?;
    fill(contestant, &database, tasks, 1).await?;
    let mut crew = Crew::start(contestant, &database.url, Shift::default()).await?;
    crew.until(tasks as u64).await?;
    drained(contestant, &mut database, tasks).await?;
    let bytes = server.wal_since(&start).await?;
    crew.stop().await?;
    Ok(bytes as f64 / tasks as f64)
}

/// Statements a second of one idle process of each queue, all watched in the same time.
pub async fn idle_load(
    server: &Server,
    contestants: &[&Contestant],
    watched: Duration,
) -> Result<Vec<(&'static str, f64)>, String> {
    let mut crews = Vec::new();
    for contestant in contestants {
        let database = server.fresh(&contestant.database()).await?;
        server.log_statements(&database.name).await?;
        let crew = Crew::start(contestant, &database.url, SPARSE).await?;
        crews.push((contestant, database.name, crew));
    }
    // What a start costs is not idle load.
    tokio::time::sleep(watched.div_f64(10.0)).await;
    let start = server.log_end()?;
    tokio::time::sleep(watched).await;
    let mut loads = Vec::new();
    for (contestant, name, crew) in crews {
        let count = server.statements_since(start, &name)?;
        loads.push((contestant.name, count as f64 / watched.as_secs_f64()));
        crew.stop().await?;
    }
    Ok(loads)
}

/// Enqueues `tasks`, `batch` a commit.
pub async fn fill(contestant: &Contestant, database: &Database, tasks: usize, batch: usize) -> Result<(), String> {
    let part = ["fill", "--count", &tasks.to_string(), "--batch", &batch.to_string()];
    run(contestant, &database.url, &part).await.map(|_| ())
}

/// Waits until the database says that every task has ended; when it was asked that, in nanoseconds since 1970. It is
/// asked only after all handlers have run, every millisecond, and answers for the moment at which it was asked.
pub async fn drained(contestant: &Contestant, database: &mut Database, tasks: usize) -> Result<u64, String> {
    let until = tokio::time::Instant::now() + LAST_ACKS;
    loop {
        let asked = nanos();
        let left = database.number(contestant.left).await?;
        if left == 0 {
            if let Some(query) = contestant.done {
                let done = database.number(query).await?;
                if usize::try_from(done) != Ok(tasks) {
                    return Err(format!("{}: {done} of {tasks} tasks are done", contestant.name));
                }
            }
            return Ok(asked);
        }
        if tokio::time::Instant::now() > until {
            return Err(format!("{}: {left} of {tasks} tasks have run and do not end", contestant.name));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
