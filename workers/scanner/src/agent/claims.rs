//! Asks for jobs by one long poll at a time, and gives each a thread.
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mipo_protocol::messages::ClaimedJob;
use mipo_protocol::wire::MAX_WAIT_SECONDS;

use super::Agent;
use super::backoff::Backoff;
use super::job::{self, Job, Order};
use super::keeper::Keeper;

/// Jobs at a time, whatever the server allows.
const MOST: usize = 8;
/// How long to wait for the old run of a job that is handed out again.
const OLD_RUN: Duration = Duration::from_secs(10);

/// Claims until the agent goes down.
pub fn run(agent: &Arc<Agent>) {
    let mut backoff = Backoff::default();
    while !agent.is_going_down() {
        let free = MOST.saturating_sub(agent.holding().len());
        if free == 0 || agent.is_draining() || !agent.knows_the_time() || agent.clock_error().is_some() {
            agent.sleep(Duration::from_millis(500));
            continue;
        }
        let wait = Duration::from_secs(MAX_WAIT_SECONDS.into());
        match agent.api.get::<Vec<ClaimedJob>>(&path(agent, free), wait) {
            Ok(claimed) => {
                backoff.reset();
                for claimed in claimed {
                    take(agent, claimed);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "claim failed");
                agent.refused(&error);
                agent.sleep(backoff.pause(&*agent.entropy, error.retry_after()));
            }
        }
    }
}

fn path(agent: &Agent, free: usize) -> String {
    let mut path = format!("/scanner/jobs?wait={MAX_WAIT_SECONDS}&max={free}");
    for (position, held) in agent.holding().iter().enumerate() {
        let before = if position == 0 { "&holding=" } else { "," };
        let _ = write!(path, "{before}{}:{}", held.job_id, held.lease_attempt);
    }
    path
}

fn take(agent: &Arc<Agent>, claimed: ClaimedJob) {
    let job = Arc::new(Job::new(claimed.job_id, claimed.lease_attempt));
    if agent.is_going_down() {
        job.order(Order::Shutdown);
        return Keeper::release(agent, &job);
    }
    if let Some(old) = agent.job(claimed.job_id) {
        // The server gave up on the run that is still going here. It must have ended before the new one begins, for
        // both would write the same spool.
        old.order(Order::Abandon);
        let since = Instant::now();
        while agent.job(claimed.job_id).is_some() {
            if since.elapsed() > OLD_RUN {
                return tracing::warn!(job.id = %claimed.job_id, "the old run does not end; the job is left alone");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    agent.add(Arc::clone(&job));
    let worker = Arc::clone(agent);
    let own = Arc::clone(&job);
    let thread = std::thread::Builder::new().name(format!("job-{}", job.id)).spawn(move || {
        // The job leaves the list of held ones whatever happens in its run.
        let _held = Held { agent: &worker, job: &own };
        job::run(&worker, &own, &claimed);
    });
    if let Err(error) = thread {
        tracing::error!(job.id = %job.id, %error, "no thread for this job");
        job.order(Order::Shutdown);
        Keeper::release(agent, &job);
        agent.remove(&job);
    }
}

struct Held<'a> {
    agent: &'a Agent,
    job: &'a Arc<Job>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.agent.remove(self.job);
    }
}
