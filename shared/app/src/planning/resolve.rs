//! Asks the resolver of the host. Outside any transaction: it may take seconds.
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use mipo_domain::address::plain;

/// One name may not hold up the plan for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What names resolved to: addresses, or why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved(pub HashMap<String, Result<BTreeSet<IpAddr>, String>>);

/// Resolves every name, A and AAAA.
pub async fn resolve(names: BTreeSet<String>) -> Resolved {
    let mut answers = HashMap::with_capacity(names.len());
    let mut asking = tokio::task::JoinSet::new();
    for name in names {
        asking.spawn(async move {
            let answer = match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), 0))).await {
                Ok(Ok(found)) => Ok(found.map(|address| plain(address.ip())).collect()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            (name, answer)
        });
    }
    while let Some(done) = asking.join_next().await {
        if let Ok((name, answer)) = done {
            answers.insert(name, answer);
        }
    }
    Resolved(answers)
}
