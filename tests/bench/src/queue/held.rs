//! A transaction that is held open: rows that ended cannot be vacuumed away meanwhile.
use std::time::Duration;

use super::cells::{SPARSE, drained, pace};
use super::contestant::Contestant;
use super::process::{Crew, run};
use super::server::Server;

/// How long each part is.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Tasks a second.
    pub rate: u32,
    /// Before anything is measured.
    pub warm: Duration,
    /// Measured before the transaction begins, and again before it ends.
    pub window: Duration,
    /// How long the transaction is held open.
    pub held: Duration,
}

impl Course {
    /// What figures are made of.
    pub const FULL: Self = Self {
        rate: 800,
        warm: Duration::from_secs(20),
        window: Duration::from_secs(60),
        held: Duration::from_secs(600),
    };
    /// Just enough to see that it works.
    pub const SMOKE: Self = Self {
        rate: 200,
        warm: Duration::from_millis(300),
        window: Duration::from_millis(300),
        held: Duration::from_millis(700),
    };
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The rate at the end of the transaction as a share of that before it.
    pub rate: f64,
    /// Tasks that were not done when the transaction was about to end.
    pub backlog: f64,
}

/// Holds a transaction with a snapshot open while tasks are enqueued at a steady rate.
pub async fn held(server: &Server, contestant: &Contestant, course: Course) -> Result<Held, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    server.checkpoint().await?;
    let mut crew = Crew::start(contestant, &database.url, SPARSE).await?;
    let whole = course.warm + course.window + course.held;
    let tasks = (whole.as_secs_f64() * f64::from(course.rate)) as usize;
    // A second more, so that the enqueuing does not end before the measuring.
    let total = tasks + course.rate as usize;
    let part = pace(0, total, Duration::from_secs(1) / course.rate, 4);
    let (producer, url) = (contestant.clone(), database.url.clone());
    let producing = tokio::spawn(async move {
        run(&producer, &url, &part.iter().map(String::as_str).collect::<Vec<_>>()).await.map(|_| ())
    });

    tokio::time::sleep(course.warm).await;
    let before = rate_over(&mut crew, course.window).await;
    let mut holder = server.another(&database).await?;
    holder.run("begin isolation level repeatable read; select pg_current_xact_id()").await?;
    tokio::time::sleep(course.held.saturating_sub(course.window)).await;
    let during = rate_over(&mut crew, course.window).await;
    let backlog = database.number(contestant.left).await?;
    holder.run("commit").await?;

    producing.await.map_err(|error| error.to_string())??;
    crew.until(total as u64).await?;
    drained(contestant, &mut database, total).await?;
    crew.stop().await?;
    if before <= 0.0 {
        return Err(format!("{} did nothing before the transaction began", contestant.name));
    }
    Ok(Held { rate: during / before, backlog: backlog as f64 })
}

/// Handlers a second during `window`.
async fn rate_over(crew: &mut Crew, window: Duration) -> f64 {
    let (begun, first) = (tokio::time::Instant::now(), crew.count_now());
    tokio::time::sleep(window).await;
    let last = crew.count_now();
    (last - first) as f64 / begun.elapsed().as_secs_f64()
}
