//! `sql/checks`: queries that must return no rows. Tests and `mipo doctor` run them.
use sqlx::{Column as _, Row as _};

use crate::{Conn, StoreError};

/// One check that found something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file in `sql/checks`, without its ending.
    pub check: &'static str,
    /// The rows that should not be there, at most [`MAX_ROWS`], each as `column=value, …`.
    pub rows: Vec<String>,
}

/// How many rows of one finding are read.
pub const MAX_ROWS: usize = 20;

/// How many checks there are.
pub const fn count() -> usize {
    crate::migrate::CHECKS.len()
}

/// What the checks said to a role that may not read everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Checks that read what the role may not.
    pub closed: Vec<&'static str>,
}

/// Runs every check; an empty answer is good.
pub async fn run(conn: &mut Conn) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for &(check, sql) in crate::migrate::CHECKS {
        findings.extend(one(conn, check, sql).await?);
    }
    Ok(findings)
}

/// Runs every check that the role of the connection may.
pub async fn run_allowed(conn: &mut Conn) -> Result<Looked, StoreError> {
    let mut looked = Looked::default();
    for &(check, sql) in crate::migrate::CHECKS {
        match one(conn, check, sql).await {
            Ok(finding) => looked.findings.extend(finding),
            Err(error) if error.is_forbidden() => looked.closed.push(check),
            Err(error) => return Err(error),
        }
    }
    Ok(looked)
}

async fn one(conn: &mut Conn, check: &'static str, sql: &'static str) -> Result<Option<Finding>, StoreError> {
    let rows = sqlx::query(sql).fetch_all(conn).await?;
    let found = !rows.is_empty();
    Ok(found.then(|| Finding { check, rows: rows.iter().take(MAX_ROWS).map(show).collect() }))
}

/// Checks select text columns only, so that a finding can be shown.
fn show(row: &sqlx::postgres::PgRow) -> String {
    let cells = row.columns().iter().map(|column| {
        let value =
            row.try_get::<Option<String>, _>(column.ordinal()).unwrap_or_else(|_| Some("(not text)".to_owned()));
        format!("{}={}", column.name(), value.as_deref().unwrap_or("null"))
    });
    cells.collect::<Vec<_>>().join(", ")
}
