//! `/reauth`: the password again, and back to where one was.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use mipo_app::AppError;
use mipo_app::ctx::STEP_UP_MINUTES;

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
        Err(AppError::Invalid(errors)) => {
            let view = view(page, form.refuse(errors), next);
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
        Err(other) => Err(other.into()),
    }
}
