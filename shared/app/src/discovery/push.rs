//! What discovery sources call by their keys (product 6.5): a source sees and changes its own lists alone.
use std::collections::HashSet;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mipo_domain::address;
use mipo_domain::ids::DiscoveryListId;
use mipo_domain::names;
use mipo_domain::secrets::{KeyKind, Token, TokenHash};
use mipo_protocol::problem::Code;
use mipo_store::Conn;
use mipo_store::config::discovery_push::{self as store, By, OwnList, Pusher};
use mipo_store::config::live;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::LIST as KIND;
use crate::audit::{self, Entry};
use crate::fields::sentence;
use crate::refusal::Refusal;
use crate::{Actor, Caller, Ctx};

/// Addresses of one push.
pub const MAX_PUSH: usize = 10_000;
/// Addresses on one list.
const MAX_LIST: usize = 1_000_000;
/// Characters of a rejected value that are sent back.
const MAX_ECHO: usize = 100;

/// A list that a source wants to have.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskedList {
    /// Its name, unique in the source.
    pub name: String,
    /// The scanner that shall scan it; or
    pub scanner_name: Option<String>,
    /// the scanner group whose members shall.
    pub scanner_group_name: Option<String>,
}

/// A list as its source sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListAnswer {
    /// Its name.
    pub name: String,
    /// The scanner, unless it is a group.
    pub scanner_name: Option<String>,
    /// The scanner group.
    pub scanner_group_name: Option<String>,
    /// How many addresses it holds.
    pub ip_count: i32,
    /// When addresses were last pushed to it.
    pub last_push_at: Option<DateTime<Utc>>,
}

impl From<OwnList> for ListAnswer {
    fn from(list: OwnList) -> Self {
        Self {
            name: list.name,
            scanner_name: list.scanner,
            scanner_group_name: list.scanner_group,
            ip_count: list.ip_count,
            last_push_at: list.last_push_at,
        }
    }
}

/// The list that was asked for.
#[derive(Clone, Debug)]
pub struct MadeList {
    /// The list.
    pub list: ListAnswer,
    /// It was not there before.
    pub is_new: bool,
}

/// A value that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The value as it came, cut at 100 characters.
    pub value: String,
    /// Why, and what would be right.
    pub reason: String,
}

/// What came of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushAnswer {
    /// Addresses that were not on the list before.
    pub inserted: usize,
    /// Addresses that were.
    pub refreshed: usize,
    /// Values that were not taken.
    pub rejected: Vec<Rejected>,
}

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletedIps {
    /// How many addresses went.
    pub deleted: i32,
}

/// Finds the source of `key`; refuses a wrong key and a disabled source.
pub async fn authenticate(conn: &mut Conn, key: &Token) -> Result<Pusher, Refusal> {
    let wrong = || Refusal::new(Code::InvalidKey, "the key is missing, unknown or replaced");
    let prefix = key.prefix(KeyKind::Discovery).ok_or_else(wrong)?;
    let source = store::find(conn, prefix).await?.ok_or_else(wrong)?;
    if !TokenHash::from_slice(&source.key_hash).is_some_and(|stored| stored.matches(&key.hash())) {
        return Err(wrong());
    }
    if !source.enabled {
        let detail = format!("discovery source {} is disabled", source.name);
        return Err(Refusal { retry_after: Some(300), ..Refusal::new(Code::SourceDisabled, detail) });
    }
    Ok(source)
}

/// The lists of `source` by name.
pub async fn own_lists(conn: &mut Conn, source: &Pusher) -> Result<Vec<ListAnswer>, Refusal> {
    Ok(store::lists(conn, source.id, None).await?.into_iter().map(ListAnswer::from).collect())
}

async fn wanted(conn: &mut Conn, asked: &AskedList) -> Result<By, Refusal> {
    let unknown = |what: &str, name: &str| {
        Refusal::new(Code::ScannerNotFound, format!("there is no {what} called {}", echo(name)))
    };
    match (&asked.scanner_name, &asked.scanner_group_name) {
        (Some(name), None) => store::scanner(conn, name).await?.ok_or_else(|| unknown("scanner", name)),
        (None, Some(name)) => store::group(conn, name).await?.ok_or_else(|| unknown("scanner group", name)),
        _ => {
            let message = "Name who scans the list: either scannerName or scannerGroupName.";
            Err(Refusal::invalid("scannerName", "required", message))
        }
    }
}

/// Makes a list, or answers the one of this name when the same scanner or group scans it.
pub async fn make_list(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    source: &Pusher,
    asked: &AskedList,
) -> Result<MadeList, Refusal> {
    let name = asked.name.trim();
    if let Err(fault) = names::check_name(name) {
        return Err(Refusal::invalid("name", fault.code(), sentence(&format!("A name {fault}"))));
    }
    let by = wanted(conn, asked).await?;
    let id = DiscoveryListId::mint(ctx.clock, ctx.entropy);
    let is_new = store::insert(conn, id, source.id, name, by).await?;
    let Some(list) = store::lists(conn, source.id, Some(name)).await?.pop() else {
        return Err(Refusal::new(Code::Internal, "a list that was made is not there"));
    };
    let is_same = match by {
        By::Scanner(id) => list.scanner_id == Some(id),
        By::Group(id) => list.scanner_group_id == Some(id),
    };
    if !is_same {
        let who = list.scanner.or(list.scanner_group).unwrap_or_default();
        let detail =
            format!("list {} is there already and scanned by {who}; delete it first, or take another name", list.name);
        return Err(Refusal::new(Code::OtherAssignment, detail));
    }
    if is_new {
        live::emit(conn, live::topics::DISCOVERY, &source.id.to_string()).await?;
        let after = json!({ "name": list.name, "source": source.name, "scanner": list.scanner, "scannerGroup": list.scanner_group });
        note(conn, ctx, source, Entry::change("created", KIND, list.id).diff(Value::Null, after)).await?;
    }
    Ok(MadeList { list: list.into(), is_new })
}

