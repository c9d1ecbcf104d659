//! Step 1: somebody asks for a scan.
use mipo_domain::entropy;
use mipo_domain::ids::{ScanId, TemplateId};
use mipo_domain::rights::Right;
use mipo_queue::payloads::PlanScan;
use mipo_store::Conn;
use mipo_store::config::adhoc_templates;
use mipo_store::results::scans::{self, NewScan};
use serde_json::json;

use super::adhoc::{self, AdHoc};
use crate::audit::Entry;
use crate::{AppError, Ctx, audit, trace};

/// On-demand scans are worked on before scheduled ones.
const ON_DEMAND: i32 = 5;

/// What is to be scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A template.
    Template(TemplateId),
    /// Typed targets and ports.
    AdHoc(AdHoc),
}

/// A request for a scan, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartScan {
    /// What is to be scanned.
    pub what: What,
    /// Why; may be empty.
    pub reason: String,
}

/// Requests a scan: the scan `pending`, its planning task, its live event and its audit row.
///
/// Needs `scans:execute`; the ad-hoc form also `config:manage`, because it makes a template.
pub async fn start(conn: &mut Conn, ctx: &Ctx<'_>, input: StartScan) -> Result<ScanId, AppError> {
    ctx.require(Right::ScansExecute)?;
    super::check_reason(&input.reason)?;
    let template = match &input.what {
        What::Template(id) => adhoc_templates::head(conn, *id)
            .await?
            .ok_or_else(|| AppError::invalid("templateId", "unknown_template", "There is no such scan template."))?,
        What::AdHoc(typed) => {
            ctx.require(Right::ConfigManage)?;
            adhoc::make_template(conn, ctx, typed).await?
        }
    };
    let trace = trace::begin(ctx);
    let id = scans::insert(
        conn,
        &NewScan {
            template_id: template.id,
            template_name: &template.name,
            adhoc: template.adhoc,
            schedule: None,
            reason: input.reason.trim(),
            priority: ON_DEMAND,
            started_by: ctx.caller.actor.name(),
            requested_at: ctx.now(),
            seed: entropy::bytes(ctx.entropy),
            traceparent: &trace,
        },
    )
    .await?;
    mipo_queue::enqueue(conn, PlanScan::task(id, true).traceparent(trace)).await?;
    super::touched(conn, id).await?;
    let after = match &input.what {
        What::Template(_) => json!({ "template": template.name }),
        What::AdHoc(typed) => json!({
            "template": template.name, "targets": typed.targets, "ports": typed.ports, "scanners": typed.scanners,
        }),
    };
    let entry = Entry::change("started", "scan", id).diff(json!(null), after).reason(input.reason.trim());
    audit::record(conn, ctx, entry).await?;
    Ok(id)
}
