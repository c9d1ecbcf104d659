//! Processes are killed while their tasks run: how long until those run again.
use std::time::Duration;

use super::cells::{drained, fill};
use super::contestant::Contestant;
use super::process::{Crew, Shift};
use super::server::Server;
use crate::actor::payload::nanos;
use crate::figure::percentile;

/// What is killed.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Processes.
    pub processes: usize,
    /// Tasks that each of them runs.
    pub each: usize,
    /// The lease; nothing for the default settings.
    pub lease: Option<Duration>,
}

impl Loss {
    /// What figures are made of: the default settings.
    pub const FULL: Self = Self { processes: 3, each: 40, lease: None };
    /// Just enough to see that it works.
    pub const SMOKE: Self = Self { processes: 2, each: 3, lease: Some(Duration::from_secs(1)) };
}

/// Seconds from the kill until 99 % of the lost tasks run again, at a process that waits for work.
pub async fn rescue(server: &Server, contestant: &Contestant, loss: Loss) -> Result<f64, String> {
    let mut database = server.fresh(&contestant.database()).await?;
    let total = loss.processes * loss.each;
    fill(contestant, &database, total, 1).await?;
    let shift = Shift { processes: loss.processes, concurrency: loss.each, lease: loss.lease, ..Shift::default() };
    let mut lost = Crew::start(contestant, &database.url, Shift { hold: true, ..shift }).await?;
    lost.until(total as u64).await?;
    let mut heir = Crew::start(contestant, &database.url, Shift { processes: 1, concurrency: total, ..shift }).await?;
    let killed = nanos();
    lost.kill().await?;
    heir.until(total as u64).await?;
    drained(contestant, &mut database, total).await?;
    let waits: Vec<_> = (1..=total as u64).map(|count| heir.when(count).saturating_sub(killed) as f64 / 1e9).collect();
    heir.stop().await?;
    Ok(percentile(&waits, 0.99))
}
