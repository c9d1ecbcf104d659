//! `/login`, `/logout`
use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use mipo_app::{AppError, setup};
use mipo_domain::ids::RequestId;

use super::own_path;
use crate::http::{Client, Posted, session};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::{self, flash};

#[derive(Template)]
#[template(path = "auth/login.html")]
struct LoginPage {
    title: &'static str,
    theme: &'static str,
    form: Form,
    next: String,
    /// Why it did not work, or what happened before.
    note: Option<(&'static str, String)>,
    /// There is no owner yet.
    needs_setup: bool,
}

impl LoginPage {
    fn mark(&self, tone: &str) -> &'static str {
        match tone {
            "good" => "s-ok",
            "warn" => "s-warn",
            _ => "s-fail",
        }
    }
}

/// The form. Who is signed in already goes on.
pub async fn page(
    State(app): State<App>,
    signed: Option<Extension<SignedIn>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ui::Error> {
    let given = pairs(query.as_deref().unwrap_or_default());
    let value = |name: &str| given.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let next = own_path(value("next").unwrap_or("/")).to_owned();
    if signed.is_some() {
        return Ok(flash::to(&next));
    }
    let note = match value("after") {
        Some("setup") => Some(("good", "The owner account exists now. Sign in with it.".to_owned())),
        Some("reset") => Some(("good", "The password is set. Sign in with it.".to_owned())),
        Some("logout") => Some(("good", "You are signed out.".to_owned())),
        _ => None,
    };
    draw(&app, StatusCode::OK, Form::new(), next, note).await
}

async fn draw(
    app: &App,
    status: StatusCode,
    form: Form,
    next: String,
    note: Option<(&'static str, String)>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.read("login.page").await?;
    let needs_setup = setup::is_needed(&mut tx).await?;
    let view = LoginPage { title: "Sign in", theme: "", form, next, note, needs_setup };
    Ok(ui::html(status, &view))
}

/// Signs in and goes where one wanted to go.
pub async fn sign_in(
    State(app): State<App>,
    client: Client,
    signed: Option<Extension<SignedIn>>,
    Extension(request_id): Extension<RequestId>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let next = own_path(form.value("next")).to_owned();
    let before = signed.and_then(|Extension(signed)| signed.session);
    let password = form.raw("password").to_owned();
    let answer = session::sign_in(&app, &client, request_id, before, form.value("username"), &password).await;
    let (status, form, note) = match answer {
        Ok(logged_in) => {
            let mut response = flash::to(&next);
            response.headers_mut().append(header::SET_COOKIE, session::set_cookie(&client, &logged_in.session));
            return Ok(response);
        }
        Err(AppError::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, form.refuse(errors), None),
        Err(AppError::Unauthenticated { detail, .. }) => (StatusCode::UNAUTHORIZED, form, Some(("bad", detail))),
        Err(AppError::RateLimited(seconds)) => {
            let text = format!("Too many failed attempts. Try again in {}.", ui::show::duration(seconds as i64));
            let mut response = draw(&app, StatusCode::TOO_MANY_REQUESTS, form, next, Some(("warn", text))).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(other) => return Err(other.into()),
    };
    draw(&app, status, form, next, note).await
}

/// Signs out. Somebody whose session is over already only sees the login.
pub async fn sign_out(
    State(app): State<App>,
    client: Client,
    signed: Option<Extension<SignedIn>>,
) -> Result<Response, ui::Error> {
    if let Some(Extension(signed)) = signed {
        session::sign_out(&app, &signed).await?;
    }
    let mut response = flash::to("/login?after=logout");
    response.headers_mut().append(header::SET_COOKIE, session::clear_cookie(&client));
    Ok(response)
}
