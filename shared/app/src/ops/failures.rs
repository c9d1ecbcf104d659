//! Hides a failure group until later.
use chrono::{DateTime, Duration, Utc};
use mipo_domain::rights::Right;
use mipo_queue::actions;
use mipo_store::Conn;
use serde_json::json;

use super::{by, required, touched};
use crate::audit::{self, Entry};
use crate::{AppError, Ctx};

/// The longest snooze, in days.
const LONGEST_DAYS: i64 = 90;

/// Hides the group until `until`, or until a version fails so that was not there before. With `None` it shows again.
pub async fn snooze(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    fingerprint: &str,
    until: Option<DateTime<Utc>>,
    reason: &str,
) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = if until.is_some() { required(reason)? } else { super::optional(reason)? };
    if fingerprint.is_empty() || fingerprint.chars().count() > 200 {
        return Err(AppError::NotFound("failure group"));
    }
    if let Some(until) = until
        && !(ctx.now()..=ctx.now() + Duration::days(LONGEST_DAYS)).contains(&until)
    {
        let message = format!("A time from now to {LONGEST_DAYS} days ahead.");
        return Err(AppError::invalid("until", "range", message));
    }
    actions::snooze_failure(conn, fingerprint, until, &reason, by(ctx)).await?;
    touched(conn, "failure".to_owned()).await?;
    let action = if until.is_some() { "snoozed" } else { "shown" };
    let entry = Entry::change(action, "failure group", fingerprint).diff(json!(null), json!({ "until": until }));
    audit::record(conn, ctx, entry.reason(&reason)).await
}