/// Takes addresses onto a list: each is new to it, seen again, or rejected with the reason.
pub async fn push(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    source: &Pusher,
    name: &str,
    values: &[String],
) -> Result<PushAnswer, Refusal> {
    if values.len() > MAX_PUSH {
        let message =
            format!("At most {MAX_PUSH} addresses in one call, these are {}; send them in parts.", values.len());
        return Err(Refusal::invalid("ips", "too_many", message));
    }
    let list = own_list(conn, source, name).await?;
    let (mut fresh, mut rejected) = read(values);
    let count = store::lock(conn, list.id).await?.ok_or_else(|| no_list(name))?;
    let known: HashSet<IpAddr> = store::refresh(conn, list.id, &fresh, ctx.now()).await?.into_iter().collect();
    fresh.retain(|ip| !known.contains(ip));
    let room = MAX_LIST.saturating_sub(usize::try_from(count).unwrap_or(0));
    for ip in fresh.drain(room.min(fresh.len())..) {
        let reason = format!("The list is full: it holds {MAX_LIST} addresses. Delete old ones first.");
        rejected.push(Rejected { value: ip.to_string(), reason });
    }
    store::add(conn, list.id, &fresh, ctx.now()).await?;
    let now_held = count + i32::try_from(fresh.len()).unwrap_or(0);
    store::pushed(conn, source.id, list.id, now_held, ctx.now()).await?;
    live::emit(conn, live::topics::DISCOVERY, &list.id.to_string()).await?;
    // What is only seen again changes no target.
    if !fresh.is_empty() {
        let after = json!({ "ipCount": now_held, "inserted": fresh.len(), "refreshed": known.len() });
        let entry = Entry::change("addresses added", KIND, list.id).diff(json!({ "ipCount": count }), after);
        note(conn, ctx, source, entry).await?;
    }
    Ok(PushAnswer { inserted: fresh.len(), refreshed: known.len(), rejected })
}

/// Takes the addresses off a list that were last pushed before `at`.
pub async fn delete_older(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    source: &Pusher,
    name: &str,
    at: DateTime<Utc>,
) -> Result<DeletedIps, Refusal> {
    let list = own_list(conn, source, name).await?;
    let count = store::lock(conn, list.id).await?.ok_or_else(|| no_list(name))?;
    let deleted = store::delete_older(conn, list.id, at).await?;
    if deleted > 0 {
        live::emit(conn, live::topics::DISCOVERY, &list.id.to_string()).await?;
        let after = json!({ "ipCount": count - deleted, "olderThan": at });
        let entry = Entry::change("addresses removed", KIND, list.id).diff(json!({ "ipCount": count }), after);
        note(conn, ctx, source, entry).await?;
    }
    Ok(DeletedIps { deleted })
}

fn no_list(name: &str) -> Refusal {
    Refusal::new(Code::ListNotFound, format!("this source has no list called {}", echo(name)))
}

async fn own_list(conn: &mut Conn, source: &Pusher, name: &str) -> Result<OwnList, Refusal> {
    // A name that none can have is not asked for: it may hold what the database does not take as text.
    if names::check_name(name).is_err() {
        return Err(no_list(name));
    }
    store::lists(conn, source.id, Some(name)).await?.pop().ok_or_else(|| no_list(name))
}

/// The start of a text that came in, without control characters.
fn echo(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_ECHO).collect()
}

/// Single addresses, each once, and what is none.
fn read(values: &[String]) -> (Vec<IpAddr>, Vec<Rejected>) {
    let (mut seen, mut ips, mut rejected) = (HashSet::new(), Vec::new(), Vec::new());
    for value in values {
        let reason = match address::parse_ip(value) {
            Ok(ip) => {
                if seen.insert(ip) {
                    ips.push(ip);
                }
                continue;
            }
            Err(_) if address::IpRange::parse(value).is_ok() => {
                "A list holds single addresses; give each address of a network or a range.".to_owned()
            }
            Err(error) => sentence(&echo(&error.to_string())),
        };
        rejected.push(Rejected { value: echo(value), reason });
    }
    (ips, rejected)
}

async fn note(conn: &mut Conn, ctx: &Ctx<'_>, source: &Pusher, entry: Entry<'_>) -> Result<(), Refusal> {
    let caller = Caller { actor: Actor::Source { name: source.name.clone() }, ..ctx.caller.clone() };
    audit::record(conn, &Ctx { caller: &caller, ..*ctx }, entry).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_addresses_are_taken_once_and_everything_else_is_named() {
        let values =
            ["10.0.0.1", " 10.0.0.1 ", "2001:DB8::1", "10.0.0.0/8", "::ffff:10.0.0.9", "x\u{0}y", "", "10.0.0.1-9"];
        let (ips, rejected) = read(&values.map(str::to_owned));
        assert_eq!(ips, ["10.0.0.1", "2001:db8::1"].map(|ip| ip.parse::<IpAddr>().expect("an address")));
        let named: Vec<(&str, bool)> =
            rejected.iter().map(|r| (r.value.as_str(), r.reason.starts_with("A list holds"))).collect();
        assert_eq!(
            named,
            [("10.0.0.0/8", true), ("::ffff:10.0.0.9", false), ("xy", false), ("", false), ("10.0.0.1-9", true)]
        );
        let long = "9".repeat(5_000);
        assert!(read(&[long]).1.iter().all(|rejected| rejected.value.len() <= MAX_ECHO && rejected.reason.len() < 200));
    }
}
