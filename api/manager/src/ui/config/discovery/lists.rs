//! A discovery list: its addresses, and how fast they may be scanned.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::discovery::{self, DiscoveryList, Seen};
use mipo_app::error::Referrer;
use mipo_app::{AppError, Found, Named};
use mipo_domain::ids::DiscoveryListId;
use mipo_domain::rights::Right;

use super::{IP_COLUMNS, LIST, TITLE};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::changes::{self, Shown};
use crate::ui::config::deletion::{self, Doomed};
use crate::ui::config::{Shared, number, refused, version};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::Listing;
use crate::ui::{self, Page, Region, last_page, show};

fn path(id: DiscoveryListId) -> String {
    format!("{LIST}/lists/{id}")
}

/// The scanner or the scanner group of a list. The database holds that it has one of them.
pub(super) fn scanned_by(list: &DiscoveryList) -> &Named {
    list.scanner.as_ref().or(list.scanner_group.as_ref()).map_or(&list.source.0, |named| &named.0)
}

#[derive(Template)]
#[template(path = "config/discovery-list.html", blocks = ["rows"])]
struct One {
    page: Page,
    form: Form,
    list: Listing,
    row: DiscoveryList,
    found: Found<Seen>,
    /// What was looked for and is no address.
    wrong: Option<String>,
    users: Vec<Referrer>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::DiscoveryManage)
    }

    fn by(&self) -> &Named {
        scanned_by(&self.row)
    }

    fn by_path(&self) -> String {
        let kind = if self.row.scanner.is_some() { "scanners" } else { "scanner-groups" };
        format!("/config/{kind}/{}", self.by().id)
    }
}

async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: DiscoveryListId,
    raw: Option<&str>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(path(id), raw, &IP_COLUMNS);
    let mut tx = app.db.read("discovery_lists.page").await?;
    let (row, found, wrong) = match discovery::ips(&mut tx, &ctx, id, &list.query.ask()).await {
        Ok((row, found)) => (row, found, None),
        Err(AppError::Invalid(errors)) => {
            let none = Found { items: Vec::new(), total: 0, total_is_estimate: false };
            let wrong = errors.into_iter().next().map(|error| error.message);
            (discovery::get_list(&mut tx, &ctx, id).await?, none, wrong)
        }
        Err(error) => return Err(error.into()),
    };
    let users = discovery::list_users(&mut tx, &ctx, id).await?;
    let changes = changes::shown(discovery::list_history(&mut tx, &ctx, id).await?);
    let form = typed.unwrap_or_else(|| match row.rate_limit {
        0 => Form::new(),
        rate => Form::new().with("rateLimit", rate.to_string()),
    });
    let source = format!("{LIST}/{}", row.source.id);
    let page = page.at(LIST, row.name.clone()).under(TITLE, LIST).under(row.source.name.clone(), source);
    Ok(One { page, form, list, row, found, wrong, users, changes })
}

pub(crate) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<DiscoveryListId>,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, id, raw.as_deref(), None).await?;
    if let Some(response) = last_page::instead(&view.list, view.found.items.len(), view.found.total) {
        return Ok(response);
    }
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

pub(crate) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let rate = number(&form, "rateLimit", &mut errors);
    let mut tx = app.db.tx("discovery_lists.update").await?;
    match discovery::update_list(&mut tx, &app.ctx(&signed.caller), id, version(&form), rate).await {
        Ok(list) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("Discovery list {} is saved.", list.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view(page, &signed, &app, id, None, Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

async fn doomed(app: &App, signed: &SignedIn, id: DiscoveryListId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_lists.delete_page").await?;
    let list = discovery::get_list(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "discovery list",
        name: list.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Its addresses go with it. What was found on them stays, and the source can make the list anew.",
        built_in: false,
        users: discovery::list_users(&mut tx, &ctx, id).await?,
    })
}

pub(crate) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::DiscoveryManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(crate) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("discovery_lists.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => discovery::delete_list(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
