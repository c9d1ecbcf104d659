//! One schedule: its form, what it would do, what it did.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::groups::{self, GroupKind};
use mipo_app::schedules::{self, NewSchedule, Preview, Run, Runs, Schedule, SchedulePatch};
use mipo_app::templates::{self, ScanTemplate};
use mipo_app::{AppError, Ask, Ctx, Named};
use mipo_domain::calendar;
use mipo_domain::ids::ScheduleId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use uuid::Uuid;

use super::form::{self, OVERLAPS};
use super::{KINDS, LIST, TITLE, path};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::changes::{self, Shown};
use crate::ui::config::{refused, version};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::{DAYS, Form};
use crate::ui::{self, Page, show};

/// Templates offered on the form; what is chosen is always among them.
const OFFERED: i64 = 200;

#[derive(Template)]
#[template(path = "scans/schedule.html", blocks = ["preview"])]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    schedule: Option<Schedule>,
    templates: Vec<ScanTemplate>,
    more_templates: i64,
    groups: Vec<Named>,
    /// None: what is typed cannot be read, and the form says why when it is sent.
    preview: Option<Preview>,
    runs: Vec<Run>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::SchedulesManage)
    }

    fn uses(&self, template: &ScanTemplate) -> bool {
        self.form.ticked("templateIds", &template.id.to_string())
    }

    fn uses_group(&self, group: &Named) -> bool {
        self.form.ticked("templateGroupIds", &group.id.to_string())
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        KINDS
    }

    fn days(&self) -> &'static [(&'static str, &'static str)] {
        DAYS
    }

    fn overlaps(&self) -> &'static [(&'static str, &'static str)] {
        OVERLAPS
    }

    fn jitters(&self, preview: &Preview) -> bool {
        preview.starts.iter().any(|run| run.starts_at != run.planned_at)
    }

    fn zones(&self) -> Vec<&'static str> {
        calendar::zone_names().collect()
    }

    fn sentence(&self, schedule: &Schedule) -> String {
        schedules::sentence(schedule)
    }
}

/// What can be chosen: the first by name, and whatever is chosen already.
async fn offered(conn: &mut Conn, ctx: &Ctx<'_>, chosen: &[Uuid]) -> Result<(Vec<ScanTemplate>, i64), AppError> {
    if !ctx.caller.may(Right::ConfigView) {
        return Ok((Vec::new(), 0));
    }
    let found = templates::list(conn, ctx, &Ask::first(OFFERED, "name")).await?;
    let mut offered = found.items;
    for id in chosen {
        if !offered.iter().any(|template| template.id.as_uuid() == *id)
            && let Ok(template) = templates::get(conn, ctx, (*id).into()).await
        {
            offered.push(template);
        }
    }
    let more = found.total - offered.len() as i64;
    Ok((offered, more.max(0)))
}

/// The template groups that can be chosen: the first by name, and whatever is chosen already.
async fn offered_groups(conn: &mut Conn, ctx: &Ctx<'_>, schedule: Option<&Schedule>) -> Result<Vec<Named>, AppError> {
    if !ctx.caller.may(Right::ConfigView) {
        return Ok(Vec::new());
    }
    let mut groups = groups::named(conn, ctx, GroupKind::Templates, OFFERED).await?;
    for group in schedule.iter().flat_map(|schedule| schedule.template_groups.iter()) {
        if !groups.iter().any(|known| known.id == group.id) {
            groups.push(group.clone());
        }
    }
    Ok(groups)
}

async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: Option<ScheduleId>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("schedules.page").await?;
    let (schedule, runs, changes) = match id {
        Some(id) => {
            let schedule = schedules::get(&mut tx, &ctx, id).await?;
            let runs = schedules::runs(&mut tx, &ctx, id).await?;
            (Some(schedule), runs, changes::shown(schedules::history(&mut tx, &ctx, id).await?))
        }
        None => (None, Vec::new(), Vec::new()),
    };
    let form = typed.unwrap_or_else(|| schedule.as_ref().map_or_else(form::blank, form::of));
    let chosen = form::templates(&form, &mut Vec::new());
    let (templates, more_templates) = offered(&mut tx, &ctx, &chosen).await?;
    let groups = offered_groups(&mut tx, &ctx, schedule.as_ref()).await?;
    let timing = form::timing(&form, &mut Vec::new());
    let by_group = form::template_groups(&form, &mut Vec::new());
    let would_run = Runs { templates: &chosen, groups: &by_group };
    let preview = match schedules::preview(&mut tx, &ctx, id, &timing, would_run, app.scan_limits).await {
        Ok(preview) => Some(preview),
        Err(AppError::Invalid(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let title = schedule.as_ref().map_or_else(|| "Add a schedule".to_owned(), |schedule| schedule.name.clone());
    let page = page.at(LIST, title).under(TITLE, LIST);
    Ok(One { page, form, schedule, templates, more_templates, groups, preview, runs, changes })
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): State<App>) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SchedulesManage)?;
    let view = view(page, &signed, &app, None, None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, Some(id), None).await?;
    Ok(ui::render(&view, &view.page))
}

/// What would happen, while somebody types.
pub(super) async fn preview(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let id = form.filled("id").and_then(|id| id.parse().ok());
    let view = view(page, &signed, &app, id, Some(form)).await?;
    Ok(ui::render(&view.as_preview(), &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let input = NewSchedule {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        timing: form::timing(&form, &mut errors),
        templates: form::templates(&form, &mut errors),
        template_groups: form::template_groups(&form, &mut errors),
        disabled: false,
        overlap_policy: form.filled("overlapPolicy").map(str::to_owned),
        catch_up_minutes: form::catch_up(&form, &mut errors),
    };
    let mut tx = app.db.tx("schedules.create").await?;
    match schedules::create(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(schedule) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("Schedule {} is added.", schedule.name);
            return Ok(flash::redirect(&path(schedule.id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view(page, &signed, &app, None, Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let patch = SchedulePatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        timing: form::timing(&form, &mut errors),
        templates: Some(form::templates(&form, &mut errors)),
        template_groups: Some(form::template_groups(&form, &mut errors)),
        overlap_policy: form.filled("overlapPolicy").map(str::to_owned),
        catch_up_minutes: form::catch_up(&form, &mut errors),
    };
    let mut tx = app.db.tx("schedules.update").await?;
    match schedules::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(schedule) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("Schedule {} is saved.", schedule.name);
            return Ok(flash::redirect(&path(id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = view(page, &signed, &app, Some(id), Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}
