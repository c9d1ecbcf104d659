//! `GET /api/scans/:id/changes`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;
use mipo_store::results::change_views::{Change, Difference};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Id, Json, Problem};
use crate::lists::{Columns, ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::changes::{kind, read_against};

/// What became of a port.
pub(super) const KINDS: &[&str] = &["opened", "closed", "filtered", "other", "not_comparable"];

pub(super) const COLUMNS: Columns =
    Columns { filters: &["against", "kind"], words: &[("kind", KINDS)], ..Columns::NONE };

/// A difference between two scans.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanChange)]
pub struct ChangeAnswer {
    /// `opened`, `closed`, `filtered`, `other` (between closed and filtered) or `not_comparable`.
    kind: &'static str,
    ip: String,
    port: Option<i32>,
    /// Several ports, for `other`.
    ports: Option<String>,
    protocol: String,
    /// Absent when the other scan did not cover it.
    previous_state: Option<String>,
    /// Absent when this scan did not cover it.
    current_state: Option<String>,
    service: Option<String>,
    version: Option<String>,
    scanner_id: Uuid,
    /// Absent when the scanner was deleted.
    scanner: Option<String>,
    /// True when a second look agreed; absent where no change is recorded.
    confirmed: Option<bool>,
}

impl From<Difference> for ChangeAnswer {
    fn from(row: Difference) -> Self {
        let kind = kind(&row);
        let open = Some("open".to_owned());
        let (previous_state, current_state) =
            if row.now_open { (row.other_state, open) } else { (open, row.other_state) };
        Self {
            kind,
            ip: row.ip,
            port: Some(row.port),
            ports: None,
            protocol: row.protocol,
            previous_state,
            current_state,
            service: row.service,
            version: row.version,
            scanner_id: row.scanner_id.as_uuid(),
            scanner: row.scanner,
            confirmed: row.confirmed,
        }
    }
}

impl From<Change> for ChangeAnswer {
    fn from(row: Change) -> Self {
        let ports = row
            .ports
            .map(|text| mipo_domain::ports::PortSet::from_multirange(&text).map_or(text, |ports| ports.to_string()));
        Self {
            kind: "other",
            ip: row.ip,
            port: row.port,
            ports,
            protocol: row.protocol,
            previous_state: Some(row.previous_state),
            current_state: Some(row.current_state),
            service: row.service,
            version: row.version,
            scanner_id: row.scanner_id.as_uuid(),
            scanner: row.scanner,
            confirmed: Some(row.confirmed),
        }
    }
}

/// Differences, and with what was compared.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanChanges)]
pub struct Answer {
    /// Absent when there is nothing to compare with: then this scan is the baseline.
    against_scan_id: Option<i64>,
    #[serde(flatten)]
    listed: Listed<ChangeAnswer>,
}

/// What a scan changed: the difference to the previous scan of its template, or to `against`, per vantage.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/changes",
    tag = "scans",
    operation_id = "listScanChanges",
    extensions(("x-right" = json!("results:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("against" = Option<i64>, Query, description = "The scan to compare with"),
        ("kind" = Option<String>, Query, description = "opened, closed, filtered, other or not_comparable"),
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
    ),
    responses((status = 200, description = "A page of differences", body = Answer))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Answer>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let against = read_against(query.filter("against").unwrap_or_default())?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.changes").await?;
    let diff = views::findings::diff(&mut tx, &ctx, id, against).await?;
    views::findings::seen(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    let wanted: Option<Vec<&str>> = query.filter("kind").map(|text| text.split(',').collect());
    let rows: Vec<ChangeAnswer> = diff
        .ports
        .into_iter()
        .map(ChangeAnswer::from)
        .chain(diff.other.into_iter().map(ChangeAnswer::from))
        .filter(|row| wanted.as_ref().is_none_or(|kinds| kinds.contains(&row.kind)))
        .collect();
    let total = rows.len() as i64;
    let offset = usize::try_from(query.offset()).unwrap_or(usize::MAX);
    let items = rows.into_iter().skip(offset).take(query.page_size as usize).collect();
    let listed = Listed { items, page: query.page, page_size: query.page_size, total, total_is_estimate: diff.cut };
    Ok(Json(Answer { against_scan_id: diff.against.map(ScanId::get), listed }))
}
