//! `/config/scanners/new`: make a scanner; its token and the command are shown once.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::scanners::{self, NewScanner};
use mipo_domain::rights::Right;

use super::{BINDINGS, LIST, LIVES, TITLE};
use crate::enrolment::Commands;
use crate::http::Posted;
use crate::signed::SignedIn;
use crate::ui::config::scanners::token;
use crate::ui::config::{Shared, number, refused, step_up};
use crate::ui::forms::Form;
use crate::ui::{self, Page, show};

const NEW: &str = "/config/scanners/new";

#[derive(Template)]
#[template(path = "config/scanner-new.html")]
struct NewPage {
    page: Page,
    form: Form,
    bindings: &'static [(&'static str, &'static str)],
    lives: &'static [(&'static str, &'static str)],
}

fn view(page: Page, form: Form) -> NewPage {
    let page = page.at(LIST, "Add a scanner").under(TITLE, LIST);
    NewPage { page, form, bindings: BINDINGS, lives: LIVES }
}

pub async fn page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScannersManage)?;
    // Asked for before the form is filled in, because what is made hands out a token.
    if let Some(response) = step_up(&ctx, NEW) {
        return Ok(response);
    }
    let form = Form::new().with("bindingMode", "ip").with("maxConcurrentJobs", "1").with("ttlMinutes", "60");
    let view = view(page, form);
    Ok(ui::render(&view, &view.page))
}

pub async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScannersManage)?;
    if let Some(response) = step_up(&ctx, NEW) {
        return Ok(response);
    }
    let mut errors = Vec::new();
    let input = NewScanner {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        binding_mode: form.value("bindingMode").to_owned(),
        rate_limit: number(&form, "rateLimit", &mut errors),
        max_concurrent_jobs: number(&form, "maxConcurrentJobs", &mut errors),
        token_minutes: number(&form, "ttlMinutes", &mut errors),
    };
    let mut tx = app.db.tx("scanners.create").await?;
    match scanners::create(&mut tx, &ctx, input).await {
        Ok(enrolment) if errors.is_empty() => {
            let commands = Commands::of(&mut tx, &app, &enrolment).await?;
            tx.commit().await?;
            return Ok(token::shown(page, &enrolment, commands));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    let view = view(page, form.refuse(errors));
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}
