//! `/health/job-errors/bulk-repair`: the same repair of many job errors, with their exact number before it is asked for.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::job_errors::{self, BULK_MOST};
use mipo_app::scanners::Scanner;
use mipo_app::{AppError, FieldError};
use mipo_domain::ids::JobErrorId;
use mipo_domain::job_errors::Repair;
use mipo_domain::rights::Right;

use super::job_errors::{PATH, Row, TITLE, active, asked};
use crate::api::job_errors::COLUMNS;
use crate::http::Posted;
use crate::lists::{ListQuery, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, show};

/// Rows that are shown of what is meant.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "health/job-errors-bulk.html")]
struct Bulk {
    page: Page,
    form: Form,
    /// Everything that was picked.
    picked: Vec<Row>,
    targets: Vec<Scanner>,
}

impl Bulk {
    /// What can be asked for many, with how many of the picked ones it helps.
    fn repairs(&self) -> Vec<(Repair, usize)> {
        let all = Repair::ALL.iter().copied().filter(|repair| repair.in_bulk());
        all.map(|repair| (repair, self.picked.iter().filter(|row| row.takes(repair)).count())).collect()
    }

    fn action(&self) -> Option<Repair> {
        self.form.value("action").parse().ok().filter(|repair: &Repair| repair.in_bulk())
    }

    fn is_chosen(&self, word: &str) -> bool {
        self.form.value("action") == word
    }

    /// The choice is complete.
    fn is_ready(&self) -> bool {
        self.action().is_some_and(|action| action != Repair::Reassign || self.form.filled("scannerId").is_some())
    }

    /// Those that would be repaired.
    fn meant(&self) -> Vec<&Row> {
        let Some(action) = self.action() else { return Vec::new() };
        let to = self.form.filled("scannerId").filter(|_| action == Repair::Reassign);
        let other = |row: &Row| to.is_none_or(|id| row.error.scanner_id.to_string() != id);
        self.picked.iter().filter(|row| row.takes(action) && other(row)).collect()
    }

    fn shown(&self) -> usize {
        SHOWN
    }
}

/// What the address asks for: job errors that were picked one by one, or all that pass the filters of the list.
async fn picked(app: &App, signed: &SignedIn, given: &Form) -> Result<Vec<Row>, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("job_errors.picked").await?;
    let errors = if given.ticked("all", "true") {
        let query = ListQuery::lenient(Some(given.value("query")), &COLUMNS);
        let ask = mipo_app::Ask { limit: BULK_MOST as i64, offset: 0, ..query.ask() };
        job_errors::list(&mut tx, &ctx, &ask).await?.items
    } else {
        let ids: Vec<JobErrorId> =
            given.all("id").into_iter().filter_map(|text| text.parse().ok()).take(BULK_MOST).collect();
        job_errors::many(&mut tx, &ctx, &ids).await?
    };
    Ok(errors.into_iter().map(Row::of).collect::<Result<Vec<_>, AppError>>()?)
}

async fn draw(page: Page, app: &App, signed: &SignedIn, form: Form) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::JobErrorsExecute)?;
    let picked = picked(app, signed, &form).await?;
    let mut tx = app.db.read("job_errors.targets").await?;
    let targets = active(&mut tx, &ctx).await?;
    drop(tx);
    let page = page.at(PATH, "Repair job errors").under(TITLE, PATH);
    let view = Bulk { page, form, picked, targets };
    Ok(ui::render_with(view.form.status(), &view, &view.page))
}

/// Asks what is to be done, and says of how many.
pub async fn page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    draw(page, &app, &signed, Form::from_pairs(pairs(raw.as_deref().unwrap_or_default()))).await
}

/// Asks for it.
pub async fn start(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors: Vec<FieldError> = Vec::new();
    let ask = asked(&form, &mut errors);
    let ids: Vec<JobErrorId> = form.all("id").into_iter().filter_map(|text| text.parse().ok()).collect();
    let expected = form.number::<usize>("expected").ok().flatten();
    if errors.is_empty() {
        let mut tx = app.db.tx("job_errors.bulk_repair").await?;
        match job_errors::ask_many(&mut tx, &app.ctx(&signed.caller), &ids, &ask, expected).await {
            Ok(done) => {
                tx.commit().await?;
                let what = show::count(done.asked as i64, "job error", "job errors");
                let words = format!("The repair of {what} is asked for; each says in a moment what came of it.");
                return Ok(flash::redirect(PATH, Tone::Good, &words));
            }
            Err(AppError::Invalid(found)) => errors = found,
            Err(AppError::Conflict { code, detail }) => errors = vec![FieldError::new("", code, detail)],
            Err(other) => return Err(other.into()),
        }
    }
    draw(page, &app, &signed, form.refuse(errors)).await
}
