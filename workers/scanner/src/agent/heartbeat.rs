//! Says every minute that this scanner lives, how its machine does, and what it works on.
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use mipo_protocol::messages::{HeartbeatAnswer, HeartbeatRequest, Metrics, RotateAnswer, RunningJob};
use mipo_protocol::signature::{JobPublicKey, RotatedKey};
use mipo_protocol::wire::HEARTBEAT_SECONDS;
use ureq::http::Uri;

use super::backoff::Backoff;
use super::{Agent, metrics};
use crate::cli::VERSION;

/// How often expired jobs are forgotten.
const SWEEP: Duration = Duration::from_hours(1);
/// The longest pause that the server may ask for.
const LONGEST_WISH: Duration = Duration::from_mins(10);

/// Beats until the agent goes down.
pub fn run(agent: &Agent) {
    let mut backoff = Backoff::default();
    let mut due = Instant::now();
    let mut swept = due;
    let mut pause = Duration::from_secs(HEARTBEAT_SECONDS.into());
    while !agent.is_going_down() {
        let late = due.elapsed().max(agent.late());
        match beat(agent, late) {
            Ok(seconds) => {
                backoff.reset();
                if swept.elapsed() > SWEEP {
                    swept = Instant::now();
                    if let Err(error) = agent.spool.sweep(agent.clock.now()) {
                        tracing::warn!(%error, "the spool could not be swept");
                    }
                }
                pause = Duration::from_secs(seconds.clamp(1, 600).into());
                due = Instant::now() + pause;
            }
            Err(wish) => due = Instant::now() + retry_in(backoff.pause(&*agent.entropy, None), pause, wish),
        }
        agent.sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// The pause after a beat that failed: never longer than between two good ones, unless the server asks for more.
fn retry_in(patience: Duration, pause: Duration, wish: Option<Duration>) -> Duration {
    patience.min(pause).max(wish.unwrap_or_default().min(LONGEST_WISH))
}

/// Beats once out of turn, so that the keys that the server announces now are known.
pub fn ask_for_keys(agent: &Agent) {
    if beat(agent, agent.late()).is_err() {
        tracing::warn!("the server's keys could not be asked for");
    }
}

fn beat(agent: &Agent, late: Duration) -> Result<u32, Option<Duration>> {
    let running = agent.holding();
    let body = HeartbeatRequest {
        version: Some(version()),
        hostname: Some(metrics::hostname()),
        internal_ip: internal_ip(agent.server()),
        capabilities: Some(vec!["tcp-connect".to_owned()]),
        metrics: Some(machine()),
        running_jobs: Some(running.clone()),
        late_ms: u64::try_from(late.as_millis()).ok(),
        last_error: agent.last_error(),
    };
    let asked_at = agent.clock.now();
    match agent.api.post::<HeartbeatAnswer>("/scanner/heartbeat", &body) {
        Ok(answer) => {
            agent.heard_time(asked_at, answer.server_time);
            heed(agent, &running, &answer);
            Ok(answer.heartbeat_seconds)
        }
        Err(error) => {
            tracing::warn!(%error, "heartbeat failed");
            agent.refused(&error);
            Err(error.retry_after())
        }
    }
}

fn heed(agent: &Agent, told: &[RunningJob], answer: &HeartbeatAnswer) {
    for order in &answer.directives {
        let Some(job) = agent.job(order.job_id) else { continue };
        // Only the attempt that was told is judged; a newer one may have been claimed meanwhile.
        if told.contains(&RunningJob { job_id: job.id, lease_attempt: job.lease_attempt }) {
            job.obey(order.directive);
        }
    }
    agent.set_draining(answer.draining);
    pin(agent, &answer.job_public_keys);
    if answer.rotate_key {
        rotate(agent);
    }
}

/// Believes a new job key only when one that is pinned vouches for it. Keys that the server no longer names during a
/// rotation stay pinned until the next enrolment: the old one may have signed jobs that are still to come.
fn pin(agent: &Agent, announced: &[RotatedKey]) {
    let mut pinned = agent.pinned_keys();
    let mut fresh: Vec<JobPublicKey> = Vec::new();
    // Each key is vouched for by the one before it, in whatever order they come.
    for _ in announced {
        for key in announced {
            if !pinned.contains(&key.public_key) && key.is_vouched_for(&pinned) {
                pinned.push(key.public_key);
                fresh.push(JobPublicKey::from(key.public_key));
            }
        }
    }
    for key in announced.iter().filter(|key| !pinned.contains(&key.public_key)) {
        tracing::error!(key_id = %key.key_id, "a job key that no pinned key vouches for is not believed");
    }
    if fresh.is_empty() {
        return;
    }
    if let Err(error) = agent.change_key_file(|file| file.job_public_keys.extend(fresh)) {
        tracing::error!(%error, "the new job key could not be pinned");
    }
}

/// Exchanges this scanner's key. It is on disk before it is used; until then the old one goes on working.
fn rotate(agent: &Agent) {
    match agent.api.post::<RotateAnswer>("/scanner/key/rotate", &serde_json::json!({})) {
        Ok(answer) => match agent.change_key_file(|file| file.api_key.clone_from(&answer.api_key)) {
            Ok(()) => {
                agent.api.set_key(answer.api_key);
                tracing::info!("key rotated");
            }
            Err(error) => tracing::error!(%error, "the new key could not be written; the old one stays in use"),
        },
        Err(error) => tracing::warn!(%error, "key rotation failed"),
    }
}

/// The version without the commit, as releases are compared by it.
pub fn version() -> String {
    VERSION.split(' ').next().unwrap_or(VERSION).to_owned()
}

fn machine() -> Metrics {
    let machine = metrics::read();
    let load = |position: usize| machine.load.map(|load| load[position]);
    Metrics {
        load_avg1m: load(0),
        load_avg5m: load(1),
        load_avg15m: load(2),
        memory_total_bytes: machine.memory_total,
        memory_available_bytes: machine.memory_available,
        network_rx_bytes: machine.network.map(|(received, _)| received),
        network_tx_bytes: machine.network.map(|(_, sent)| sent),
        num_cpus: machine.cpus,
    }
}

/// The address by which this machine would reach the server; nothing is sent to find it.
fn internal_ip(server: &str) -> Option<IpAddr> {
    let uri: Uri = server.parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(443);
    let address = (host.as_str(), port).to_socket_addrs().ok()?.next()?;
    let any: IpAddr =
        if address.is_ipv4() { std::net::Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(address).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_wish_is_longer_than_the_usual_pause() {
        let seconds = Duration::from_secs;
        assert_eq!(retry_in(seconds(50), seconds(30), None), seconds(30));
        assert_eq!(retry_in(seconds(2), seconds(60), Some(seconds(1))), seconds(2));
        assert_eq!(retry_in(seconds(2), seconds(60), Some(seconds(300))), seconds(300));
        assert_eq!(retry_in(seconds(2), seconds(60), Some(seconds(90_000))), LONGEST_WISH);
    }
}
