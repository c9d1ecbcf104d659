//! The one-time token of a scanner: shown once with a command that works as shown; and a new one for a known scanner.
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use mipo_app::scanners::{self, Enrolment, Scanner};
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;

use super::{LIST, LIVES, Row, TITLE, path};
use crate::enrolment::Commands;
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::{Shared, number, refused, step_up};
use crate::ui::forms::Form;
use crate::ui::{self, Page, show};

/// The page that shows a token. It has no Debug output, because it holds one.
#[derive(Template)]
#[template(path = "config/scanner-token.html")]
struct TokenPage {
    page: Page,
    row: Row,
    token: String,
    expires_at: DateTime<Utc>,
    commands: Commands,
}

/// Shows the token of `enrolment`, this once.
pub fn shown(page: Page, enrolment: &Enrolment, commands: Commands) -> Response {
    let scanner = enrolment.scanner.clone();
    let page = page
        .at(LIST, format!("Start {}", scanner.name))
        .under(TITLE, LIST)
        .under(scanner.name.clone(), path(scanner.id));
    let view = TokenPage {
        row: Row { scanner, now: page.shell.now },
        page,
        token: enrolment.token.reveal().to_owned(),
        expires_at: enrolment.expires_at,
        commands,
    };
    let mut response = ui::render(&view, &view.page);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Template)]
#[template(path = "config/scanner-regenerate.html")]
struct RegeneratePage {
    page: Page,
    form: Form,
    scanner: Scanner,
    lives: &'static [(&'static str, &'static str)],
}

async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ScannerId,
    form: Form,
) -> Result<RegeneratePage, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScannersManage)?;
    let mut tx = app.db.read("scanners.token_page").await?;
    let scanner = scanners::get(&mut tx, &ctx, id).await?;
    let page = page
        .at(LIST, format!("New token for {}", scanner.name))
        .under(TITLE, LIST)
        .under(scanner.name.clone(), path(id));
    Ok(RegeneratePage { page, form, scanner, lives: LIVES })
}

/// The question.
pub async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, id, Form::new().with("ttlMinutes", "60")).await?;
    if let Some(response) = step_up(&app.ctx(&signed.caller), &format!("{}/token", path(id))) {
        return Ok(response);
    }
    Ok(ui::render(&view, &view.page))
}

/// Makes and shows it.
pub async fn regenerate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    if let Some(response) = step_up(&ctx, &format!("{}/token", path(id))) {
        return Ok(response);
    }
    let mut errors = Vec::new();
    let minutes = number(&form, "ttlMinutes", &mut errors);
    let mut tx = app.db.tx("scanners.regenerate_token").await?;
    match scanners::regenerate_token(&mut tx, &ctx, id, minutes).await {
        Ok(enrolment) if errors.is_empty() => {
            let commands = Commands::of(&mut tx, &app, &enrolment).await?;
            tx.commit().await?;
            return Ok(shown(page, &enrolment, commands));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view(page, &signed, &app, id, form.refuse(errors)).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}
