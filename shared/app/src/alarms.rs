//! Alarms: open conditions that somebody should look at, and the rules that open them (product 11.2).
use mipo_domain::ids::AlarmId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::alarms::{self, Counts, Rule};
use mipo_store::config::{events, live};
use mipo_store::lists::{Ask, Found};
use serde_json::json;

pub use mipo_store::config::alarms::Alarm;
pub use mipo_store::config::events::Event;

use crate::audit::{self, Entry};
use crate::{AppError, Ctx};

/// Longest note.
pub const NOTE_CHARS: usize = 2000;

const fn rule(
    name: &'static str,
    severity: &'static str,
    trigger: &'static str,
    resolve: Option<&'static str>,
    description: &'static str,
) -> Rule {
    Rule { name, description, severity, trigger, resolve }
}

/// Every rule there is. They are stored at each start; people may switch them off, mute them or change their severity.
pub const RULES: [Rule; 24] = [
    rule("scanner-down", "high", "scanner_down", Some("scanner_up"), "A scanner has been silent for 2 minutes"),
    rule(
        "scanner-load-high",
        "warning",
        "scanner_load_high",
        Some("scanner_load_normal"),
        "The load of a scanner is above 1.5 a core in three heartbeats",
    ),
    rule(
        "scanner-memory-high",
        "warning",
        "scanner_memory_high",
        Some("scanner_memory_normal"),
        "A scanner has less than 10 % of its memory available in three heartbeats",
    ),
    rule(
        "scanner-binding-violation",
        "high",
        "scanner_ip_mismatch",
        Some("scanner_ip_match"),
        "A scanner's key was used from outside its binding",
    ),
    rule(
        "provisioning-token-reused",
        "critical",
        "token_reused",
        None,
        "A one-time provisioning token was used a second time; the key from the first use is flagged",
    ),
    rule(
        "result-rejected",
        "critical",
        "result_rejected",
        None,
        "A scanner sent results outside its job, or another content for a part that it had sent",
    ),
    rule("ingest-down", "critical", "ingest_down", Some("ingest_up"), "An ingest node has been silent for 2 minutes"),
    rule(
        "dispatcher-down",
        "critical",
        "dispatcher_down",
        Some("dispatcher_up"),
        "The dispatcher has been silent for 2 minutes",
    ),
    rule(
        "queue-stalled",
        "high",
        "queue_stuck",
        Some("queue_recovered"),
        "A queue is far behind its target, or holds dead tasks",
    ),
    rule("scan-stuck", "high", "scan_stuck", Some("scan_recovered"), "A scan makes no progress"),
    rule("job-error", "warning", "job_error_opened", Some("job_error_resolved"), "A scan job needs a repair"),
    rule("port-changed", "warning", "port_opened", Some("port_closed"), "A port was found open that was not before"),
    rule("test-failed", "high", "test_failed", Some("test_passed"), "An expected port is not in its expected state"),
    rule("db-down", "critical", "db_down", Some("db_up"), "The database does not answer"),
    rule("db-disk-high", "warning", "db_disk_high", Some("db_disk_normal"), "The database volume is 85 % full"),
    rule(
        "db-connections-high",
        "warning",
        "db_connections_high",
        Some("db_connections_normal"),
        "80 % of the database connections are in use",
    ),
    rule("proxy-down", "critical", "proxy_down", Some("proxy_up"), "The proxy does not answer or has broken routes"),
    rule("dns-down", "high", "dns_down", Some("dns_up"), "A name does not resolve as it should"),
    rule("tls-expiring", "warning", "tls_expiring", Some("tls_renewed"), "A certificate ends within 30 days"),
    rule("backup-failed", "high", "backup_failed", None, "A backup, its upload or its verification failed"),
    rule(
        "backup-overdue",
        "high",
        "backup_overdue",
        Some("backup_succeeded"),
        "Backups are on, and the last good one is older than 26 hours",
    ),
    rule(
        "session-ip-spread",
        "high",
        "session_ip_spread_high",
        Some("session_ip_spread_normal"),
        "One user is signed in from four or more addresses",
    ),
    rule(
        "login-throttled",
        "warning",
        "login_failures_high",
        Some("login_failures_normal"),
        "Failed logins of one address or account reached the stage of growing pauses",
    ),
    rule(
        "audit-chain-broken",
        "critical",
        "audit_chain_failed",
        None,
        "A walk over the audit chain found rows that were changed or removed",
    ),
];

