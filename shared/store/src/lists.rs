//! Lists: a page of rows in an order, narrowed by words and by column, with a count that never takes long.
use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// Above this many rows a total is an estimate of the planner.
pub const COUNT_LIMIT: i64 = 100_000;

/// Most values that a column offers for filtering.
const VALUES_LIMIT: i64 = 200;

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Rows wanted.
    pub limit: i64,
    /// Rows before them.
    pub offset: i64,
    /// Columns by their name on the wire, true for descending. Unknown ones are left out.
    pub sort: Vec<(String, bool)>,
    /// Words to find.
    pub q: Option<String>,
    /// Values by column; several values of one column are separated by commas. Unknown columns are left out.
    pub filters: BTreeMap<String, String>,
}

impl Ask {
    /// Everything up to `limit` rows, in the order of `sort`.
    pub fn first(limit: i64, sort: &str) -> Self {
        Self { limit, sort: vec![(sort.to_owned(), false)], ..Self::default() }
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Rows in all.
    pub total: i64,
    /// True when `total` is the planner's estimate, because counting would take long.
    pub total_is_estimate: bool,
}

/// Something with an id and a name that a row refers to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// What a list reads, and what it can be asked. All parts are SQL written here, never input.
pub(crate) struct Source {
    /// Columns, after `select`.
    pub select: &'static str,
    /// Tables, after `from`.
    pub from: &'static str,
    /// A condition that always holds, such as `not t.adhoc`; `true` for none.
    pub only: &'static str,
    /// The unique key that breaks ties.
    pub key: &'static str,
    /// Name on the wire and expression of each column that can be sorted by.
    pub sort: &'static [(&'static str, &'static str)],
    /// Name on the wire and expression of each column that can be filtered by.
    pub filters: &'static [(&'static str, &'static str)],
    /// Text expressions that the words are looked for in.
    pub search: &'static [&'static str],
}

impl Source {
    fn narrowed(&self, start: &str, ask: &Ask) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new(start);
        query.push(" from ").push(self.from).push(" where ").push(self.only);
        for (name, expression) in self.filters {
            if let Some(value) = ask.filters.get(*name) {
                let values: Vec<String> = value.split(',').map(|value| value.trim().to_lowercase()).collect();
                query.push(" and lower((").push(expression).push(")::text) = any(").push_bind(values).push(")");
            }
        }
        if let Some(words) = &ask.q {
            for word in words.split_whitespace().take(8) {
                let word = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                query.push(" and concat_ws(' '");
                for expression in self.search {
                    query.push(", ").push(expression);
                }
                query.push(") ilike ").push_bind(format!("%{word}%"));
            }
        }
        query
    }

    /// The page that was asked for, with its total.
    pub async fn find<T>(&self, conn: &mut Conn, ask: &Ask) -> Result<Found<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut query = self.narrowed(&format!("select {}", self.select), ask);
        query.push(" order by ");
        for (name, down) in &ask.sort {
            if let Some((_, expression)) = self.sort.iter().find(|(known, _)| known == name) {
                query.push(expression).push(if *down { " desc nulls last, " } else { " asc nulls last, " });
            }
        }
        query.push(self.key);
        query.push(" limit ").push_bind(ask.limit.max(0)).push(" offset ").push_bind(ask.offset.max(0));
        let items = query.build_query_as::<T>().fetch_all(&mut *conn).await?;

        let mut count = self.narrowed("select count(*) from (select 1", ask);
        count.push(" limit ").push_bind(COUNT_LIMIT + 1).push(") counted");
        let total: i64 = count.build_query_scalar().fetch_one(&mut *conn).await?;
        if total <= COUNT_LIMIT {
            return Ok(Found { items, total, total_is_estimate: false });
        }
        let plan: serde_json::Value =
            self.narrowed("explain (format json) select 1", ask).build().fetch_one(&mut *conn).await?.try_get(0)?;
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_f64).unwrap_or_default();
        Ok(Found { items, total: (rows as i64).max(total), total_is_estimate: true })
    }

    /// The row whose key is `id`.
    pub async fn one<T>(&self, conn: &mut Conn, id: Uuid) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut query = QueryBuilder::<Postgres>::new(format!("select {} from {}", self.select, self.from));
        query.push(" where ").push(self.key).push(" = ").push_bind(id);
        Ok(query.build_query_as::<T>().fetch_optional(conn).await?)
    }

    /// The rows whose keys are among `ids`, in the order of their keys.
    pub async fn many<T>(&self, conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Postgres>::new(format!("select {} from {}", self.select, self.from));
        query.push(" where ").push(self.key).push(" = any(").push_bind(ids).push(") order by ").push(self.key);
        Ok(query.build_query_as::<T>().fetch_all(conn).await?)
    }

    /// The values that rows have in `column`, in order; nothing for a column that cannot be filtered by.
    pub async fn values(&self, conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
        let Some((_, expression)) = self.filters.iter().find(|(known, _)| *known == column) else {
            return Ok(Vec::new());
        };
        let mut query =
            QueryBuilder::<Postgres>::new(format!("select distinct ({expression})::text from {}", self.from));
        query.push(" where ").push(self.only).push(" and (").push(expression).push(") is not null");
        query.push(" order by 1 limit ").push_bind(VALUES_LIMIT);
        Ok(query.build_query_scalar().fetch_all(conn).await?)
    }
}
