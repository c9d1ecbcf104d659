//! `/reauth`: the password again, and back to where one was.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use mipo_app::ctx::STEP_UP_MINUTES;
use mipo_app::{AppError, FieldError};

use super::own_path;
use crate::http::{Client, Posted, session};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::{self, Page, flash};

#[derive(Template)]
#[template(path = "auth/reauth.html")]
struct ReauthPage {
    page: Page,
    form: Form,
    next: String,
    minutes: i64,
}

fn view(page: Page, form: Form, next: String) -> ReauthPage {
    ReauthPage { page: page.at("", "Give your password again"), form, next, minutes: STEP_UP_MINUTES }
}

/// The form.
pub async fn page(page: Page, RawQuery(query): RawQuery) -> Response {
    let given = pairs(query.as_deref().unwrap_or_default());
    let next = given.iter().find(|(name, _)| name == "next").map_or("/", |(_, value)| own_path(value));
    let view = view(page, Form::new(), next.to_owned());
    ui::render(&view, &view.page)
}

/// Takes the password. The session goes on under another token.
pub async fn step_up(
    page: Page,
    State(app): State<App>,
    client: Client,
    signed: SignedIn,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let next = own_path(form.value("next")).to_owned();
    match session::step_up(&app, &client, &signed, form.raw("password")).await {
        Ok(opened) => {
            let mut response = flash::to(&next);
            response.headers_mut().append(header::SET_COOKIE, session::set_cookie(&client, &opened));
            Ok(response)
        }
        Err(error) => {
            let pause = if let AppError::RateLimited(seconds) = error { Some(seconds) } else { None };
            let view = view(page, form.refuse(refused(error)?), next);
            let status = if pause.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY };
            let mut response = ui::render_with(status, &view, &view.page);
            if let Some(seconds) = pause {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Ok(response)
        }
    }
}

/// Why the password was not taken, for the field `password` of the form that asked for it. What no form can mend becomes
/// an error page.
pub fn refused(error: AppError) -> Result<Vec<FieldError>, ui::Error> {
    match error {
        AppError::Invalid(errors) => Ok(errors),
        AppError::RateLimited(seconds) => {
            let pause = ui::show::duration(seconds as i64);
            let message = format!("Too many failed attempts. Try again in {pause}.");
            Ok(vec![FieldError::new("password", "throttled", message)])
        }
        other => Err(other.into()),
    }
}
