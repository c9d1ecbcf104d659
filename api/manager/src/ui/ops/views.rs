//! `/ops/views`: filters that people keep under a name.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::ops::saved_views::{self, Input, PAGES, SavedView};
use mipo_app::{AppError, FieldError};
use uuid::Uuid;

use crate::http::{Id, Posted};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::RowMenu;
use crate::ui::{self, Page};

const PATH: &str = "/ops/views";
const TITLE: &str = "Saved views";
/// The entry of the navigation that is marked.
const PLACE: &str = super::tasks::PATH;

/// Where a view leads.
fn target(view: &SavedView) -> String {
    if view.query.is_empty() { format!("/{}", view.page) } else { format!("/{}?{}", view.page, view.query) }
}

/// The query as people write it.
fn readable(view: &SavedView) -> String {
    let parts =
        pairs(&view.query).into_iter().map(|(name, value)| if name == "q" { value } else { format!("{name}={value}") });
    parts.collect::<Vec<_>>().join(", ")
}

/// What the page of a view is called.
fn page_title(page: &str) -> &'static str {
    match page {
        "ops/tasks" => "Tasks",
        "ops/failures" => "Failures",
        _ => "Queues",
    }
}

#[derive(Template)]
#[template(path = "ops/views.html")]
struct List {
    page: Page,
    views: Vec<SavedView>,
}

impl List {
    fn menu(&self, view: &SavedView) -> RowMenu {
        RowMenu::new(&self.page, format!("view-{}", view.id), &view.name)
            .link(target(view), "Open")
            .link_if(view.own, format!("{PATH}/{}", view.id), "Rename or share…")
            .keyed("d")
            .harm_if(view.own, format!("{PATH}/{}/delete", view.id), "Delete…")
    }
}

/// All views that one may use.
pub(super) async fn list(page: Page, signed: SignedIn, State(app): State<App>) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("ops.views_page").await?;
    let mut views = Vec::new();
    for page in PAGES {
        views.extend(saved_views::list(&mut tx, &ctx, page).await?);
    }
    let view = List { page: page.at(PLACE, TITLE).under("Tasks", PLACE), views };
    Ok(ui::render(&view, &view.page))
}

#[derive(Template)]
#[template(path = "ops/view.html")]
struct One {
    page: Page,
    form: Form,
    /// Where the form is sent.
    action: String,
    /// Where "Back" leads.
    back: String,
    new: bool,
}

fn draw(page: Page, form: Form, id: Option<Uuid>) -> Response {
    let title = if id.is_some() { "Rename or share a view" } else { "Save a view" };
    let page = page.at(PLACE, title).under("Tasks", PLACE).under(TITLE, PATH);
    let action = id.map_or_else(|| PATH.to_owned(), |id| format!("{PATH}/{id}"));
    let view = One { page, form, action, back: PATH.to_owned(), new: id.is_none() };
    ui::render_with(view.form.status(), &view, &view.page)
}

/// The form of a new one.
pub(super) async fn new_page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(mipo_domain::rights::Right::QueuesView)?;
    let form = Form::from_pairs(pairs(raw.as_deref().unwrap_or_default()));
    let form = if form.filled("page").is_none() { form.set("page", PAGES[0]) } else { form };
    Ok(draw(page, form, None))
}

fn input(form: &Form) -> Input {
    Input {
        page: form.value("page").to_owned(),
        name: form.value("name").to_owned(),
        query: form.value("query").to_owned(),
        shared: form.ticked("shared", "true"),
    }
}

/// What the form can mend.
fn mended(error: AppError) -> Result<Vec<FieldError>, ui::Error> {
    match error {
        AppError::Invalid(errors) => Ok(errors),
        AppError::Conflict { code, detail } => Ok(vec![FieldError::new("name", code, detail)]),
        AppError::Stale => Ok(vec![FieldError::new(
            "",
            "stale_version",
            "The view was changed after you opened it; save again to overwrite.",
        )]),
        other => Err(other.into()),
    }
}

/// Keeps a view and opens it.
pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.create_view").await?;
    let input = input(&form);
    match saved_views::create(&mut tx, &ctx, &input).await {
        Ok(id) => {
            let view = saved_views::get(&mut tx, &ctx, id).await?;
            tx.commit().await?;
            Ok(flash::redirect(&target(&view), Tone::Good, &format!("View {} is saved.", view.name)))
        }
        Err(error) => Ok(draw(page, form.refuse(mended(error)?), None)),
    }
}

/// The form of one's own view.
pub(super) async fn one(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.read("ops.view_page").await?;
    let view = saved_views::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    let form = Form::new()
        .with("page", view.page)
        .with("name", view.name)
        .with("query", view.query)
        .with("version", view.version.to_string());
    Ok(draw(page, if view.shared { form.with("shared", "true") } else { form }, Some(id)))
}

/// Changes it.
pub(super) async fn update(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.update_view").await?;
    let version = form.value("version").parse().unwrap_or_default();
    match saved_views::update(&mut tx, &ctx, id, version, &input(&form)).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, &format!("View {} is saved.", form.value("name"))))
        }
        Err(AppError::Refused { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => {
            drop(tx);
            let stale = matches!(error, AppError::Stale);
            let mut form = form.refuse(mended(error)?);
            if stale {
                let mut tx = app.db.read("ops.view_page").await?;
                let now = saved_views::get(&mut tx, &ctx, id).await?;
                form = form.set("version", now.version.to_string());
            }
            Ok(draw(page, form, Some(id)))
        }
    }
}

#[derive(Template)]
#[template(path = "ops/view-delete.html")]
struct DeletePage {
    page: Page,
    view: SavedView,
}

/// Asks before one's own view is deleted.
pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.read("ops.view_page").await?;
    let view = saved_views::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    let page = page.at(PLACE, format!("Delete view {}?", view.name)).under("Tasks", PLACE).under(TITLE, PATH);
    let view = DeletePage { page, view };
    Ok(ui::render(&view, &view.page))
}

/// Deletes it.
pub(super) async fn delete(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.delete_view").await?;
    match saved_views::delete(&mut tx, &app.ctx(&signed.caller), id).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, "The view is deleted."))
        }
        Err(AppError::Refused { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}
