//! Values that a column of a list has, for who wants to filter by it.
use mipo_domain::ids::ScanId;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError};

/// Most values offered.
const LIMIT: i64 = 200;
/// Newest scans looked at: older names are rarely asked for, and the list is read with every page.
const NEWEST: i64 = 5000;

/// Values of `startedBy` or `template` among the newest scans; nothing for another column.
pub async fn of_scans(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    let expression = match column {
        "startedBy" => "started_by",
        "template" => "template_name",
        _ => return Ok(Vec::new()),
    };
    let mut query = QueryBuilder::new("select distinct v from (select ");
    query.push(expression).push(" as v from results.scans order by id desc limit ").push_bind(NEWEST);
    query.push(") s order by v limit ").push_bind(LIMIT);
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// Services that open ports of a scan have.
pub async fn services(conn: &mut Conn, scan: ScanId) -> Result<Vec<String>, StoreError> {
    let mut query = QueryBuilder::new("select distinct service from results.open_observations where scan_id = ");
    query.push_bind(scan.get()).push(" and service is not null order by service limit ").push_bind(LIMIT);
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}
