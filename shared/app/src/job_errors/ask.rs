//! An operator asks for a repair. It is written into the history, and a task carries it out.
use mipo_domain::ids::{JobErrorId, ScannerId};
use mipo_domain::job_errors::{Class, Repair};
use mipo_domain::rights::Right;
use mipo_domain::states::ScannerStatus;
use mipo_queue::payloads::{BulkRepair, RepairJob};
use mipo_store::Conn;
use mipo_store::config::planning;
use mipo_store::jobs::job_errors::{self as store, Asked, Locked};
use serde_json::{Value, json};

use super::find::class_of;
use super::{BULK_MOST, KIND, REASON_CHARS, RESOURCE, touched};
use crate::audit::{self, Entry};
use crate::fields::Checks;
use crate::scanners::{self, Enrolment, TOKEN_MINUTES};
use crate::{AppError, Ctx};

/// What is asked for, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// A word of `mipo_domain::job_errors::Repair`.
    pub action: String,
    /// Of a reassign: to whom.
    pub scanner_id: Option<ScannerId>,
    /// Why.
    pub reason: String,
}

/// What came of asking for many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkAsked {
    /// The repair of so many was asked for.
    pub asked: usize,
    /// Those that were left out, with the reason.
    pub left_out: Vec<(JobErrorId, String)>,
}

/// An [`Ask`] that can be understood.
struct Wanted {
    action: Repair,
    /// Of a reassign: id and name.
    to: Option<(ScannerId, String)>,
    reason: String,
}

/// Asks for the repair of one. A new token is made at once, because it is shown to whoever asks and to nobody else; it is
/// answered. Everything else is carried out by a task.
pub async fn ask(conn: &mut Conn, ctx: &Ctx<'_>, id: JobErrorId, ask: &Ask) -> Result<Option<Enrolment>, AppError> {
    ctx.require(Right::JobErrorsExecute)?;
    let wanted = read(conn, ask).await?;
    let mut error = store::lock(conn, id).await?.ok_or(AppError::NotFound(KIND))?;
    admit(&error, &wanted).map_err(|refusal| match refusal {
        NotNow::Offer(message) => AppError::invalid("action", "not_offered", message),
        NotNow::Scanner(message) => AppError::invalid("scannerId", "same", message),
        NotNow::State(code, detail) => AppError::conflict(code, detail),
    })?;
    let enrolment = match wanted.action {
        Repair::RegenerateToken => Some(scanners::regenerate_token(conn, ctx, error.scanner_id, TOKEN_MINUTES).await?),
        _ => None,
    };
    note(conn, ctx, &mut error, &wanted).await?;
    if enrolment.is_none() {
        mipo_queue::enqueue(conn, RepairJob::task(id)).await?;
    }
    let entry = Entry::change("repair requested", RESOURCE, id).diff(Value::Null, shown(&error, &wanted));
    audit::record(conn, ctx, entry.reason(&wanted.reason)).await?;
    Ok(enrolment)
}

/// Asks for the same repair of many; those for which it cannot be asked are left out and named. With `expected`, nothing
/// is asked for unless it is exactly so many.
pub async fn ask_many(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    ids: &[JobErrorId],
    ask: &Ask,
    expected: Option<usize>,
) -> Result<BulkAsked, AppError> {
    ctx.require(Right::JobErrorsExecute)?;
    let wanted = read(conn, ask).await?;
    let mut checks = Checks::new();
    if !wanted.action.in_bulk() {
        checks.refuse("action", "one_by_one", "A new token is shown once, so it is made for one scanner at a time.");
    }
    if ids.is_empty() || ids.len() > BULK_MOST {
        checks.refuse("stateIds", "count", format!("Name 1 to {BULK_MOST} job errors; these are {}.", ids.len()));
    }
    checks.done()?;
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let (mut asked, mut left_out) = (Vec::new(), Vec::new());
    for id in sorted {
        let Some(mut error) = store::lock(conn, id).await? else {
            left_out.push((id, "There is no such job error.".to_owned()));
            continue;
        };
        match admit(&error, &wanted) {
            Ok(()) => {
                note(conn, ctx, &mut error, &wanted).await?;
                asked.push(id);
            }
            Err(NotNow::Offer(why) | NotNow::Scanner(why) | NotNow::State(_, why)) => left_out.push((id, why)),
        }
    }
    if let Some(expected) = expected.filter(|expected| *expected != asked.len()) {
        let detail = format!("It would be {} by now, not {expected}. Look again, then repair.", asked.len());
        return Err(AppError::conflict("COUNT_CHANGED", detail));
    }
    if asked.is_empty() {
        let message = "None of them can be repaired so: they are resolved, being repaired, or of another class.";
        return Err(AppError::invalid("stateIds", "nothing", message));
    }
    mipo_queue::enqueue(conn, BulkRepair::task(asked.clone())).await?;
    let after = json!({ "action": wanted.action.as_str(), "scannerId": wanted.to.as_ref().map(|(id, _)| id), "count": asked.len(), "ids": asked });
    let first = asked.first().map(ToString::to_string).unwrap_or_default();
    let entry = Entry::change("bulk repair requested", RESOURCE, first).diff(Value::Null, after);
    audit::record(conn, ctx, entry.reason(&wanted.reason)).await?;
    Ok(BulkAsked { asked: asked.len(), left_out })
}

