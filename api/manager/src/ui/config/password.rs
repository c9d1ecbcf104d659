//! Forms that need the password ask for it themselves when it was given too long ago: a detour would lose what was
//! typed.
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use mipo_app::FieldError;

use crate::http::{Client, session};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::auth::reauth;
use crate::ui::forms::Form;
use crate::ui::{self, Page};

/// What became of the password of a form.
pub enum Given {
    /// It is fresh; with the cookie of the session, where that goes on under another token.
    Fresh(Option<HeaderValue>),
    /// It was refused: for the form.
    Refused(Vec<FieldError>),
}

/// Takes the field `password` of the form, unless the password was given a moment ago.
pub async fn given(
    app: &App,
    client: &Client,
    page: &mut Page,
    signed: &mut SignedIn,
    form: &Form,
) -> Result<Given, ui::Error> {
    if app.ctx(&signed.caller).require_step_up().is_ok() {
        return Ok(Given::Fresh(None));
    }
    match session::step_up(app, client, signed, form.raw("password")).await {
        Ok(opened) => {
            let cookie = session::set_cookie(client, &opened);
            signed.caller.reauth_at = Some(app.clock.now());
            page.shell.csrf = opened.csrf;
            Ok(Given::Fresh(Some(cookie)))
        }
        Err(error) => Ok(Given::Refused(reauth::refused(error)?)),
    }
}

/// The answer with the cookie: the session goes on under another token, whatever became of the form.
pub fn with_cookie(answer: Result<Response, ui::Error>, cookie: Option<HeaderValue>) -> Response {
    let mut response = answer.unwrap_or_else(ui::Error::into_response);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