/// Stores the rules as this version defines them.
pub async fn seed_rules(conn: &mut Conn) -> Result<(), AppError> {
    for rule in &RULES {
        alarms::put_rule(conn, rule).await?;
    }
    Ok(())
}

/// A page of alarms.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Alarm>, AppError> {
    ctx.require(Right::AlarmsView)?;
    Ok(alarms::list(conn, ask).await?)
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::AlarmsView)?;
    Ok(alarms::values(conn, column).await?)
}

/// One alarm.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: AlarmId) -> Result<Alarm, AppError> {
    ctx.require(Right::AlarmsView)?;
    alarms::get(conn, id).await?.ok_or(AppError::NotFound("alarm"))
}

/// How many alarms are live.
pub async fn counts(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Counts, AppError> {
    ctx.require(Right::AlarmsView)?;
    Ok(alarms::counts(conn).await?)
}

/// Takes an open alarm on.
pub async fn acknowledge(conn: &mut Conn, ctx: &Ctx<'_>, id: AlarmId, note: &str) -> Result<(), AppError> {
    ctx.require(Right::AlarmsManage)?;
    check_note(note)?;
    let alarm = alarms::get(conn, id).await?.ok_or(AppError::NotFound("alarm"))?;
    if !alarms::acknowledge(conn, id, ctx.caller.actor.name(), note, ctx.now()).await? {
        return Err(AppError::conflict(
            "NOT_OPEN",
            format!("The alarm is {}; only an open one can be acknowledged.", alarm.state),
        ));
    }
    moved(conn, ctx, &alarm, "acknowledged", note).await
}

/// Ends an alarm by hand.
pub async fn resolve(conn: &mut Conn, ctx: &Ctx<'_>, id: AlarmId, note: &str) -> Result<(), AppError> {
    ctx.require(Right::AlarmsManage)?;
    check_note(note)?;
    let alarm = alarms::get(conn, id).await?.ok_or(AppError::NotFound("alarm"))?;
    if !alarms::resolve(conn, id, ctx.caller.actor.name(), note, ctx.now()).await? {
        return Err(AppError::conflict("NOT_OPEN", "The alarm is resolved already."));
    }
    moved(conn, ctx, &alarm, "resolved", note).await
}

async fn moved(conn: &mut Conn, ctx: &Ctx<'_>, alarm: &Alarm, state: &'static str, note: &str) -> Result<(), AppError> {
    live::emit(conn, live::topics::ALARMS, &alarm.id.to_string()).await?;
    let entry = Entry::change(state, "alarm", alarm.id)
        .diff(json!({ "state": alarm.state, "rule": alarm.rule }), json!({ "state": state }))
        .reason(note);
    audit::record(conn, ctx, entry).await
}

fn check_note(note: &str) -> Result<(), AppError> {
    let given = note.chars().count();
    if given > NOTE_CHARS {
        let message = format!("A note has at most {NOTE_CHARS} characters; this one has {given}.");
        return Err(AppError::invalid("note", "length", message));
    }
    if note.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(AppError::invalid("note", "bad_character", "A note is text without control characters."));
    }
    Ok(())
}

/// A page of system events.
pub async fn list_events(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Event>, AppError> {
    ctx.require(Right::HealthView)?;
    Ok(events::list(conn, ask).await?)
}

/// The values of a column of system events to filter by.
pub async fn event_filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::HealthView)?;
    Ok(events::values(conn, column).await?)
}