async fn read(conn: &mut Conn, ask: &Ask) -> Result<Wanted, AppError> {
    let mut checks = Checks::new();
    let action = ask.action.parse::<Repair>();
    if action.is_err() {
        let message = format!("Choose a repair: one of {}.", Repair::WORDS.join(", "));
        checks.refuse("action", "unknown", message);
    }
    let reason = checks.required("reason", &ask.reason, REASON_CHARS, "Say why; it goes to the audit log.");
    if reason.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        checks.refuse("reason", "charset", "Write text without control characters.");
    }
    let to = match (&action, ask.scanner_id) {
        (Ok(Repair::Reassign), Some(id)) => target(conn, &mut checks, id).await?,
        (Ok(Repair::Reassign), None) => {
            checks.refuse("scannerId", "required", "Choose the scanner that is to go on with it.");
            None
        }
        (_, Some(_)) => {
            checks.refuse("scannerId", "not_used", "Only a reassign takes a scanner; leave it out.");
            None
        }
        _ => None,
    };
    checks.done()?;
    let action = action.map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(Wanted { action, to, reason })
}

/// The scanner that is to go on, if it can.
async fn target(conn: &mut Conn, checks: &mut Checks, id: ScannerId) -> Result<Option<(ScannerId, String)>, AppError> {
    let Some(scanner) = planning::scanner_facts(conn, id).await? else {
        checks.refuse("scannerId", "unknown", "There is no such scanner.");
        return Ok(None);
    };
    if scanner.status != ScannerStatus::Active.as_str() {
        let message = format!("{} is {}; choose a scanner that is active.", scanner.name, scanner.status);
        checks.refuse("scannerId", "not_active", message);
    }
    Ok(Some((id, scanner.name)))
}

/// Why a repair cannot be asked for.
enum NotNow {
    /// It does not help here.
    Offer(String),
    /// The job is there already.
    Scanner(String),
    /// A code, and the sentence.
    State(&'static str, String),
}

fn admit(error: &Locked, wanted: &Wanted) -> Result<(), NotNow> {
    if error.resolved_at.is_some() {
        return Err(NotNow::State("RESOLVED", "It is resolved already; there is nothing to repair.".to_owned()));
    }
    if error.repairs.iter().any(|one| one.state == "asked") {
        let detail = "A repair was asked for and is about to be carried out; wait for what comes of it.";
        return Err(NotNow::State("REPAIR_PENDING", detail.to_owned()));
    }
    let offered = class_of(&error.class).map(Class::repairs).unwrap_or_default();
    if !offered.contains(&wanted.action) {
        let words: Vec<&str> = offered.iter().map(|repair| repair.as_str()).collect();
        return Err(NotNow::Offer(match words[..] {
            [] => format!("Nothing repairs {}; run the scan again.", error.class),
            _ => format!("It does not help with {}; what does: {}.", error.class, words.join(", ")),
        }));
    }
    if wanted.to.as_ref().is_some_and(|(id, _)| *id == error.scanner_id) {
        return Err(NotNow::Scanner("The job is at this scanner already; choose another.".to_owned()));
    }
    Ok(())
}

/// Writes it into the history. A new token is there already.
async fn note(conn: &mut Conn, ctx: &Ctx<'_>, error: &mut Locked, wanted: &Wanted) -> Result<(), AppError> {
    let done = wanted.action == Repair::RegenerateToken;
    error.repairs.push(Asked {
        action: wanted.action.as_str().to_owned(),
        scanner_id: wanted.to.as_ref().map(|(id, _)| *id),
        scanner: wanted.to.as_ref().map(|(_, name)| name.clone()),
        reason: wanted.reason.clone(),
        by: ctx.caller.actor.name().to_owned(),
        at: ctx.now(),
        state: if done { "done" } else { "asked" }.to_owned(),
        done_at: done.then(|| ctx.now()),
        outcome: done.then(|| "A new token was made; the scanner's key does not work any more.".to_owned()),
    });
    store::set_repairs(conn, error.id, &error.repairs).await?;
    touched(conn, error.id).await
}

fn shown(error: &Locked, wanted: &Wanted) -> Value {
    json!({
        "class": error.class, "jobId": error.job_id, "scanId": error.scan_id, "action": wanted.action.as_str(),
        "scannerId": wanted.to.as_ref().map(|(id, _)| id),
    })
}
