//! Freezes the scope, cuts it into jobs and signs them, in one transaction.
use mipo_domain::canonical_json;
use mipo_domain::exclusions::Exclusion;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanId, ScannerId, TemplateId};
use mipo_domain::permutation::Seed;
use mipo_domain::planner::{self, Limits, Plan, Refusal, Share, Slice, Warning};
use mipo_domain::states::{JobKind, ScanStatus};
use mipo_protocol::signature::SigningKey;
use mipo_protocol::spec::{self, Spec};
use mipo_store::Conn;
use mipo_store::config::planning;
use mipo_store::jobs::scan_jobs::{self, NewJob};
use mipo_store::jobs::scope_cuts;
use mipo_store::results::scans::{self, FrozenScope, Scan};
use serde::Serialize;
use serde_json::{Value, json};

use super::inputs::inputs;
use super::load::Draft;
use super::{Resolved, Rules};
use crate::audit::Entry;
use crate::events::{self, Event};
use crate::scans::touched;
use crate::{AppError, Ctx, audit};

/// The level of zstd for the frozen scope.
const LEVEL: i32 = 9;

/// What came of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// So many jobs wait for their scanners.
    Jobs(usize),
    /// Refused: the scan has failed.
    Refused,
    /// Somebody was faster, or the scan was held or called off meanwhile.
    NotNeeded,
}

/// The frozen scope, as it is hashed and kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    template_id: TemplateId,
    template: &'a str,
    adhoc: bool,
    ports: String,
    exclusions: &'a [Exclusion],
    sources: Vec<ScopeSource<'a>>,
    shares: &'a [Share],
    warnings: &'a [Warning],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSource<'a> {
    label: &'a str,
    addresses: String,
    rate_limit: u32,
    scanners: Vec<ScannerId>,
}

/// Plans the scan of `draft`: jobs `pending`, or the scan `failed` with the reason. Safe to repeat.
pub async fn write(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    draft: &Draft,
    resolved: &Resolved,
    rules: &Rules,
    key: &SigningKey,
) -> Result<Planned, AppError> {
    let Some(scan) = scans::lock(conn, draft.scan.id).await? else { return Ok(Planned::NotNeeded) };
    if scan.status()? != ScanStatus::Pending || scan.planning_finished_at.is_some() {
        return Ok(Planned::NotNeeded);
    }
    let inputs = inputs(draft, resolved, rules);
    for (id, addresses) in &inputs.resolved {
        planning::set_resolved(conn, *id, &json!(addresses), ctx.now()).await?;
    }
    let mut warnings = inputs.warnings;
    let mut plan = match planner::plan(&inputs.plan) {
        Ok(plan) => plan,
        Err(refusal) => {
            refuse(conn, ctx, &scan, &refusal, &warnings).await?;
            return Ok(Planned::Refused);
        }
    };
    warnings.append(&mut plan.warnings);
    let exhausted = plan.shares.iter().flat_map(|share| &share.classes).any(|class| class.rate_exhausted);
    if exhausted {
        let message = "The limits leave less than one probe a second for some targets; they are probed at one.";
        warnings.push(Warning::new("rate_limit_exhausted", message));
    }
    let scope = Scope {
        template_id: scan.template_id,
        template: &scan.template_name,
        adhoc: scan.adhoc,
        ports: draft.ports.to_string(),
        exclusions: draft.exclusions.list(),
        sources: inputs
            .plan
            .sources
            .iter()
            .map(|source| ScopeSource {
                label: &source.label,
                addresses: source.addresses.to_string(),
                rate_limit: source.rate_limit,
                scanners: source.scanners.iter().copied().collect(),
            })
            .collect(),
        shares: &plan.shares,
        warnings: &warnings,
    };
    let bytes = canonical_json::to_vec(&scope);
    let jobs = cut_and_sign(conn, ctx, draft, &scan, &plan, rules, key).await?;
    let packed =
        zstd::encode_all(bytes.as_slice(), LEVEL).map_err(|error| AppError::Internal(format!("zstd: {error}")))?;
    let frozen = FrozenScope {
        scope: &packed,
        scope_hash: *Hash256::of(&bytes).as_bytes(),
        warnings: &json!(warnings),
        hosts_planned: jobs.hosts,
        probes_planned: plan.probes.cast_signed(),
    };
    scans::freeze(conn, scan.id, &frozen, ctx.now()).await?;
    warn(conn, ctx, &scan, &warnings).await?;
    touched(conn, scan.id).await?;
    let after = json!({ "jobs": jobs.count, "probes": plan.probes, "scopeHash": Hash256::of(&bytes) });
    audit::record(conn, ctx, Entry::change("planned", "scan", scan.id).diff(Value::Null, after)).await?;
    Ok(Planned::Jobs(jobs.count))
}

#[derive(Default)]
struct Jobs {
    count: usize,
    hosts: i64,
}

