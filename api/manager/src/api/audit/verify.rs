//! `GET /api/audit/verify`
use axum::extract::State;
use mipo_app::audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What a walk over the chain found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerified {
    /// Rows that were read.
    rows_checked: i64,
    /// What is wrong.
    violations: Vec<AuditViolation>,
    /// True when nothing is.
    ok: bool,
    /// Hash of the last row, in hex.
    head: String,
}

/// One thing that is wrong.
#[derive(Serialize, ToSchema)]
pub struct AuditViolation {
    /// Position of the row.
    id: i64,
    /// `row_hash_mismatch`, `prev_hash_mismatch` or `gap`.
    kind: &'static str,
    /// What should stand there.
    expected: String,
    /// What does.
    actual: String,
}

impl From<audit::Verified> for AuditVerified {
    fn from(found: audit::Verified) -> Self {
        let violations = found.violations.into_iter().map(|one| AuditViolation {
            id: one.id,
            kind: one.kind,
            expected: one.expected,
            actual: one.actual,
        });
        Self { rows_checked: found.rows_checked, violations: violations.collect(), ok: found.ok, head: found.head }
    }
}

/// Walks the whole audit chain.
#[utoipa::path(
    get,
    path = "/api/audit/verify",
    tag = "audit",
    operation_id = "verifyAudit",
    extensions(("x-right" = json!("audit:view"))),
    responses((status = 200, description = "What was found", body = AuditVerified))
)]
pub async fn verify(State(app): State<App>, signed: SignedIn) -> Result<Json<AuditVerified>, Problem> {
    let mut tx = app.db.read("audit.verify").await?;
    let found = audit::verify(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(found.into()))
}
