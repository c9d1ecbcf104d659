//! Step 1: somebody asks for a scan.
use mipo_domain::ids::{ScanId, TemplateId};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::adhoc_templates;
use serde_json::json;

use super::adhoc::{self, AdHoc};
use super::request::{Request, request};
use crate::{AppError, Ctx};

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
    let after = match &input.what {
        What::Template(_) => json!({ "template": template.name }),
        What::AdHoc(typed) => json!({
            "template": template.name, "targets": typed.targets, "ports": typed.ports, "scanners": typed.scanners,
        }),
    };
    let wanted = Request {
        template_id: template.id,
        template_name: &template.name,
        adhoc: template.adhoc,
        schedule: None,
        planned_at: None,
        started_by: ctx.caller.actor.name(),
        reason: input.reason.trim(),
        after,
    };
    request(conn, ctx, &wanted)
        .await?
        .ok_or_else(|| AppError::Internal("a scan without a schedule was taken for a run of one".to_owned()))
}