async fn cut_and_sign(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    draft: &Draft,
    scan: &Scan,
    plan: &Plan,
    rules: &Rules,
    key: &SigningKey,
) -> Result<Jobs, AppError> {
    let seed: [u8; 16] = scan
        .seed
        .as_slice()
        .try_into()
        .map_err(|_| AppError::Internal(format!("the seed of scan {} is not 16 bytes", scan.id)))?;
    let mut jobs = Jobs::default();
    for share in &plan.shares {
        let measured = draft.scanners.iter().find(|s| s.id == share.scanner_id).and_then(|s| s.measured_pps);
        for slice in slices(conn, ctx, scan, share, measured).await? {
            let id = scan_jobs::next_id(conn).await?;
            let scope_hash = spec::scope_hash(&slice.targets);
            let expires_at = ctx.now() + rules.max_job_age;
            let spec = Spec {
                v: spec::VERSION,
                key_id: key.public().key_id(),
                job_id: id,
                scan_id: scan.id,
                kind: JobKind::Sweep,
                scanner_id: share.scanner_id,
                min_attempt: 1,
                exclusions: draft.exclusions.meeting(&slice.targets),
                targets: slice.targets,
                rate_pps: slice.rate_pps,
                per_host_pps: slice.per_host_pps,
                seed: Seed(seed),
                not_before: ctx.now(),
                expires_at,
                votes: None,
            };
            let signed = spec.sign(key);
            scan_jobs::insert(
                conn,
                &NewJob {
                    id,
                    scan_id: scan.id,
                    scanner_id: share.scanner_id,
                    batch_no: jobs.count as i32,
                    priority: scan.priority,
                    spec: &signed.spec.0,
                    signature: &signed.signature.0,
                    spec_expires_at: expires_at,
                    scope_hash: *scope_hash.as_bytes(),
                    max_probes_per_second: slice.rate_pps.cast_signed(),
                    estimated_seconds: slice.estimated_seconds.cast_signed(),
                    hosts_planned: slice.hosts as i32,
                    probes_planned: slice.probes.cast_signed(),
                    rate_exhausted: slice.rate_exhausted,
                    traceparent: scan.traceparent.as_deref(),
                },
            )
            .await?;
            jobs.count += 1;
            jobs.hosts += slice.hosts.cast_signed();
        }
    }
    Ok(jobs)
}

/// The cut of the share: the one that was made before for the same scope and rates, else a new one.
async fn slices(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    share: &Share,
    measured_pps: Option<f64>,
) -> Result<Vec<Slice>, AppError> {
    let key =
        scope_cuts::Key { template_id: scan.template_id, scanner_id: share.scanner_id, scope_hash: share.cut_key() };
    if let Some(kept) = scope_cuts::reuse(conn, key, ctx.now()).await? {
        return serde_json::from_value(kept).map_err(|error| {
            AppError::Internal(format!("cut {} of template {}: {error}", key.scope_hash, scan.template_id))
        });
    }
    let slices = planner::cut(share, measured_pps, Limits::default());
    scope_cuts::save(conn, key, &json!(slices), ctx.now()).await?;
    Ok(slices)
}

async fn refuse(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    refusal: &Refusal,
    warnings: &[Warning],
) -> Result<(), AppError> {
    let mut warnings = warnings.to_vec();
    warnings.push(Warning::new(refusal.code(), format!("{refusal}.")));
    scans::warn(conn, scan.id, &json!(warnings)).await?;
    scans::end(conn, scan.id, ScanStatus::Failed, Some(refusal.code()), ctx.now()).await?;
    scans::set_counts(conn, scan.id, 0, 0).await?;
    let summary = format!("Scan #{} of {} cannot be planned: {refusal}", scan.id, scan.template_name);
    event(conn, ctx, scan, "scan_failed", &summary, json!({ "reason": refusal.code(), "warnings": warnings })).await?;
    touched(conn, scan.id).await?;
    let after = json!({ "status": "failed", "reason": refusal.code() });
    let entry = Entry::change("ended", "scan", scan.id).diff(json!({ "status": scan.status }), after);
    audit::record(conn, ctx, entry).await
}

/// What is skipped is skipped aloud.
async fn warn(conn: &mut Conn, ctx: &Ctx<'_>, scan: &Scan, warnings: &[Warning]) -> Result<(), AppError> {
    if warnings.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    let summary = format!("Scan #{} of {} is planned with warnings: {}", scan.id, scan.template_name, texts.join(" "));
    event(conn, ctx, scan, "scan_planned_with_warnings", &summary, json!({ "warnings": warnings })).await
}

async fn event(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    kind: &str,
    summary: &str,
    detail: Value,
) -> Result<(), AppError> {
    let entity_id = ScanId::to_string(&scan.id);
    events::raise(
        conn,
        ctx,
        Event {
            source: "dispatcher",
            kind,
            severity: "warning",
            entity_type: "scan",
            entity_id: &entity_id,
            summary,
            detail,
        },
    )
    .await?;
    Ok(())
}
