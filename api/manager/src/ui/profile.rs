//! `/profile`: one's own account.
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use mipo_app::me::{self, Me, NewPassword, Preferences};
use mipo_app::sessions::{self, Listed};
use mipo_app::{AppError, FieldError};
use mipo_domain::ids::SessionId;

use super::auth::{came_from, own_path};
use super::flash::{self, Tone};
use super::forms::Form;
use super::{Page, show};
use crate::http::{Client, Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui;

/// The page and its forms.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/profile", get(page))
        .route("/profile/password", post(change_password))
        .route("/profile/preferences", post(set_preferences))
        .route("/profile/sessions/end-others", post(end_others))
        .route("/profile/sessions/{id}/end", post(end))
        .route("/theme", post(set_theme))
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Profile {
    page: Page,
    me: Me,
    sessions: Vec<Listed>,
    current: Option<SessionId>,
    form: Form,
    least: usize,
}

impl Profile {
    fn is_current(&self, session: &Listed) -> bool {
        self.current == Some(session.id)
    }

    fn password_rule(&self) -> String {
        format!("At least {} characters. Four random words are a good one.", self.least)
    }
}

const THEMES: &[(&str, &str)] = &[("system", "As the system"), ("light", "Light"), ("dark", "Dark")];

async fn draw(app: &App, page: Page, signed: &SignedIn, form: Option<Form>) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("profile").await?;
    let me = me::get(&mut tx, &ctx).await?;
    let sessions = sessions::list_own(&mut tx, &ctx, app.session_limits).await?;
    drop(tx);
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut form = form.unwrap_or_default();
    for (name, value) in
        [("theme", me.theme.clone()), ("timezone", me.timezone.clone()), ("version", me.version.to_string())]
    {
        if form.value(name).is_empty() {
            form = form.set(name, value);
        }
    }
    let page = page.at("/profile", "Profile");
    let view = Profile { page, me, sessions, current: signed.session, form, least: app.password_min_length };
    Ok(ui::render_with(status, &view, &view.page))
}

async fn page(page: Page, signed: SignedIn, State(app): State<App>) -> Result<Response, ui::Error> {
    draw(&app, page, &signed, None).await
}

async fn change_password(
    page: Page,
    signed: SignedIn,
    client: Client,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let session = signed.session.ok_or(AppError::NotFound("session"))?;
    let input = NewPassword { current: form.raw("currentPassword"), new: form.raw("newPassword") };
    let changed = if input.new == form.raw("repeatPassword") {
        let (ctx, least) = (app.ctx(&signed.caller), app.password_min_length);
        me::change_password(&app.db, &ctx, &app.passwords, least, session, client.ip, &input).await
    } else {
        Err(AppError::Invalid(vec![FieldError::new("repeatPassword", "differs", "The two passwords differ.")]))
    };
    match changed {
        Ok(()) => {
            let text = "Your password is changed. You are signed out everywhere else.";
            Ok(flash::redirect("/profile", Tone::Good, text))
        }
        Err(AppError::Invalid(errors)) => draw(&app, page, &signed, Some(form.refuse(errors))).await,
        Err(other) => Err(other.into()),
    }
}

async fn set_preferences(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let stored = match form.number::<i32>("version") {
        Ok(version) => {
            let input = Preferences {
                theme: form.value("theme"),
                timezone: form.value("timezone"),
                version: version.unwrap_or_default(),
            };
            store(&app, &signed, &input).await
        }
        Err(wrong) => Err(AppError::Invalid(vec![wrong])),
    };
    match stored {
        Ok(()) => Ok(flash::redirect("/profile", Tone::Good, "Saved.")),
        Err(AppError::Invalid(errors)) => draw(&app, page, &signed, Some(form.refuse(errors))).await,
        Err(AppError::Stale) => {
            let message = "They were changed elsewhere after you opened this page. What you chose is kept below; save \
                           again to overwrite that change.";
            // Without its version the form gets the present one.
            let form = form.set("version", "").refuse(vec![FieldError::new("", "stale_version", message)]);
            draw(&app, page, &signed, Some(form)).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn store(app: &App, signed: &SignedIn, input: &Preferences<'_>) -> Result<(), AppError> {
    let mut tx = app.db.tx("profile.preferences").await?;
    let is_zone = |name: &str| name.parse::<chrono_tz::Tz>().is_ok();
    me::set_preferences(&mut tx, &app.ctx(&signed.caller), input, is_zone).await?;
    tx.commit().await?;
    Ok(())
}

/// The theme from the menu of any page, and back to it.
async fn set_theme(
    signed: SignedIn,
    client: Client,
    headers: HeaderMap,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.read("profile.theme").await?;
    let me = me::get(&mut tx, &app.ctx(&signed.caller)).await?;
    drop(tx);
    let theme = Some(form.value("theme")).filter(|theme| !theme.is_empty()).unwrap_or("system");
    store(&app, &signed, &Preferences { theme, timezone: &me.timezone, version: me.version }).await?;
    let back = came_from(&headers, &client).unwrap_or_else(|| own_path(form.value("back")).to_owned());
    Ok(flash::to(&back))
}

async fn end(signed: SignedIn, State(app): State<App>, Id(id): Id<SessionId>) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("profile.end_session").await?;
    sessions::end_own(&mut tx, &app.ctx(&signed.caller), app.session_limits, id).await?;
    tx.commit().await?;
    Ok(flash::redirect("/profile", Tone::Good, "The session has ended."))
}

async fn end_others(signed: SignedIn, State(app): State<App>) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("profile.end_others").await?;
    let ended = sessions::end_others(&mut tx, &app.ctx(&signed.caller), app.session_limits, signed.session).await?;
    tx.commit().await?;
    let text = format!("{} ended.", show::count(ended as i64, "other session has", "other sessions have"));
    Ok(flash::redirect("/profile", Tone::Good, &text))
}
