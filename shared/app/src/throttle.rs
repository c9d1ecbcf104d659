//! How often somebody may fail to sign in: 10 times in 60 s by address and by account, then ever longer pauses of up
//! to 15 min; never for ever (product S3). Kept in the database, so that a restart forgets nothing.
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_domain::hash::Hash256;
use mipo_store::Conn;
use mipo_store::config::login_throttle::{self, Count};
use serde_json::json;

use crate::events::{self, Event};
use crate::{AppError, Ctx};

/// Failures after which the pauses begin.
pub const FAILURES: i32 = 10;
/// The window in which they count.
pub const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// The first pause; each further failure doubles it.
pub const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// The longest pause. After as long without a try everything is forgotten.
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(15);

/// The keys that an attempt counts against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The address; IPv6 by its /64, because one machine has all of it.
    pub address: String,
    /// The account. An unknown name is kept as a hash: people type their password there by mistake.
    pub account: String,
}

impl Keys {
    /// The keys of an attempt from `ip` as `username`.
    pub fn of(ip: IpAddr, username: &str, known: bool) -> Self {
        let username = username.to_lowercase();
        let account =
            if known { username } else { format!("unknown-{}", &Hash256::of(username.as_bytes()).to_string()[..16]) };
        Self { address: format!("address:{}", network(ip)), account: format!("account:{account}") }
    }
}

/// The address, or the /64 of an IPv6 address.
pub fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let s = ip.segments();
            format!("{}/64", std::net::Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
    }
}

/// What an attempt is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go on. It is counted as a failure until [`forgive`].
    Admitted {
        /// A pause begins with it, should it be one.
        pauses: bool,
    },
    /// Not before so many seconds.
    Refused(u64),
}

/// Counts an attempt before it is judged, so that parallel ones cannot slip through. Says whether it may be judged,
/// and raises `login_failures_high` when a key reaches the pauses.
pub async fn admit(conn: &mut Conn, ctx: &Ctx<'_>, keys: &Keys) -> Result<Admission, AppError> {
    let now = ctx.now();
    // Always addresses before accounts, so that two attempts never wait for each other.
    let mut counts = Vec::with_capacity(2);
    for key in [&keys.address, &keys.account] {
        let count = current(login_throttle::lock(conn, key, now).await?, now);
        counts.push((key, count));
    }
    let wait = counts.iter().filter_map(|(_, count)| count.blocked_until).map(|until| until - now).max();
    if let Some(wait) = wait.filter(|wait| *wait > TimeDelta::zero()) {
        return Ok(Admission::Refused(whole_seconds(wait)));
    }
    let mut pauses = false;
    for (key, count) in counts {
        let failures = count.failures.saturating_add(1);
        let blocked_until = pause(failures).map(|pause| now + pause);
        pauses |= blocked_until.is_some();
        login_throttle::put(conn, key, &Count { failures, blocked_until, ..count }).await?;
        if failures == FAILURES {
            raise(conn, ctx, key, true).await?;
        }
    }
    Ok(Admission::Admitted { pauses })
}

/// Takes back the count of an attempt that was good: the account starts anew, the address loses this one only, because
/// others may sit behind it. The pause that would have followed this attempt does not begin.
pub async fn forgive(conn: &mut Conn, ctx: &Ctx<'_>, keys: &Keys) -> Result<(), AppError> {
    let now = ctx.now();
    let address = login_throttle::lock(conn, &keys.address, now).await?;
    let failures = (address.failures - 1).max(0);
    // Not forgotten where failures are left: how long the address has been quiet is counted from there.
    let blocked_until = pause(failures).and(address.blocked_until).map(|until| until.min(now));
    login_throttle::put(conn, &keys.address, &Count { failures, blocked_until, ..address.clone() }).await?;
    if address.failures >= FAILURES && failures < FAILURES {
        raise(conn, ctx, &keys.address, false).await?;
    }
    let account = login_throttle::lock(conn, &keys.account, now).await?;
    login_throttle::remove(conn, &keys.account).await?;
    if account.failures >= FAILURES {
        raise(conn, ctx, &keys.account, false).await?;
    }
    Ok(())
}

/// Forgets what has been quiet for long, and says that it is.
pub async fn sweep(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<usize, AppError> {
    let calm = login_throttle::sweep(conn, ctx.now(), LONGEST_PAUSE, FAILURES).await?;
    for key in &calm {
        raise(conn, ctx, key, false).await?;
    }
    Ok(calm.len())
}

/// The count as it stands now: a window that is over starts anew, a pause only ends after a long silence.
fn current(count: Count, now: DateTime<Utc>) -> Count {
    let over = if count.failures < FAILURES {
        now - count.window_start >= WINDOW
    } else {
        count.blocked_until.is_none_or(|until| now - until >= LONGEST_PAUSE)
    };
    if over { Count { window_start: now, failures: 0, blocked_until: None } } else { count }
}

/// The pause after so many failures.
fn pause(failures: i32) -> Option<TimeDelta> {
    let step = u32::try_from(failures - FAILURES).ok()?;
    // Ten doublings are far beyond the longest pause.
    Some((FIRST_PAUSE * (1 << step.min(10))).min(LONGEST_PAUSE))
}

fn whole_seconds(wait: TimeDelta) -> u64 {
    u64::try_from((wait.num_milliseconds() + 999) / 1000).unwrap_or(1).max(1)
}

async fn raise(conn: &mut Conn, ctx: &Ctx<'_>, key: &str, high: bool) -> Result<(), AppError> {
    let (kind, severity, summary) = if high {
        ("login_failures_high", "warning", format!("{FAILURES} failed logins for {}", words(key)))
    } else {
        ("login_failures_normal", "info", format!("No more failed logins for {}", words(key)))
    };
    let event = Event {
        source: "manager",
        kind,
        severity,
        entity_type: "login",
        entity_id: key,
        summary: &summary,
        detail: json!({}),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

fn words(key: &str) -> String {
    match key.split_once(':') {
        Some(("account", name)) if name.starts_with("unknown-") => "an unknown user name".to_owned(),
        Some(("account", name)) => format!("the account {name}"),
        Some(("address", ip)) => format!("the address {ip}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        assert_eq!(pause(9), None);
        let minutes: Vec<i64> = (10..17).filter_map(pause).map(|pause| pause.num_minutes()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(pause(i32::MAX), Some(LONGEST_PAUSE));
    }

    #[test]
    fn an_ipv6_machine_has_one_count() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network(ip("2001:db8:1:2:3::4")), network(ip("2001:db8:1:2::9")));
        assert_ne!(network(ip("2001:db8:1:3::4")), network(ip("2001:db8:1:2::4")));
        assert_eq!(network(ip("::ffff:192.0.2.1")), "192.0.2.1");
    }

    #[test]
    fn an_unknown_name_is_not_kept() {
        let keys = Keys::of("192.0.2.1".parse().expect("an address"), "gravel teapot umbra", false);
        assert!(!keys.account.contains("gravel"));
        assert_eq!(Keys::of("192.0.2.1".parse().expect("an address"), "Alice", true).account, "account:alice");
    }
}
