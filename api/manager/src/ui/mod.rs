//! Pages: askama templates over one shell.
//!
//! # How to add a page
//!
//! 1. **Template** `templates/<area>/<page>.html`:
//!    ```html
//!    {% extends "base.html" %}
//!    {% block lede %}One sentence of state.{% endblock %}
//!    {% block acts %}<a class="btn main-act" href="/scans/run">Run a scan</a>{% endblock %}
//!    {% block main %}
//!    {% block rows %}<section class="sec" id="rows" data-live="scans">…</section>{% endblock %}
//!    {% endblock %}
//!    ```
//!    `data-live` names the topics (`scans`, or `scans:12` for one) after which the region is fetched anew. A live
//!    region is a block of its own, never inside an `if` or `for` (askama draws nothing then), whose root element
//!    carries an `id`; it holds no unsaved fields. Each row has a stable `id`. No `style=`, no inline script: the CSP refuses both.
//! 2. **Module** `src/ui/<area>/<page>.rs`:
//!    ```ignore
//!    use crate::ui::{Page, Region, show};
//!
//!    #[derive(askama::Template)]
//!    #[template(path = "scans/recent.html", blocks = ["rows"])]
//!    struct Recent { page: Page, scans: Vec<Row> }   // the field must be called `page`
//!
//!    async fn recent(page: Page, region: Region, State(app): State<App>) -> Result<Response, ui::Error> {
//!        let view = Recent { page: page.at("/scans/recent", "Recent scans"), scans };
//!        Ok(match region.name() {
//!            Some("rows") => ui::render(&view.as_rows(), &view.page),
//!            _ => ui::render(&view, &view.page),
//!        })
//!    }
//!    ```
//! 3. **Navigation**: add the line to [`nav::AREAS`], with the right that the page needs. Only pages that work.
//! 4. **Help**: add its route to [`help`]; a page without help fails the tests.
//!
//! Values in templates: [`show`] (`{{ show::number(n) }}`, `{{ show::state("running") }}`, `{{ show::icon("i-plus") }}`)
//! and the page's own [`Page::time`], [`Page::ago`]. Forms: [`forms::Form`] (`{{ form.text("name", "Name").required() }}`,
//! `{{ page.csrf_field() }}`, `{{ form.summary() }}`). Lists: [`tables`] (bar above, heads and choice
//! of columns, menu of a row, pager). After a POST: [`flash::redirect`].
//!
//! Destructive actions are forms on a page of their own (`/x/:id/delete`); a link to it with `data-dialog="ID"` opens the
//! `<dialog>` of that id with the same form where there is a script, see `templates/scans/parts-cancel.html`.
pub mod auth;
pub mod config;
pub mod errors;
pub mod flash;
pub mod forms;
pub mod health;
pub mod help;
pub mod home;
pub mod last_page;
pub mod nav;
pub mod ops;
pub mod page;
pub mod profile;
pub mod scans;
pub mod show;
pub mod tables;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::state::App;

pub use errors::Error;
pub use page::{Counts, Page, Region, Shell};
pub use show::Html;

/// Every page. Areas merge their routes here; [`errors::dress`] goes around all of them.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(home::routes())
        .merge(scans::routes())
        .merge(health::routes())
        .merge(ops::routes())
        .merge(auth::routes())
        .merge(profile::routes())
        .merge(nav::routes())
        .merge(config::routes())
}

/// Renders a page, or one block of it.
pub fn render<T: Template + ?Sized>(template: &T, page: &Page) -> Response {
    let mut response = html(StatusCode::OK, template);
    // A flash is shown once.
    if page.shell.flash.is_some() {
        flash::shown(&mut response);
    }
    response
}

/// Renders a page with another status than 200, such as 422 for a form with errors.
pub fn render_with<T: Template + ?Sized>(status: StatusCode, template: &T, page: &Page) -> Response {
    let mut response = render(template, page);
    *response.status_mut() = status;
    response
}

/// Renders a template that stands outside the shell (signed-out pages, errors).
pub fn html<T: Template + ?Sized>(status: StatusCode, template: &T) -> Response {
    match template.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            // The same address answers a whole page or a region of it.
            headers.insert(header::VARY, HeaderValue::from_static("HX-Request, HX-Target, Cookie"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a template could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be drawn; the log has the reason.").into_response()
        }
    }
}

/// The page for a status that is no success. Inside the shell when somebody is signed in.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The shell.
    pub page: Page,
    /// HTTP status.
    pub status: u16,
    /// One sentence: what happened and what to do.
    pub detail: String,
    /// For the log.
    pub request_id: String,
}

/// The same for somebody who is not signed in.
#[derive(Template)]
#[template(path = "gate-error.html")]
pub struct GateError {
    /// Light, dark or as the system.
    pub theme: &'static str,
    /// Heading.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// One sentence: what happened and what to do.
    pub detail: String,
    /// For the log.
    pub request_id: String,
}
