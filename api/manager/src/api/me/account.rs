//! `GET|PUT /api/me`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::me::{self, Me, Preferences};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The caller's account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
pub struct MeAnswer {
    id: Uuid,
    username: String,
    email: Option<String>,
    is_owner: bool,
    /// Names of the roles.
    roles: Vec<String>,
    /// What the roles allow, as `resource:action`; for the owner everything.
    scopes: Vec<String>,
    /// `system`, `light` or `dark`.
    theme: String,
    /// IANA zone.
    timezone: String,
    last_login_at: Option<DateTime<Utc>>,
    /// To be sent with a change.
    version: i32,
    /// To be sent with every write, as `X-CSRF-Token`.
    csrf_token: String,
}

/// What can be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MeChange)]
pub struct Change {
    /// `system`, `light` or `dark`.
    theme: Option<String>,
    /// IANA zone.
    timezone: Option<String>,
    /// The version that was read.
    version: i32,
}

fn answer(me: Me, csrf_token: String) -> Json<MeAnswer> {
    Json(MeAnswer {
        id: me.id.as_uuid(),
        username: me.username,
        email: me.email,
        is_owner: me.is_owner,
        roles: me.roles,
        scopes: me.rights.iter().map(ToString::to_string).collect(),
        theme: me.theme,
        timezone: me.timezone,
        last_login_at: me.last_login_at,
        version: me.version,
        csrf_token,
    })
}

/// The caller's account and what they may do.
#[utoipa::path(get, path = "/api/me", tag = "me", operation_id = "getMe", responses((status = 200, description = "The account", body = MeAnswer)))]
pub async fn get(State(app): State<App>, signed: SignedIn) -> Result<Json<MeAnswer>, Problem> {
    let mut tx = app.db.read("me.get").await?;
    let me = me::get(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(answer(me, signed.csrf))
}

/// Changes theme and time zone.
#[utoipa::path(
    put,
    path = "/api/me",
    tag = "me",
    operation_id = "putMe",
    request_body = Change,
    responses((status = 200, description = "The account as it is now", body = MeAnswer))
)]
pub async fn put(
    State(app): State<App>,
    signed: SignedIn,
    Json(change): Json<Change>,
) -> Result<Json<MeAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("me.set_preferences").await?;
    let now = me::get(&mut tx, &ctx).await?;
    let input = Preferences {
        theme: change.theme.as_deref().unwrap_or(&now.theme),
        timezone: change.timezone.as_deref().unwrap_or(&now.timezone),
        version: change.version,
    };
    me::set_preferences(&mut tx, &ctx, &input, |name| name.parse::<chrono_tz::Tz>().is_ok()).await?;
    let me = me::get(&mut tx, &ctx).await?;
    tx.commit().await?;
    Ok(answer(me, signed.csrf))
}
