//! `GET|DELETE /api/me/sessions`, `DELETE /api/me/sessions/:id`
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mipo_app::sessions;
use mipo_domain::ids::SessionId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A live session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MySession)]
pub struct SessionAnswer {
    id: Uuid,
    ip: String,
    user_agent: String,
    created_at: DateTime<Utc>,
    last_active_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// True for the session that asks.
    current: bool,
}

/// The live sessions of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = MySessions)]
pub struct Sessions {
    items: Vec<SessionAnswer>,
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub struct Ended {
    ended: u64,
}

/// Where the caller is signed in.
#[utoipa::path(
    get,
    path = "/api/me/sessions",
    tag = "me",
    operation_id = "listMySessions",
    responses((status = 200, description = "Live sessions, the latest used first", body = Sessions))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<Sessions>, Problem> {
    let mut tx = app.db.read("me.sessions").await?;
    let found = sessions::list_own(&mut tx, &app.ctx(&signed.caller), app.session_limits).await?;
    let items = found.into_iter().map(|session| SessionAnswer {
        id: session.id.as_uuid(),
        ip: session.ip,
        user_agent: session.user_agent,
        created_at: session.created_at,
        last_active_at: session.last_active_at,
        expires_at: session.expires_at,
        current: signed.session == Some(session.id),
    });
    Ok(Json(Sessions { items: items.collect() }))
}

/// Signs the caller out everywhere else.
#[utoipa::path(
    delete,
    path = "/api/me/sessions",
    tag = "me",
    operation_id = "endMyOtherSessions",
    responses((status = 200, description = "All but this session have ended", body = Ended))
)]
pub async fn end_others(State(app): State<App>, signed: SignedIn) -> Result<Json<Ended>, Problem> {
    let mut tx = app.db.tx("me.end_others").await?;
    let ended = sessions::end_others(&mut tx, &app.ctx(&signed.caller), app.session_limits, signed.session).await?;
    tx.commit().await?;
    Ok(Json(Ended { ended }))
}

/// Ends one session of the caller.
#[utoipa::path(
    delete,
    path = "/api/me/sessions/{id}",
    tag = "me",
    operation_id = "endMySession",
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "Ended"), (status = 404, description = "Not a live session of the caller"))
)]
pub async fn end(State(app): State<App>, signed: SignedIn, Id(id): Id<SessionId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("me.end_session").await?;
    sessions::end_own(&mut tx, &app.ctx(&signed.caller), app.session_limits, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
