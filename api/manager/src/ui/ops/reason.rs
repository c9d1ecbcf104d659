//! A question that needs nothing but a reason.
use askama::Template;
use axum::response::Response;

use crate::ui::forms::Form;
use crate::ui::{self, Page};

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Title of the page: `Drain worker dispatcher?`
    pub(crate) title: String,
    /// What will be.
    pub(crate) consequence: &'static str,
    /// Where the form is sent to.
    pub(crate) action: String,
    /// The words of its button.
    pub(crate) button: String,
    /// The list that it came from.
    pub(crate) list: &'static str,
    /// The title of that list.
    pub(crate) list_title: &'static str,
    /// Where it leads back to, if that is another page than the list.
    pub(crate) back: Option<String>,
}

#[derive(Template)]
#[template(path = "ops/reason.html")]
struct ReasonPage {
    page: Page,
    form: Form,
    question: Question,
}

/// The page that asks.
pub(crate) fn ask(page: Page, question: Question, form: Form) -> Response {
    let page = page.at(question.list, question.title.clone()).under(question.list_title, question.list);
    let view = ReasonPage { page, form, question };
    ui::render_with(view.form.status(), &view, &view.page)
}
