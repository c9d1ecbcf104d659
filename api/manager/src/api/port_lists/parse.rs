//! `POST /api/config/port-lists/parse`
use axum::extract::State;
use mipo_app::port_lists;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A port text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortText {
    #[schema(example = "22, 80/tcp, 8000-8100, 53/udp")]
    ports: String,
}

/// What a port text means.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParsedPorts {
    /// The same, sorted and each port once.
    ports: String,
    /// TCP ports as inclusive pairs.
    tcp: Vec<[u16; 2]>,
    /// UDP ports as inclusive pairs; they are not scanned.
    udp: Vec<[u16; 2]>,
    tcp_count: u32,
    udp_count: u32,
}

/// Reads a port text without storing it. Each bad piece is refused with its position; nothing is dropped.
#[utoipa::path(
    post,
    path = "/api/config/port-lists/parse",
    tag = "port-lists",
    operation_id = "parsePorts",
    extensions(("x-right" = json!("config:view"))),
    request_body = PortText,
    responses((status = 200, description = "What it means", body = ParsedPorts))
)]
pub async fn parse(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<PortText>,
) -> Result<Json<ParsedPorts>, Problem> {
    let ports = port_lists::parse(&app.ctx(&signed.caller), &body.ports)?;
    let pairs = |set: &mipo_domain::ports::PortSet| set.ranges().iter().map(|(from, to)| [*from, *to]).collect();
    Ok(Json(ParsedPorts {
        ports: ports.to_string(),
        tcp: pairs(&ports.tcp),
        udp: pairs(&ports.udp),
        tcp_count: ports.tcp.count(),
        udp_count: ports.udp.count(),
    }))
}
