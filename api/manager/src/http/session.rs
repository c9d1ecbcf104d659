//! The session of a request: cookie in, [`SignedIn`] for the handlers, cookie out (product S5, S6).
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use mipo_app::login::{self, Credentials, LoggedIn};
use mipo_app::sessions::{self, Opened, Standing};
use mipo_app::{Actor, AppError, Caller};
use mipo_domain::ids::{RequestId, SessionId};
use mipo_domain::rights::Rights;
use mipo_store::StoreError;

use super::{Client, refuse, refuse_with};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::errors::Visitor;
use crate::ui::flash;

/// The name of the cookie. `__Host-` binds it to this host and to TLS; on plain loopback a browser would refuse that.
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-mipo" } else { "mipo" }
}

/// The cookie that holds a new session.
pub fn set_cookie(client: &Client, opened: &Opened) -> HeaderValue {
    cookie(client, opened.token.reveal(), "")
}

/// The cookie that takes the session away.
pub fn clear_cookie(client: &Client) -> HeaderValue {
    cookie(client, "", "; Max-Age=0")
}

fn cookie(client: &Client, value: &str, more: &str) -> HeaderValue {
    let name = cookie_name(client.secure);
    let secure = if client.secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    // Names and base 62 are always a good header value.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The token in the request's cookie.
pub fn token<'a>(headers: &'a HeaderMap, client: &Client) -> Option<&'a str> {
    flash::cookie(headers, cookie_name(client.secure)).filter(|token| !token.is_empty())
}

/// Somebody who has not signed in, as the audit chain names them.
pub fn stranger(client: &Client, request_id: Option<RequestId>) -> Caller {
    Caller {
        actor: Actor::System("manager"),
        rights: Rights::new(),
        is_owner: false,
        ip: Some(client.ip),
        request_id,
        reauth_at: None,
    }
}

/// Signs in, and says under which session.
pub async fn sign_in(
    app: &App,
    client: &Client,
    request_id: RequestId,
    replaces: Option<SessionId>,
    username: &str,
    password: &str,
) -> Result<LoggedIn, AppError> {
    let caller = stranger(client, Some(request_id));
    let credentials = Credentials { username, password, ip: client.ip, user_agent: &client.user_agent, replaces };
    login::log_in(&app.db, &app.ctx(&caller), &app.passwords, app.session_limits, &credentials).await
}

/// Signs out.
pub async fn sign_out(app: &App, signed: &SignedIn) -> Result<(), AppError> {
    let Some(session) = signed.session else { return Ok(()) };
    let mut tx = app.db.tx("sessions.log_out").await?;
    sessions::log_out(&mut tx, &app.ctx(&signed.caller), app.session_limits, session).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes the password again; the session gets another token.
pub async fn step_up(app: &App, client: &Client, signed: &SignedIn, password: &str) -> Result<Opened, AppError> {
    let session = signed.session.ok_or(AppError::ReauthRequired)?;
    login::step_up(&app.db, &app.ctx(&signed.caller), &app.passwords, session, password, client.ip).await
}

/// Looks the session up. Without a cookie nothing is read; a dead one is the same as none.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let Some(client) = request.extensions().get::<Client>().cloned() else { return next.run(request).await };
    let cookie = token(request.headers(), &client).map(str::to_owned);
    if request.headers().contains_key(header::AUTHORIZATION) {
        let (status, code, detail) = match cookie {
            Some(_) => (StatusCode::BAD_REQUEST, "TWO_CREDENTIALS", "Send a cookie or a bearer token, not both."),
            None => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN", "This bearer token is not known."),
        };
        return refuse_with(&path, status, code, detail);
    }
    // Assets are the same for everybody; looking would cost a query each.
    if let Some(token) = cookie.filter(|_| !path.starts_with("/assets/")) {
        match find(&app, &token).await {
            Ok(Some(standing)) => {
                let request_id = request.extensions().get::<RequestId>().copied();
                let signed = signed_in(standing, &token, &client, request_id);
                if let Some(visitor) = request.extensions().get::<Visitor>() {
                    visitor.is(&signed);
                }
                request.extensions_mut().insert(signed);
            }
            Ok(None) => {}
            Err(error) => return refuse(&path, error),
        }
    }
    next.run(request).await
}

async fn find(app: &App, token: &str) -> Result<Option<Standing>, AppError> {
    let mut conn = app.db.pool().acquire().await.map_err(StoreError::from)?;
    sessions::find(&mut conn, app.clock.now(), app.session_limits, token).await
}

fn signed_in(standing: Standing, token: &str, client: &Client, request_id: Option<RequestId>) -> SignedIn {
    let caller = Caller { ip: Some(client.ip), request_id, ..standing.caller };
    let theme = match standing.theme.as_str() {
        "light" => "light",
        "dark" => "dark",
        _ => "",
    };
    SignedIn { caller, session: Some(standing.id), csrf: sessions::csrf_of(token), theme }
}
