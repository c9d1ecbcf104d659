//! `/setup`: the one-time token creates the owner, or after `mipo owner reset` sets the owner's password. Otherwise
//! there is no such page.
//!
//! The token comes in the fragment of the link, which browsers send to nobody, and is posted as a field.
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::setup::{self, NewOwner};
use mipo_app::{AppError, owner};
use mipo_domain::ids::RequestId;

use crate::http::{Client, Posted, session};
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::{self, flash};

#[derive(Template)]
#[template(path = "auth/setup.html")]
struct SetupPage {
    title: &'static str,
    theme: &'static str,
    form: Form,
    /// The owner exists and gets another password.
    reset: bool,
    least: usize,
}

impl SetupPage {
    fn rule(&self) -> String {
        format!("At least {} characters, no other rules. Four random words are a good one.", self.least)
    }
}

/// What the page is for now.
enum Purpose {
    Create,
    Reset,
}

async fn purpose(app: &App) -> Result<Purpose, AppError> {
    let caller = mipo_app::Caller::system("manager");
    let mut tx = app.db.read("setup.page").await?;
    if setup::is_needed(&mut tx).await? {
        return Ok(Purpose::Create);
    }
    if owner::reset_is_open(&mut tx, &app.ctx(&caller)).await? {
        return Ok(Purpose::Reset);
    }
    Err(AppError::NotFound("page"))
}

fn draw(app: &App, status: StatusCode, purpose: &Purpose, form: Form) -> Response {
    let reset = matches!(purpose, Purpose::Reset);
    let title = if reset { "Set the owner's password" } else { "Create the owner" };
    ui::html(status, &SetupPage { title, theme: "", form, reset, least: app.password_min_length })
}

/// The form.
pub async fn page(State(app): State<App>) -> Result<Response, ui::Error> {
    let purpose = purpose(&app).await?;
    Ok(draw(&app, StatusCode::OK, &purpose, Form::new()))
}

/// Creates the owner, or sets the password.
pub async fn create(
    State(app): State<App>,
    client: Client,
    Extension(request_id): Extension<RequestId>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let purpose = purpose(&app).await?;
    let caller = session::stranger(&client, Some(request_id));
    let (ctx, least) = (app.ctx(&caller), app.password_min_length);
    let (token, password) = (form.value("token"), form.raw("password"));
    if password != form.raw("repeat") {
        let wrong = mipo_app::FieldError::new("repeat", "differs", "The two passwords differ.");
        return Ok(draw(&app, StatusCode::UNPROCESSABLE_ENTITY, &purpose, form.refuse(vec![wrong])));
    }
    let done = match purpose {
        Purpose::Create => {
            let input = NewOwner { username: form.value("username"), email: form.value("email"), password };
            setup::create_owner(&app.db, &ctx, &app.passwords, least, token, &input).await.map(|_| "setup")
        }
        Purpose::Reset => {
            owner::reset_password(&app.db, &ctx, &app.passwords, least, token, password).await.map(|()| "reset")
        }
    };
    match done {
        Ok(after) => Ok(flash::to(&format!("/login?after={after}"))),
        Err(AppError::Invalid(errors)) => {
            Ok(draw(&app, StatusCode::UNPROCESSABLE_ENTITY, &purpose, form.refuse(errors)))
        }
        Err(other) => Err(other.into()),
    }
}
