//! `/config/scanner-groups`, `/config/subnet-groups`, `/config/fqdn-groups`, `/config/port-list-groups` and
//! `/config/scan-template-groups`: sets under a name. The pages are the same; what differs is in [`Noun`].
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::Found;
use mipo_app::groups::{self, Group, GroupKind, GroupPatch, Member, NewGroup};
use mipo_domain::rights::Right;
use uuid::Uuid;

use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::{Shared, addresses, ids, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

/// Members offered on a form; what is chosen is always among them.
const OFFERED: i64 = 200;

/// What the lists can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "description", "members", "builtIn", "created"],
    filters: &["builtIn"],
    default_sort: "name",
    words: &[("builtIn", YES_NO)],
};

/// What a page says of one kind of groups.
pub(crate) struct Noun {
    kind: GroupKind,
    /// The path of its list.
    list: &'static str,
    title: &'static str,
    /// One of them: `scanner group`.
    what: &'static str,
    a_what: &'static str,
    /// What it is good for, on the list and on the form.
    lede: &'static str,
    /// What it holds: `scanner`, `scanners`.
    member: &'static str,
    members: &'static str,
    /// The field of its members.
    field: &'static str,
    /// The head of the column that says what a member is.
    note: &'static str,
    /// Where members are made, and where their pages are.
    members_at: &'static str,
    /// What is lost with it.
    consequence: &'static str,
    cols: &'static [Col],
}

/// A kind of groups, for handlers.
pub(crate) trait Kind: Send + Sync + 'static {
    const NOUN: Noun;
}

/// `/config/scanner-groups`
pub(crate) struct ScannerGroups;

impl Kind for ScannerGroups {
    const NOUN: Noun = Noun {
        kind: GroupKind::Scanners,
        list: "/config/scanner-groups",
        title: "Scanner groups",
        what: "scanner group",
        a_what: "a scanner group",
        lede: "Scanners that all scan the same targets, so that their views can be compared. Assign a group to a subnet in the place of its scanners.",
        member: "scanner",
        members: "scanners",
        field: "scannerIds",
        note: "Status",
        members_at: "/config/scanners",
        consequence: "Its scanners stay; none of them is assigned by it any more.",
        cols: &[
            Col::lead("name", "Name"),
            Col::fill("description", "Description"),
            Col::text("members", "Scanners"),
            Col::text("builtIn", "Built in").extra(),
            Col::text("created", "Created").extra(),
        ],
    };
}

/// `/config/subnet-groups`
pub(crate) struct SubnetGroups;

impl Kind for SubnetGroups {
    const NOUN: Noun = Noun {
        kind: GroupKind::Subnets,
        list: "/config/subnet-groups",
        title: "Subnet groups",
        what: "subnet group",
        a_what: "a subnet group",
        lede: "Subnets under one name. A template of the group scans whatever is in it when the scan is planned.",
        member: "subnet",
        members: "subnets",
        field: "subnetIds",
        note: "Network",
        members_at: "/config/subnets",
        consequence: "Its subnets stay.",
        cols: &[
            Col::lead("name", "Name"),
            Col::fill("description", "Description"),
            Col::text("members", "Subnets"),
            Col::num("ips", "IPs"),
            Col::text("builtIn", "Built in").extra(),
            Col::text("created", "Created").extra(),
        ],
    };
}

/// `/config/fqdn-groups`
pub(crate) struct FqdnGroups;

impl Kind for FqdnGroups {
    const NOUN: Noun = Noun {
        kind: GroupKind::Fqdns,
        list: "/config/fqdn-groups",
        title: "FQDN groups",
        what: "FQDN group",
        a_what: "an FQDN group",
        lede: "Host names under one name. A template of the group scans whatever is in it when the scan is planned.",
        member: "FQDN",
        members: "FQDNs",
        field: "fqdnIds",
        note: "Host name",
        members_at: "/config/fqdns",
        consequence: "Its FQDNs stay.",
        cols: &[
            Col::lead("name", "Name"),
            Col::fill("description", "Description"),
            Col::text("members", "FQDNs"),
            Col::text("builtIn", "Built in").extra(),
            Col::text("created", "Created").extra(),
        ],
    };
}

/// `/config/port-list-groups`
pub(crate) struct PortListGroups;

impl Kind for PortListGroups {
    const NOUN: Noun = Noun {
        kind: GroupKind::PortLists,
        list: "/config/port-list-groups",
        title: "Port list groups",
        what: "port list group",
        a_what: "a port list group",
        lede: "Port lists under one name. A template of the group scans the ports of whatever is in it when the scan is planned, each once.",
        member: "port list",
        members: "port lists",
        field: "portListIds",
        note: "Ports",
        members_at: "/config/port-lists",
        consequence: "Its port lists stay.",
        cols: &[
            Col::lead("name", "Name"),
            Col::fill("description", "Description"),
            Col::text("members", "Port lists"),
            Col::num("ports", "Ports"),
            Col::text("builtIn", "Built in").extra(),
            Col::text("created", "Created").extra(),
        ],
    };
}

