//! The database allows the moves between statuses that the domain's tables list, and no others.
use mipo_domain::states::{JobStatus, ScanStatus};
use sqlx::{AssertSqlSafe, PgPool};

/// True when the database takes `sql`; a refusal must be that of the move.
async fn takes(pool: &PgPool, sql: &str, constraint: &str) -> bool {
    match sqlx::query(AssertSqlSafe(sql.to_owned())).execute(pool).await {
        Ok(_) => true,
        Err(error) => {
            let named = error.as_database_error().and_then(|error| error.constraint()).map(str::to_owned);
            assert_eq!(named.as_deref(), Some(constraint), "{sql}: {error}");
            false
        }
    }
}

async fn id(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

#[tokio::test]
async fn a_scan_moves_as_the_table_says() {
    let test = mipo_testkit::database().await;
    let pool = test.superuser_pool();
    let ended = |status: ScanStatus| if status.is_terminal() { "now()" } else { "null" };
    for &from in ScanStatus::ALL {
        for &to in ScanStatus::ALL.iter().filter(|to| **to != from) {
            let scan = id(
                &pool,
                &format!(
                    "insert into results.scans (template_id, template_name, started_by, requested_at, seed, status, started_at, completed_at)
                     values (gen_random_uuid(), 't', 't', now(), decode(repeat('09', 16), 'hex'), '{from}', now(), {}) returning id",
                    ended(from)
                ),
            )
            .await;
            let sql =
                format!("update results.scans set status = '{to}', completed_at = {} where id = {scan}", ended(to));
            assert_eq!(takes(&pool, &sql, "scans_status_move").await, from.can_become(to), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn a_scan_job_moves_as_the_table_says() {
    let test = mipo_testkit::database().await;
    let pool = test.superuser_pool();
    let columns = |status: JobStatus| {
        let ended = if status.is_terminal() { "now()" } else { "null" };
        let lease = if status.is_leased() { "now()" } else { "null" };
        let held = if status == JobStatus::Paused { "{operator}" } else { "{}" };
        [format!("'{status}'"), ended.to_owned(), lease.to_owned(), format!("'{held}'")]
    };
    for &from in JobStatus::ALL {
        for &to in JobStatus::ALL.iter().filter(|to| **to != from) {
            let job = id(
                &pool,
                &format!(
                    "insert into jobs.scan_jobs (scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash,
                       max_probes_per_second, estimated_seconds, hosts_planned, probes_planned, started_at,
                       status, finished_at, lease_until, hold_reasons)
                     values (1, gen_random_uuid(), 0, '\\x00', decode(repeat('00', 64), 'hex'), now(),
                       decode(repeat('00', 32), 'hex'), 0, 60, 1, 1, now(), {}) returning id",
                    columns(from).join(", ")
                ),
            )
            .await;
            let [status, ended, lease, held] = columns(to);
            let sql = format!(
                "update jobs.scan_jobs set status = {status}, finished_at = {ended}, lease_until = {lease}, hold_reasons = {held}
                 where id = {job}"
            );
            assert_eq!(takes(&pool, &sql, "scan_jobs_status_move").await, from.can_become(to), "{from} to {to}");
        }
    }
}
