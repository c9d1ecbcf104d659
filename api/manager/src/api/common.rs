//! What endpoints of configuration share.
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use mipo_app::error::Referrer;
use mipo_app::groups::Member;
use mipo_app::history::Change;
use mipo_app::{AppError, Named};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::lists::{Columns, pairs};

/// Something with an id and a name.
#[derive(Serialize, ToSchema)]
#[schema(as = Named)]
pub struct NamedAnswer {
    id: Uuid,
    name: String,
}

/// The names that a row refers to.
pub fn named(rows: &[Named]) -> Vec<NamedAnswer> {
    rows.iter().map(|row| NamedAnswer { id: row.id, name: row.name.clone() }).collect()
}

/// The members of a group.
pub fn members(rows: &[Member]) -> Vec<NamedAnswer> {
    rows.iter().map(|row| NamedAnswer { id: row.id, name: row.name.clone() }).collect()
}

/// Something that refers to an object.
#[derive(Serialize, ToSchema)]
pub struct UsedBy {
    /// What it is: `scan template`, `subnet`, `scan`, …
    kind: &'static str,
    name: String,
    /// The path of its page.
    path: String,
}

/// What refers to an object.
pub fn used_by(rows: Vec<Referrer>) -> Vec<UsedBy> {
    rows.into_iter().map(|row| UsedBy { kind: row.kind, name: row.name, path: row.path }).collect()
}

/// The name of a copy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub name: String,
}

/// Values that rows have in a column.
#[derive(Serialize, ToSchema)]
pub struct FilterValues {
    /// In order, at most 200.
    pub values: Vec<String>,
}

/// The `column` of the query, if the list can be filtered by it.
pub fn column(query: Option<&str>, columns: &Columns) -> Result<String, AppError> {
    let given = pairs(query.unwrap_or_default());
    let column = given.into_iter().find_map(|(name, value)| (name == "column").then_some(value)).unwrap_or_default();
    if columns.filters.contains(&column.as_str()) {
        return Ok(column);
    }
    let message = format!("Name the column: one of {}.", columns.filters.join(", "));
    Err(AppError::invalid("column", "unknown_column", message))
}

/// One change of an object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeAnswer {
    /// Position in the audit chain.
    seq: i64,
    at: DateTime<Utc>,
    actor: String,
    /// `user`, `token`, `cli`, `scanner` or `system`.
    actor_type: String,
    action: String,
    /// `before` and `after`.
    #[schema(value_type = Object)]
    diff: Value,
    reason: String,
}

/// What was changed on an object, newest first.
#[derive(Serialize, ToSchema)]
pub struct History {
    items: Vec<ChangeAnswer>,
}

impl History {
    /// The changes as they are answered.
    pub fn of(changes: Vec<Change>) -> Self {
        let items = changes
            .into_iter()
            .map(|change| ChangeAnswer {
                seq: change.seq,
                at: change.at,
                actor: change.actor,
                actor_type: change.actor_type,
                action: change.action,
                diff: change.diff,
                reason: change.reason,
            })
            .collect();
        Self { items }
    }
}

/// The header `If-Match`: the version that is edited, such as `"3"`.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let value = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        Ok(Self(value.map(|text| text.trim().trim_start_matches("W/").trim_matches('"').to_owned())))
    }
}

impl IfMatch {
    /// The version that is edited: of the body, else of the header.
    pub fn or(self, body: Option<i32>) -> Result<i32, AppError> {
        let given = body.or_else(|| self.0.as_ref().and_then(|text| text.parse().ok()));
        given.ok_or_else(|| {
            let message = "Say which version you edit, in the body or by If-Match; the object has it as “version”.";
            AppError::invalid("version", "required", message)
        })
    }
}

/// Tells a field that is `null` from one that is left out.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A count of addresses or probes: a number as long as one can be exact in JSON, `null` beyond (an IPv6 network).
pub fn count(n: u128) -> Option<u64> {
    u64::try_from(n).ok().filter(|n| *n <= 1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_named_when_it_is_missing() {
        assert_eq!(IfMatch(Some("3".to_owned())).or(None).expect("a version"), 3);
        assert_eq!(IfMatch(Some("3".to_owned())).or(Some(4)).expect("a version"), 4);
        for given in [None, Some("x".to_owned())] {
            let Err(AppError::Invalid(errors)) = IfMatch(given).or(None) else { panic!("it was taken") };
            assert_eq!(errors[0].field, "version");
        }
    }
}
