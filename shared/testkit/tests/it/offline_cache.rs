//! The committed cache of SQL (`.sqlx`) says what the database says. A statement that is missing fails the build; one
//! whose types have changed since would fail only at run time, so it fails here.
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Column as _, Either, Executor as _, SqlSafeStr as _, TypeInfo as _};

const ANEW: &str = "run `make sqlx` and commit .sqlx";

#[tokio::test]
async fn it_is_what_the_database_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.sqlx");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("no cache; {ANEW}")).flatten().collect();
    assert!(!files.is_empty(), "the cache is empty; {ANEW}");
    let db = mipo_testkit::database().await;
    let pool = db.superuser_pool();
    let mut stale = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file.path()).expect("the cache is readable");
        let cached: Value = serde_json::from_str(&text).expect("the cache is JSON");
        let sql = cached["query"].as_str().expect("it holds the statement").to_owned();
        let mut conn = pool.acquire().await.expect("connects");
        match conn.describe(AssertSqlSafe(sql.clone()).into_sql_str()).await {
            Ok(now) => {
                let columns: Vec<_> = now
                    .columns()
                    .iter()
                    .enumerate()
                    .map(|(n, column)| (column.name(), kind(column.type_info()), now.nullable(n)))
                    .map(|(name, kind, nullable)| (name.to_owned(), kind, told(name, nullable)))
                    .collect();
                let parameters: Vec<_> = match now.parameters() {
                    Some(Either::Left(types)) => types.iter().map(kind).collect(),
                    _ => Vec::new(),
                };
                let cached = &cached["describe"];
                if columns != cached_columns(cached) || parameters != cached_parameters(cached) {
                    stale.push(format!("{sql}\n  now {columns:?} {parameters:?}"));
                }
            }
            Err(error) => stale.push(format!("{sql}\n  {error}")),
        }
    }
    assert!(stale.is_empty(), "{ANEW}; stale:\n{}", stale.join("\n"));
}

/// Whether a column may be null is read from the plan, which follows the statistics of the moment; it counts only where
/// the statement does not say it itself (`name!`, `name?`).
fn told(name: &str, nullable: Option<bool>) -> Option<bool> {
    if name.contains(['!', '?']) { None } else { nullable }
}

/// The name of a type as both sides have it: lower case, without the array's brackets.
fn kind(info: &sqlx::postgres::PgTypeInfo) -> String {
    let shown = format!("{info:?}");
    match shown.strip_prefix("PgTypeInfo(").and_then(|rest| rest.strip_suffix(')')) {
        Some(name) if name.chars().all(char::is_alphanumeric) => name.to_lowercase(),
        _ => info.name().to_lowercase(),
    }
}

fn cached_kind(value: &Value) -> String {
    let name = value.as_str().or_else(|| value["Custom"]["name"].as_str()).unwrap_or_default();
    name.to_lowercase()
}

fn cached_columns(cached: &Value) -> Vec<(String, String, Option<bool>)> {
    let columns = cached["columns"].as_array().cloned().unwrap_or_default();
    let named = columns.iter().enumerate().map(|(n, column)| {
        let name = column["name"].as_str().unwrap_or_default();
        (name.to_owned(), cached_kind(&column["type_info"]), told(name, cached["nullable"][n].as_bool()))
    });
    named.collect()
}

fn cached_parameters(cached: &Value) -> Vec<String> {
    cached["parameters"]["Left"].as_array().into_iter().flatten().map(cached_kind).collect()
}
