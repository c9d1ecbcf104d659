//! Receipts (`results.receipts`): the execution proof of each sweep job, chained per scanner.
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId, TemplateId};
use mipo_domain::receipt::Receipt;

use crate::{Conn, StoreError};

/// The end of the chain of a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of its last receipt; 0 when there is none.
    pub position: i64,
    /// The hash of that receipt, or 32 zero bytes.
    pub hash: Hash256,
}

/// The receipt that a job is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its job.
    pub job_id: ScanJobId,
    /// Its result hash.
    pub result_hash: Hash256,
}

/// How the open set is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredSet {
    /// All lines, zstd.
    Full(Vec<u8>),
    /// The difference to the baseline's set, zstd.
    Delta(Vec<u8>),
}

/// What the receipts of a scan add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Open ports over all vantages.
    pub open: i64,
    /// Changes over all vantages.
    pub changes: i64,
}

fn hash(bytes: &[u8]) -> Result<Hash256, StoreError> {
    Hash256::from_slice(bytes).ok_or_else(|| StoreError::inconsistent("a hash of a receipt is not 32 bytes"))
}

/// The end of the chain. The caller holds the lock of the vantage.
pub async fn head(conn: &mut Conn, scanner_id: ScannerId) -> Result<Head, StoreError> {
    let row = sqlx::query!(
        "select chain_position, receipt_hash from results.receipts where scanner_id = $1 order by chain_position desc limit 1",
        scanner_id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    match row {
        None => Ok(Head { position: 0, hash: Hash256::ZERO }),
        Some(row) => Ok(Head { position: row.chain_position, hash: hash(&row.receipt_hash)? }),
    }
}

/// The last completed receipt of the same template, scanner and scope.
pub async fn baseline(
    conn: &mut Conn,
    template_id: TemplateId,
    scanner_id: ScannerId,
    scope_hash: Hash256,
) -> Result<Option<Baseline>, StoreError> {
    let row = sqlx::query!(
        "select job_id, result_hash from results.receipts
         where template_id = $1 and scanner_id = $2 and scope_hash = $3 and final_status = 'completed'
         order by chain_position desc limit 1",
        template_id.as_uuid(),
        scanner_id.as_uuid(),
        scope_hash.as_bytes().as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Baseline { job_id: ScanJobId::from(row.job_id), result_hash: hash(&row.result_hash)? }))
        .transpose()
}

/// The stored sets from `job_id` back to the nearest full one, newest first: applied backwards they give its set.
pub async fn set_chain(conn: &mut Conn, job_id: ScanJobId) -> Result<Vec<StoredSet>, StoreError> {
    let rows = sqlx::query!(
        r#"with recursive chain as (
             select job_id, open_set, open_set_kind, baseline_job_id, 1 as depth from results.receipts where job_id = $1
             union all
             select r.job_id, r.open_set, r.open_set_kind, r.baseline_job_id, chain.depth + 1
             from chain join results.receipts r on r.job_id = chain.baseline_job_id
             where chain.open_set_kind = 'delta' and chain.depth < 1000)
           select open_set as "open_set!", open_set_kind as "kind!" from chain order by depth"#,
        job_id.get()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| if row.kind == "full" { StoredSet::Full(row.open_set) } else { StoredSet::Delta(row.open_set) })
        .collect())
}

/// Adds a receipt to the chain of its scanner.
pub async fn insert(
    conn: &mut Conn,
    receipt: &Receipt,
    previous: Hash256,
    own: Hash256,
    set: &StoredSet,
) -> Result<(), StoreError> {
    let (open_set, kind) = match set {
        StoredSet::Full(bytes) => (bytes, "full"),
        StoredSet::Delta(bytes) => (bytes, "delta"),
    };
    sqlx::query!(
        "insert into results.receipts
           (job_id, scan_id, scanner_id, scanner_name, template_id, final_status, no_change, change_count, open_count,
            probes_planned, probes_attempted, excluded_count, scope_hash, result_hash, open_set, open_set_kind, baseline_hash,
            baseline_job_id, chain_position, prev_receipt_hash, receipt_hash, scanner_version, forensic, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
        receipt.job_id.get(),
        receipt.scan_id.get(),
        receipt.scanner_id.as_uuid(),
        receipt.scanner_name,
        receipt.template_id.as_uuid(),
        receipt.final_status.as_str(),
        receipt.no_change,
        receipt.change_count.cast_signed(),
        receipt.open_count.cast_signed(),
        receipt.probes_planned.cast_signed(),
        receipt.probes_attempted.cast_signed(),
        receipt.excluded_count.cast_signed(),
        receipt.scope_hash.as_bytes().as_slice(),
        receipt.result_hash.as_bytes().as_slice(),
        open_set,
        kind,
        receipt.baseline_hash.as_ref().map(|hash| hash.as_bytes().as_slice()),
        receipt.baseline_job_id.map(ScanJobId::get),
        receipt.chain_position.cast_signed(),
        previous.as_bytes().as_slice(),
        own.as_bytes().as_slice(),
        receipt.scanner_version,
        receipt.forensic,
        receipt.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the scan found: open ports by its receipts, and the changes that were recorded. A receipt without a baseline
/// counts no change, so its count cannot be used for the scan's.
pub async fn sums(conn: &mut Conn, scan_id: ScanId) -> Result<Sums, StoreError> {
    Ok(sqlx::query_as!(
        Sums,
        r#"select (select coalesce(sum(open_count), 0)::bigint from results.receipts where scan_id = $1) as "open!",
             (select count(*) from results.port_changes where scan_id = $1) as "changes!""#,
        scan_id.get()
    )
    .fetch_one(conn)
    .await?)
}
