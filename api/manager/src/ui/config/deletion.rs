//! Deleting asks with the exact name, and says beforehand what stands in the way.
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::AppError;
use mipo_app::error::Referrer;

use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, show};

/// What is to be deleted.
pub struct Doomed {
    /// `subnet`, `port list`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where its kind is listed.
    pub list: &'static str,
    /// The title of that list.
    pub list_title: &'static str,
    /// The path of its page.
    pub path: String,
    /// One sentence: what is lost and what stays.
    pub consequence: &'static str,
    /// Shipped with mipo.
    pub built_in: bool,
    /// What refers to it.
    pub users: Vec<Referrer>,
}

#[derive(Template)]
#[template(path = "config/delete.html")]
struct DeletePage {
    page: Page,
    form: Form,
    doomed: Doomed,
}

fn draw(page: Page, doomed: Doomed, form: Form) -> Response {
    let page = page
        .at(doomed.list, format!("Delete {}?", doomed.name))
        .under(doomed.list_title, doomed.list)
        .under(doomed.name.clone(), doomed.path.clone());
    let status = if form.has_errors() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let view = DeletePage { page, form, doomed };
    ui::render_with(status, &view, &view.page)
}

/// The question.
pub fn ask(page: Page, doomed: Doomed) -> Response {
    draw(page, doomed, Form::new())
}

/// Refuses unless the exact name was typed.
pub fn confirmed(form: &Form, doomed: &Doomed) -> Result<(), AppError> {
    if form.value("confirm") == doomed.name {
        return Ok(());
    }
    let message = format!("Type the name exactly as it is: {}", doomed.name);
    Err(AppError::invalid("confirm", "not_confirmed", message))
}

/// What becomes of it.
pub fn answer(page: Page, mut doomed: Doomed, form: Form, done: Result<(), AppError>) -> Result<Response, ui::Error> {
    match done {
        Ok(()) => {
            let text = format!("{} {} is deleted.", show::label(doomed.kind), doomed.name);
            Ok(flash::redirect(doomed.list, Tone::Good, &text))
        }
        Err(AppError::InUse(users)) => {
            doomed.users = users;
            let mut response = draw(page, doomed, form);
            *response.status_mut() = StatusCode::CONFLICT;
            Ok(response)
        }
        Err(error) => Ok(draw(page, doomed, form.refuse(super::refused(error)?))),
    }
}