/// `/config/scan-template-groups`
pub(crate) struct TemplateGroups;

impl Kind for TemplateGroups {
    const NOUN: Noun = Noun {
        kind: GroupKind::Templates,
        list: "/config/scan-template-groups",
        title: "Scan template groups",
        what: "scan template group",
        a_what: "a scan template group",
        lede: "Scan templates under one name. A schedule of the group runs whatever is in it when its time comes, each template once.",
        member: "scan template",
        members: "scan templates",
        field: "templateIds",
        note: "Description",
        members_at: "/config/scan-templates",
        consequence: "Its templates stay.",
        cols: &[
            Col::lead("name", "Name"),
            Col::fill("description", "Description"),
            Col::text("members", "Templates"),
            Col::text("builtIn", "Built in").extra(),
            Col::text("created", "Created").extra(),
        ],
    };
}

#[derive(Template)]
#[template(path = "config/groups.html", blocks = ["rows"])]
struct List {
    page: Page,
    noun: Noun,
    list: Listing,
    found: Found<Group>,
}

impl List {
    fn menu(&self, group: &Group) -> RowMenu {
        let (path, may) = (self.noun.path(group.id), self.page.shell.may(Right::ConfigManage));
        let row = format!("group-{}", group.id);
        RowMenu::new(&self.page, &row, &group.name)
            .link(&path, "Open")
            .edit_if(may && !group.built_in, self.list.edit(group.id, &row))
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !group.built_in, format!("{path}/delete"), "Delete…")
    }
}

impl Noun {
    fn path(&self, id: Uuid) -> String {
        format!("{}/{id}", self.list)
    }

    /// How many it holds, in words.
    fn size(&self, group: &Group) -> String {
        show::count(group.members.len() as i64, self.member, self.members)
    }

    fn ips(&self, group: &Group) -> String {
        addresses(groups::ip_count(group))
    }

    fn ports(&self, group: &Group) -> String {
        show::number(groups::port_count(group))
    }

    fn has_ports(&self) -> bool {
        self.kind == GroupKind::PortLists
    }

    fn has_ips(&self) -> bool {
        self.kind == GroupKind::Subnets
    }

