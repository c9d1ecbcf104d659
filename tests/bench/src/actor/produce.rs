//! Enqueues: as fast as possible, or at a steady rate.
use std::future::Future;
use std::time::{Duration, Instant};

use super::Failure;
use super::payload::Payload;

/// One connection that enqueues.
pub trait Producer: Send + 'static {
    /// Enqueues one task and commits, the way the queue offers for a single task.
    fn one(&mut self, payload: Payload) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Enqueues all and commits once, the way the queue offers for many.
    fn many(&mut self, payloads: Vec<Payload>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Enqueues `count` tasks, `batch` a commit, one commit after the other. The first `warm_up` commits are not timed.
pub async fn fill(
    producer: &mut impl Producer,
    count: usize,
    batch: usize,
    warm_up: usize,
) -> Result<Duration, Failure> {
    for _ in 0..warm_up {
        commit(producer, batch).await?;
    }
    let started = Instant::now();
    let mut left = count;
    while left > 0 {
        let now = left.min(batch);
        commit(producer, now).await?;
        left -= now;
    }
    Ok(started.elapsed())
}

async fn commit(producer: &mut impl Producer, tasks: usize) -> Result<(), Failure> {
    match tasks {
        1 => producer.one(Payload::untimed()).await,
        _ => producer.many((0..tasks).map(|_| Payload::untimed()).collect()).await,
    }
}

/// Enqueues one task each `every`, on connections that take turns. A lane that is late goes on at once: the rate is
/// kept on average, and each task is timed from its own insert.
pub async fn pace<P: Producer>(
    producers: Vec<P>,
    count: usize,
    warm_up: usize,
    every: Duration,
) -> Result<Duration, Failure> {
    let (started, lanes, total) = (Instant::now(), producers.len(), warm_up + count);
    let mut running = Vec::with_capacity(lanes);
    for (lane, mut producer) in producers.into_iter().enumerate() {
        running.push(tokio::spawn(async move {
            for number in (lane..total).step_by(lanes) {
                let due = started + every.saturating_mul(u32::try_from(number)?);
                tokio::time::sleep_until(due.into()).await;
                let payload = if number < warm_up { Payload::untimed() } else { Payload::now() };
                producer.one(payload).await?;
            }
            Ok::<_, Failure>(())
        }));
    }
    for lane in running {
        lane.await??;
    }
    Ok(started.elapsed())
}
