//! `POST /api/scans`
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mipo_app::AppError;
use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_domain::ids::TemplateId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// One text or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// Ports as text (`22,80,8000-8100`) or as a list of numbers and ranges.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Ports {
    Text(String),
    List(Vec<PortItem>),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum PortItem {
    Number(u32),
    Text(String),
}

impl Ports {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(items) => items
                .into_iter()
                .map(|item| match item {
                    PortItem::Number(number) => number.to_string(),
                    PortItem::Text(text) => text,
                })
                .collect::<Vec<_>>()
                .join(","),
        }
    }
}

/// A template, or targets and ports.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StartScan)]
pub struct Body {
    /// A template; excludes the other three.
    template_id: Option<String>,
    /// Addresses, CIDRs, ranges or host names: a text or a list of texts.
    targets: Option<Texts>,
    /// As in a port list: `22,80,8000-8100`.
    ports: Option<Ports>,
    /// Names of scanners; without it every active one.
    scanners: Option<Vec<String>>,
    /// Why; stands on the scan and in the audit log.
    #[serde(default)]
    reason: String,
}

/// The scan that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StartedScan)]
pub struct Answer {
    scan_id: i64,
}

/// Starts a scan now: of a template (`templateId`), or of typed `targets` and `ports` (needs config:manage too).
#[utoipa::path(
    post,
    path = "/api/scans",
    tag = "scans",
    operation_id = "startScan",
    extensions(("x-right" = json!("scans:execute"))),
    request_body = Body,
    responses((status = 202, description = "Asked for; `Location` is its address", body = Answer))
)]
pub async fn start(State(app): State<App>, signed: SignedIn, Json(body): Json<Body>) -> Result<Response, Problem> {
    let reason = body.reason.clone();
    let input = StartScan { what: what(body)?, reason };
    let mut tx = app.db.tx("scans.start").await?;
    let id = scans::start(&mut tx, &app.ctx(&signed.caller), input).await?;
    tx.commit().await?;
    let location = (header::LOCATION, format!("/api/scans/{id}"));
    Ok((StatusCode::ACCEPTED, [location], Json(Answer { scan_id: id.get() })).into_response())
}

fn what(body: Body) -> Result<What, AppError> {
    let adhoc = body.targets.is_some() || body.ports.is_some() || body.scanners.is_some();
    match body.template_id {
        Some(_) if adhoc => {
            Err(AppError::invalid("templateId", "either_or", "Give a templateId, or targets and ports; not both."))
        }
        Some(id) => {
            let unknown = |_| AppError::invalid("templateId", "unknown_template", "There is no such scan template.");
            Ok(What::Template(id.parse::<TemplateId>().map_err(unknown)?))
        }
        None if !adhoc => Err(AppError::invalid("templateId", "required", "Give a templateId, or targets and ports.")),
        None => Ok(What::AdHoc(AdHoc {
            targets: body.targets.map(Texts::into_vec).unwrap_or_default(),
            ports: body.ports.map(Ports::into_text).unwrap_or_default(),
            scanners: body.scanners.unwrap_or_default(),
        })),
    }
}