    /// The first members by name, and how many more.
    fn few(&self, group: &Group) -> String {
        let names: Vec<&str> = group.members.iter().take(4).map(|member| member.name.as_str()).collect();
        match group.members.len() - names.len() {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}

pub(super) async fn list<K: Kind>(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw_list::<K>(page, &signed, &app, region, raw.as_deref(), None).await
}

/// The list; `typed` is the row that was edited in its place and refused.
async fn draw_list<K: Kind>(
    page: Page,
    signed: &SignedIn,
    app: &App,
    region: Region,
    raw: Option<&str>,
    typed: Option<(String, Form)>,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let ctx = app.ctx(&signed.caller);
    let status = if typed.is_some() { inline::REFUSED } else { StatusCode::OK };
    let list = Listing::read(noun.list, raw, &COLUMNS).showing(noun.cols).editing(
        ctx.caller.may(Right::ConfigManage),
        raw,
        typed,
    );
    let mut tx = app.db.read("groups.list").await?;
    let found = groups::list(&mut tx, &ctx, noun.kind, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let view = List { page: page.at(noun.list, noun.title), noun, list, found };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub(super) async fn inline<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let sent = Sent::of(form);
    let patch = GroupPatch {
        version: sent.version,
        name: sent.text("name"),
        description: sent.text("description"),
        members: None,
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("groups.update").await?;
    let done = groups::update(&mut tx, &app.ctx(&signed.caller), noun.kind, id, patch).await;
    match sent.judge(done)? {
        Ok(group) => {
            tx.commit().await?;
            Ok(inline::saved(noun.list, raw.as_deref(), &group.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list::<K>(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

#[derive(Template)]
#[template(path = "config/group.html")]
struct One {
    page: Page,
    noun: Noun,
    form: Form,
    /// Missing on the page that makes a new one.
    group: Option<Group>,
    offered: Vec<Member>,
    more: i64,
    users: Vec<mipo_app::error::Referrer>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.group.as_ref().is_none_or(|group| !group.built_in)
    }

    fn is_chosen(&self, member: &Member) -> bool {
        self.form.ticked(self.noun.field, &member.id.to_string())
    }

    fn note(&self, member: &Member) -> show::Html {
        match self.noun.kind {
            GroupKind::Scanners => show::state(&member.note),
            GroupKind::PortLists => {
                let ports = groups::ports_of(member);
                let text = super::port_lists::shortened(&ports.to_string().replace(',', ", "));
                let count = show::number(ports.count());
                show::Html(format!(r#"{count} <span class="faint mono">{}</span>"#, show::escape(&text)))
            }
            GroupKind::Templates => show::Html(show::escape(&member.note)),
            GroupKind::Subnets | GroupKind::Fqdns => {
                show::Html(format!(r#"<span class="mono">{}</span>"#, show::escape(&member.note)))
            }
        }
    }
}

fn form_of(noun: &Noun, group: &Group) -> Form {
    let form = Form::new().with("name", group.name.clone()).with("description", group.description.clone());
    group.members.iter().fold(form, |form, member| form.with(noun.field, member.id.to_string()))
}

/// The page of a new group (`id` is none) or of one that is there, with what was typed.
async fn view<K: Kind>(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: Option<Uuid>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let noun = K::NOUN;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("groups.page").await?;
    let (group, users, changes) = match id {
        Some(id) => {
            let group = groups::get(&mut tx, &ctx, noun.kind, id).await?;
            let users = groups::users(&mut tx, &ctx, noun.kind, id).await?;
            let changes = changes::shown(groups::history(&mut tx, &ctx, noun.kind, id).await?);
            (Some(group), users, changes)
        }
        None => (None, Vec::new(), Vec::new()),
    };
    let form = typed.unwrap_or_else(|| group.as_ref().map_or_else(Form::new, |group| form_of(&noun, group)));
    let chosen = ids::<Uuid>(&form, noun.field, &mut Vec::new());
    let (offered, more) = groups::offered(&mut tx, &ctx, noun.kind, &chosen, OFFERED).await?;
    let title = group.as_ref().map_or_else(|| format!("Add {}", noun.a_what), |group| group.name.clone());
    let page = page.at(noun.list, title).under(noun.title, noun.list);
    Ok(One { page, noun, form, group, offered, more, users, changes })
}

pub(super) async fn new_page<K: Kind>(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    let view = view::<K>(page, &signed, &app, None, None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create<K: Kind>(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let mut errors = Vec::new();
    let input = NewGroup {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        members: ids(&form, noun.field, &mut errors),
    };
    let mut tx = app.db.tx("groups.create").await?;
    match groups::create(&mut tx, &app.ctx(&signed.caller), noun.kind, input).await {
        Ok(group) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("{} {} is added: {}.", show::label(noun.what), group.name, noun.size(&group));
            return Ok(flash::redirect(&noun.path(group.id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view::<K>(page, &signed, &app, None, Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

pub(super) async fn page<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view::<K>(page, &signed, &app, Some(id), None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn save<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let mut errors = Vec::new();
    let patch = GroupPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        members: Some(ids(&form, noun.field, &mut errors)),
    };
    let mut tx = app.db.tx("groups.update").await?;
    match groups::update(&mut tx, &app.ctx(&signed.caller), noun.kind, id, patch).await {
        Ok(group) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("{} {} is saved.", show::label(noun.what), group.name);
            return Ok(flash::redirect(&noun.path(id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view::<K>(page, &signed, &app, Some(id), Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

async fn model<K: Kind>(app: &App, signed: &SignedIn, id: Uuid) -> Result<Model, ui::Error> {
    let noun = K::NOUN;
    let mut tx = app.db.read("groups.clone_page").await?;
    let group = groups::get(&mut tx, &app.ctx(&signed.caller), noun.kind, id).await?;
    Ok(Model {
        kind: noun.what,
        name: group.name,
        list: noun.list,
        list_title: noun.title,
        path: noun.path(id),
        takes: "The copy has the same members. Nothing uses it yet.",
    })
}

pub(super) async fn clone_page<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model::<K>(&app, &signed, id).await?))
}

pub(super) async fn duplicate<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let model = model::<K>(&app, &signed, id).await?;
    let mut tx = app.db.tx("groups.clone").await?;
    let done = match groups::duplicate(&mut tx, &app.ctx(&signed.caller), noun.kind, id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, noun.path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed<K: Kind>(app: &App, signed: &SignedIn, id: Uuid) -> Result<Doomed, ui::Error> {
    let noun = K::NOUN;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("groups.delete_page").await?;
    let group = groups::get(&mut tx, &ctx, noun.kind, id).await?;
    Ok(Doomed {
        kind: noun.what,
        name: group.name,
        list: noun.list,
        list_title: noun.title,
        path: noun.path(id),
        consequence: noun.consequence,
        built_in: group.built_in,
        users: groups::users(&mut tx, &ctx, noun.kind, id).await?,
    })
}

pub(super) async fn delete_page<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed::<K>(&app, &signed, id).await?))
}

pub(super) async fn delete<K: Kind>(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let noun = K::NOUN;
    let doomed = doomed::<K>(&app, &signed, id).await?;
    let mut tx = app.db.tx("groups.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => groups::delete(&mut tx, &app.ctx(&signed.caller), noun.kind, id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
