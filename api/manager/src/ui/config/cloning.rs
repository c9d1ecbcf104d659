//! Cloning asks for the name of the copy.
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::AppError;

use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, show};

/// What is to be copied.
pub struct Model {
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
    /// One sentence: what the copy takes along.
    pub takes: &'static str,
}

#[derive(Template)]
#[template(path = "config/clone.html")]
struct ClonePage {
    page: Page,
    form: Form,
    model: Model,
}

/// `name-copy`, within the length of a name.
fn suggestion(name: &str) -> String {
    let mut base = name.to_owned();
    base.truncate(59);
    format!("{base}-copy")
}

/// The question.
pub fn ask(page: Page, model: Model) -> Response {
    let form = Form::new().with("name", suggestion(&model.name));
    draw(page, model, form)
}

fn draw(page: Page, model: Model, form: Form) -> Response {
    let page = page
        .at(model.list, format!("Clone {}", model.name))
        .under(model.list_title, model.list)
        .under(model.name.clone(), model.path.clone());
    let status = if form.has_errors() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let view = ClonePage { page, form, model };
    ui::render_with(status, &view, &view.page)
}

/// What becomes of it; `Ok` holds the name and the path of the copy.
pub fn answer(
    page: Page,
    model: Model,
    form: Form,
    done: Result<(String, String), AppError>,
) -> Result<Response, ui::Error> {
    match done {
        Ok((name, path)) => {
            let text =
                format!("{} {name} is a copy of {}. Change what should differ.", show::label(model.kind), model.name);
            Ok(flash::redirect(&path, Tone::Good, &text))
        }
        Err(error) => Ok(draw(page, model, form.refuse(super::refused(error)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggested_name_is_a_name() {
        assert_eq!(suggestion("all"), "all-copy");
        assert_eq!(suggestion(&"x".repeat(64)).len(), 64);
    }
}
