//! `/config/subnets`: CIDR targets and who scans them.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::Found;
use mipo_app::assignments::Assignment;
use mipo_app::subnets::{self, NewSubnet, Subnet, SubnetPatch};
use mipo_domain::ids::SubnetId;
use mipo_domain::rights::Right;

use super::assigning::{self, Offers};
use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::{Shared, addresses, number, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/subnets";
const TITLE: &str = "Subnets";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "cidr", "ips", "description", "rateLimit", "created"],
    filters: &["family", "assigned", "builtIn"],
    default_sort: "name",
    words: &[("family", &["ipv4", "ipv6"]), ("assigned", &["yes", "no"]), ("builtIn", YES_NO)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("cidr", "CIDR"),
    Col::num("ips", "IPs"),
    Col::fill("description", "Description"),
    Col::num("rateLimit", "Rate limit"),
    Col::text("scanners", "Scanners"),
    Col::text("builtIn", "Built in").extra(),
    Col::text("created", "Created").extra(),
];

fn path(id: SubnetId) -> String {
    format!("{LIST}/{id}")
}

#[derive(Template)]
#[template(path = "config/subnets.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    found: Found<Subnet>,
}

impl List {
    fn ips(&self, subnet: &Subnet) -> String {
        addresses(subnets::ip_count(subnet.cidr))
    }

    fn menu(&self, subnet: &Subnet) -> RowMenu {
        let (path, may) = (path(subnet.id), self.page.shell.may(Right::ConfigManage));
        let row = format!("subnet-{}", subnet.id);
        RowMenu::new(&self.page, &row, &subnet.name)
            .link(&path, "Open")
            .edit_if(may && !subnet.built_in, self.list.edit(subnet.id, &row))
            .link_if(may, format!("{path}#scanners"), "Assign scanners")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !subnet.built_in, format!("{path}/delete"), "Delete…")
    }
}

pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw_list(page, &signed, &app, region, raw.as_deref(), None).await
}

/// The list; `typed` is the row that was edited in its place and refused.
async fn draw_list(
    page: Page,
    signed: &SignedIn,
    app: &App,
    region: Region,
    raw: Option<&str>,
    typed: Option<(String, Form)>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let status = if typed.is_some() { inline::REFUSED } else { StatusCode::OK };
    let list =
        Listing::read(LIST, raw, &COLUMNS).showing(COLS).editing(ctx.caller.may(Right::ConfigManage), raw, typed);
    let mut tx = app.db.read("subnets.list").await?;
    let found = subnets::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let view = List { page: page.at(LIST, TITLE), list, found };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub(super) async fn inline(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut sent = Sent::of(form);
    let patch = SubnetPatch {
        version: sent.version,
        name: sent.text("name"),
        cidr: sent.text("cidr"),
        description: sent.text("description"),
        rate_limit: sent.rate(),
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("subnets.update").await?;
    let done = subnets::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(subnet) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &subnet.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

#[derive(Template)]
#[template(path = "config/subnet.html")]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    subnet: Option<Subnet>,
    offers: Offers,
    changes: Vec<Shown>,
}

impl One {
    fn ips(&self, subnet: &Subnet) -> String {
        addresses(subnets::ip_count(subnet.cidr))
    }

    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.subnet.as_ref().is_none_or(|subnet| !subnet.built_in)
    }

    fn can_assign(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.subnet.is_some()
    }
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ConfigManage)?;
    let mut tx = app.db.read("subnets.new").await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let form = offers.start(Form::new());
    let page = page.at(LIST, "Add a subnet").under(TITLE, LIST);
    let view = One { page, form, subnet: None, offers, changes: Vec::new() };
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut errors = Vec::new();
    let input = NewSubnet {
        name: form.value("name").to_owned(),
        cidr: form.value("cidr").to_owned(),
        description: form.value("description").to_owned(),
        rate_limit: number(&form, "rateLimit", &mut errors),
        assignment: assigning::chosen(&form, &mut errors),
    };
    let mut tx = app.db.tx("subnets.create").await?;
    match subnets::create(&mut tx, &ctx, input).await {
        Ok(subnet) if errors.is_empty() => {
            tx.commit().await?;
            let text =
                format!("Subnet {} is added: {} addresses.", subnet.name, addresses(subnets::ip_count(subnet.cidr)));
            return Ok(flash::redirect(LIST, Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let mut tx = app.db.read("subnets.new").await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let page = page.at(LIST, "Add a subnet").under(TITLE, LIST);
    let view = One { page, form: form.refuse(errors), subnet: None, offers, changes: Vec::new() };
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

fn form_of(subnet: &Subnet) -> Form {
    let mut form = Form::new()
        .with("name", subnet.name.clone())
        .with("cidr", subnet.cidr.to_string())
        .with("description", subnet.description.clone());
    if subnet.rate_limit > 0 {
        form = form.with("rateLimit", subnet.rate_limit.to_string());
    }
    assigning::fill(form, &subnet.scanners, &subnet.scanner_groups)
}

async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &crate::state::App,
    id: SubnetId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnets.page").await?;
    let subnet = subnets::get(&mut tx, &ctx, id).await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let changes = changes::shown(subnets::history(&mut tx, &ctx, id).await?);
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = typed.unwrap_or_else(|| form_of(&subnet));
    let page = page.at(LIST, subnet.name.clone()).under(TITLE, LIST);
    let view = One { page, form, subnet: Some(subnet), offers, changes };
    Ok(ui::render_with(status, &view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw(page, &signed, &app, id, None).await
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let patch = SubnetPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        cidr: Some(form.value("cidr").to_owned()),
        description: Some(form.value("description").to_owned()),
        rate_limit: Some(number(&form, "rateLimit", &mut errors)),
    };
    let mut tx = app.db.tx("subnets.update").await?;
    match subnets::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(subnet) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("Subnet {} is saved.", subnet.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    draw(page, &signed, &app, id, Some(form.refuse(errors))).await
}

pub(super) async fn assign(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let Assignment { scanners, groups } = assigning::chosen(&form, &mut errors);
    let mut tx = app.db.tx("subnets.assign").await?;
    let ctx = app.ctx(&signed.caller);
    let done = subnets::assign_scanners(&mut tx, &ctx, id, version(&form), scanners, Some(groups)).await;
    match done {
        Ok(subnet) if errors.is_empty() => {
            tx.commit().await?;
            Ok(assigning::assigned(&path(id), &subnet.name, &subnet.scanners, &subnet.scanner_groups))
        }
        done => {
            if let Err(error) = done {
                errors.extend(refused(error)?);
            }
            drop(tx);
            let mut tx = app.db.read("subnets.page").await?;
            let subnet = subnets::get(&mut tx, &app.ctx(&signed.caller), id).await?;
            drop(tx);
            draw(page, &signed, &app, id, Some(form_of(&subnet).refuse(errors))).await
        }
    }
}

async fn model(app: &crate::state::App, signed: &SignedIn, id: SubnetId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("subnets.clone_page").await?;
    let subnet = subnets::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "subnet",
        name: subnet.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same network, rate limit and scanners. No template uses it yet.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("subnets.clone").await?;
    let done = match subnets::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &crate::state::App, signed: &SignedIn, id: SubnetId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnets.delete_page").await?;
    let subnet = subnets::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "subnet",
        name: subnet.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "The network is no target any more. What was found in it stays, with its history.",
        built_in: subnet.built_in,
        users: subnets::users(&mut tx, &ctx, id).await?,
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("subnets.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => subnets::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
