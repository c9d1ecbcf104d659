//! What a scan found: open ports from the observations, everything else as counts from the coverage.
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{ScanId, ScannerId};
use sqlx::{FromRow, Postgres, QueryBuilder};

use crate::{Conn, StoreError};

/// An open port, as one scanner saw it.
#[derive(Clone, Debug, FromRow)]
pub struct Finding {
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// Address.
    pub ip: String,
    /// Port.
    pub port: i32,
    /// `tcp`.
    pub protocol: String,
    /// What answers, if it said so.
    pub service: Option<String>,
    /// Which version, if it said so.
    pub version: Option<String>,
    /// Who saw it.
    #[sqlx(try_from = "uuid::Uuid")]
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// Round trip, in microseconds.
    pub rtt_us: Option<i32>,
    /// Since when it is known to be open there; absent until the job is concluded for the first time.
    pub since: Option<DateTime<Utc>>,
    /// Outcome of the test that expects or forbids it, if there is one.
    pub outcome: Option<String>,
}

/// What a list of findings is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Inside this network.
    pub network: Option<IpNet>,
    /// This port.
    pub port: Option<i32>,
    /// Seen by the scanner of this name.
    pub scanner: Option<String>,
    /// With this service.
    pub service: Option<String>,
    /// Words in address, service or version; a number is a port too.
    pub q: Option<String>,
}

/// Columns that findings can be sorted by.
pub const SORTS: &[&str] = &["at", "ip", "port", "service", "scanner", "since", "rtt"];

fn narrow(query: &mut QueryBuilder<Postgres>, scan: ScanId, by: &Narrow) {
    query.push(" where o.scan_id = ").push_bind(scan.get());
    if let Some(network) = by.network {
        query.push(" and o.ip <<= ").push_bind(network);
    }
    if let Some(port) = by.port {
        query.push(" and o.port = ").push_bind(port);
    }
    if let Some(scanner) = &by.scanner {
        query.push(" and o.scanner_id = (select id from config.scanners where lower(name) = lower(");
        query.push_bind(scanner.clone()).push("))");
    }
    if let Some(service) = &by.service {
        query.push(" and lower(o.service) = lower(").push_bind(service.clone()).push(")");
    }
    if let Some(q) = &by.q {
        let words = q.replace(['%', '_', '\\'], "");
        query.push(" and (host(o.ip) like ").push_bind(format!("{words}%"));
        query.push(" or o.service ilike ").push_bind(format!("%{words}%"));
        query.push(" or o.version ilike ").push_bind(format!("%{words}%"));
        query.push(" or o.port::text = ").push_bind(words).push(")");
    }
}

/// A page of open ports of a scan and how many there are.
pub async fn list(
    conn: &mut Conn,
    scan: ScanId,
    by: &Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<Finding>, i64), StoreError> {
    let mut query = QueryBuilder::new(
        "select o.at, host(o.ip) as ip, o.port, o.protocol, o.service, o.version, o.scanner_id, c.name as scanner, o.rtt_us,
           p.since, t.outcome
         from results.open_observations o
         left join config.scanners c on c.id = o.scanner_id
         left join results.port_current p on p.scanner_id = o.scanner_id and p.ip = o.ip and p.protocol = o.protocol and p.port = o.port
         left join lateral (select outcome from results.test_outcomes x where x.scan_id = o.scan_id and x.scanner_id = o.scanner_id
           and x.ip = o.ip and x.port = o.port and x.protocol = o.protocol limit 1) t on true",
    );
    narrow(&mut query, scan, by);
    query.push(" order by ");
    for (column, down) in sort {
        let expression = match column.as_str() {
            "at" => "o.at",
            "ip" => "o.ip",
            "port" => "o.port",
            "service" => "lower(o.service)",
            "scanner" => "lower(c.name)",
            "since" => "p.since",
            "rtt" => "o.rtt_us",
            _ => continue,
        };
        query.push(expression).push(if *down { " desc nulls last, " } else { " asc nulls last, " });
    }
    query.push("o.ip, o.port, o.protocol, o.scanner_id limit ").push_bind(limit).push(" offset ").push_bind(offset);
    let rows = query.build_query_as().fetch_all(&mut *conn).await?;

    let mut count = QueryBuilder::new("select count(*) from (select 1 from results.open_observations o");
    narrow(&mut count, scan, by);
    count.push(" limit ").push_bind(super::scan_views::COUNT_LIMIT + 1).push(") n");
    let total: i64 = count.build_query_scalar().fetch_one(conn).await?;
    Ok((rows, total))
}

/// Verdicts of a scan, counted over what is concluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Addresses, each counted once a vantage.
    pub hosts: i64,
    /// Open.
    pub open: i64,
    /// Closed.
    pub closed: i64,
    /// Filtered.
    pub filtered: i64,
    /// Local errors.
    pub error: i64,
    /// Not probed.
    pub not_probed: i64,
}

/// Counts verdicts from the coverage.
pub async fn verdicts(conn: &mut Conn, scan: ScanId) -> Result<Verdicts, StoreError> {
    Ok(sqlx::query_as!(
        Verdicts,
        r#"select count(distinct (scanner_id, ip)) as "hosts!", coalesce(sum(open_count), 0)::bigint as "open!",
             coalesce(sum(closed_count), 0)::bigint as "closed!", coalesce(sum(filtered_count), 0)::bigint as "filtered!",
             coalesce(sum(error_count), 0)::bigint as "error!", coalesce(sum(not_probed_count), 0)::bigint as "not_probed!"
           from results.coverage where scan_id = $1"#,
        scan.get()
    )
    .fetch_one(conn)
    .await?)
}

/// How many open ports a scan has reported so far.
pub async fn open_so_far(conn: &mut Conn, scan: ScanId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "n!" from results.open_observations where scan_id = $1"#, scan.get())
        .fetch_one(conn)
        .await?)
}

/// Names of the scanners that took part in a scan, for the filter.
pub async fn scanners(conn: &mut Conn, scan: ScanId) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select c.name from config.scanners c
         where c.id in (select scanner_id from jobs.scan_jobs where scan_id = $1 union select scanner_id from results.receipts where scan_id = $1)
         order by lower(c.name)",
        scan.get()
    )
    .fetch_all(conn)
    .await?)
}
