//! `/scans/run`: start a template, or type targets and ports, now.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::template_summary::Summary;
use mipo_app::templates::{self, ScanTemplate};
use mipo_app::{AppError, scanners};
use mipo_domain::rights::Right;
use mipo_store::config::scanners::Scanner;
use mipo_store::lists::Ask;

use crate::http::Posted;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, Region, show};

/// Templates beyond this many are found by their own page.
const TEMPLATES_SHOWN: i64 = 100;

struct Choice {
    template: ScanTemplate,
    summary: Summary,
}

impl Choice {
    fn vantages(&self) -> String {
        let names: Vec<&str> = self.summary.scanners.iter().map(|scanner| scanner.name.as_str()).collect();
        match names.len() {
            0 => "none".to_owned(),
            1..=3 => names.join(", "),
            n => format!("{} and {} more", names[..2].join(", "), n - 2),
        }
    }

    fn estimate(&self) -> String {
        if self.summary.seconds == 0 {
            "–".to_owned()
        } else {
            format!("about {}", show::duration(self.summary.seconds as i64))
        }
    }
}

#[derive(Template)]
#[template(path = "scans/run.html", blocks = ["templates"])]
struct Run {
    page: Page,
    form: Form,
    choices: Vec<Choice>,
    more: i64,
    scanners: Vec<Scanner>,
}

impl Run {
    fn is_chosen(&self, scanner: &Scanner) -> bool {
        self.form.ticked("scanners", &scanner.name)
    }

    fn any_active(&self) -> bool {
        self.scanners.iter().any(|scanner| scanner.status == "active")
    }
}

async fn view(page: Page, signed: &SignedIn, app: &App, form: Form) -> Result<Run, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScansExecute)?;
    let mut tx = app.db.read("scans.run").await?;
    let (choices, more) = if ctx.caller.may(Right::ConfigView) {
        let found = templates::list(&mut tx, &ctx, &Ask::first(TEMPLATES_SHOWN, "name")).await?;
        let summaries = templates::summaries(&mut tx, &ctx, &found.items, app.scan_limits).await?;
        let more = found.total - found.items.len() as i64;
        let choices: Vec<Choice> =
            found.items.into_iter().zip(summaries).map(|(template, summary)| Choice { template, summary }).collect();
        (choices, more)
    } else {
        (Vec::new(), 0)
    };
    let scanners = if ctx.caller.may(Right::ScannersView) {
        scanners::list(&mut tx, &ctx, &Ask::first(200, "name")).await?.items
    } else {
        Vec::new()
    };
    Ok(Run { page: page.at("/scans/run", "Run a scan"), form, choices, more, scanners })
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, Form::new()).await?;
    Ok(match region.name() {
        Some("templates") => ui::render(&view.as_templates(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

pub(super) async fn start(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let input = match wanted(&form) {
        Ok(input) => input,
        Err(error) => return refused(page, &signed, &app, form, error).await,
    };
    let mut tx = app.db.tx("scans.start").await?;
    match scans::start(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(id) => {
            tx.commit().await?;
            Ok(flash::redirect(&format!("/scans/{id}"), Tone::Good, &format!("Scan #{id} is asked for.")))
        }
        Err(error) => {
            drop(tx);
            refused(page, &signed, &app, form, error).await
        }
    }
}

fn wanted(form: &Form) -> Result<StartScan, AppError> {
    let reason = form.value("reason").to_owned();
    let what = match form.filled("templateId") {
        Some(id) => What::Template(
            id.parse()
                .map_err(|_| AppError::invalid("templateId", "unknown_template", "There is no such scan template."))?,
        ),
        None => What::AdHoc(AdHoc {
            targets: vec![form.value("targets").to_owned()],
            ports: form.value("ports").to_owned(),
            scanners: form.all("scanners").into_iter().map(str::to_owned).collect(),
        }),
    };
    Ok(StartScan { what, reason })
}

async fn refused(page: Page, signed: &SignedIn, app: &App, form: Form, error: AppError) -> Result<Response, ui::Error> {
    match error {
        AppError::Invalid(errors) => {
            let view = view(page, signed, app, form.refuse(errors)).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
        AppError::Conflict { detail, .. } => Ok(flash::redirect("/scans/run", Tone::Bad, &detail)),
        error => Err(error.into()),
    }
}
