//! A scan whose plan failed again and again, for a reason that is nobody's input.
use mipo_domain::ids::ScanId;
use mipo_domain::states::ScanStatus;
use mipo_store::Conn;
use mipo_store::results::scans;
use serde_json::json;

use crate::audit::Entry;
use crate::events::{self, Event};
use crate::scans::touched;
use crate::{AppError, Ctx, audit};

/// The status reason of such a scan.
const REASON: &str = "planning_failed";

/// Ends the scan as failed, unless it is planned, held or called off by now. Without this the next round would ask for
/// its plan again, for ever. What went wrong stands with the attempts of the task: it may hold what not everybody who
/// sees events may see.
pub async fn give_up(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<(), AppError> {
    let Some(scan) = scans::lock(conn, id).await? else { return Ok(()) };
    if scan.status()? != ScanStatus::Pending || scan.planning_finished_at.is_some() {
        return Ok(());
    }
    scans::end(conn, id, ScanStatus::Failed, Some(REASON), ctx.now()).await?;
    scans::set_counts(conn, id, 0, 0).await?;
    let event = Event {
        source: "dispatcher",
        kind: "scan_failed",
        severity: "high",
        entity_type: "scan",
        entity_id: &id.to_string(),
        summary: &format!(
            "Scan #{id} of {} could not be planned in any attempt; its task plan_scan says why",
            scan.template_name
        ),
        detail: json!({ "reason": REASON }),
    };
    events::raise(conn, ctx, event).await?;
    touched(conn, id).await?;
    let after = json!({ "status": ScanStatus::Failed, "reason": REASON });
    let entry = Entry::change("ended", "scan", id).diff(json!({ "status": scan.status }), after);
    audit::record(conn, ctx, entry).await
}
