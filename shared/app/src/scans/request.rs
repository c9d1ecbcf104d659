//! The request for a scan: the scan `pending`, its planning task, its live event and its audit row.
use chrono::{DateTime, Utc};
use mipo_domain::entropy;
use mipo_domain::ids::{ScanId, ScheduleId, TemplateId};
use mipo_queue::payloads::PlanScan;
use mipo_store::Conn;
use mipo_store::results::scans::{self, NewScan};
use serde_json::{Value, json};

use crate::audit::Entry;
use crate::{AppError, Ctx, audit, trace};

/// On-demand scans are worked on before scheduled ones.
const ON_DEMAND: i32 = 5;
const SCHEDULED: i32 = 0;

/// What is asked for, by whom and why.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub template_id: TemplateId,
    pub template_name: &'a str,
    pub adhoc: bool,
    pub schedule: Option<ScheduleId>,
    /// Of a run that the schedule itself starts.
    pub planned_at: Option<DateTime<Utc>>,
    pub started_by: &'a str,
    pub reason: &'a str,
    /// For the audit row.
    pub after: Value,
}

/// Requests the scan. None: this run of its schedule has its scan of this template already.
pub(crate) async fn request(conn: &mut Conn, ctx: &Ctx<'_>, request: &Request<'_>) -> Result<Option<ScanId>, AppError> {
    let on_demand = request.planned_at.is_none();
    let trace = trace::begin(ctx);
    let scan = NewScan {
        template_id: request.template_id,
        template_name: request.template_name,
        adhoc: request.adhoc,
        schedule: request.schedule,
        planned_at: request.planned_at,
        reason: request.reason,
        priority: if on_demand { ON_DEMAND } else { SCHEDULED },
        started_by: request.started_by,
        requested_at: ctx.now(),
        seed: entropy::bytes(ctx.entropy),
        traceparent: &trace,
    };
    let Some(id) = scans::insert(conn, &scan).await? else {
        return Ok(None);
    };
    mipo_queue::enqueue(conn, PlanScan::task(id, on_demand).traceparent(trace)).await?;
    super::touched(conn, id).await?;
    let entry = Entry::change("started", "scan", id).diff(json!(null), request.after.clone()).reason(request.reason);
    audit::record(conn, ctx, entry).await?;
    Ok(Some(id))
}
