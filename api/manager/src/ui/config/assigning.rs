//! The scanners and scanner groups of a target, on its form.
use axum::response::Response;
use mipo_app::assignments::Assignment;
use mipo_app::groups::{self, Group, GroupKind};
use mipo_app::scanners::{self, Scanner};
use mipo_app::{AppError, Ask, Ctx, FieldError, Named};
use mipo_domain::rights::Right;
use mipo_store::Conn;

use super::ids;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::show;

/// Offered on a form; an installation with more scanners assigns them by groups.
const OFFERED: i64 = 200;

/// What can be ticked.
pub(crate) struct Offers {
    /// Scanners by name.
    pub scanners: Vec<Scanner>,
    /// Scanner groups by name.
    pub groups: Vec<Group>,
}

impl Offers {
    /// The form of a new target: with one scanner there is nothing to choose.
    pub fn start(&self, form: Form) -> Form {
        match self.scanners.as_slice() {
            [only] => form.with("scannerIds", only.id.to_string()),
            _ => form,
        }
    }

    /// The members of a group, in words.
    pub fn members(&self, group: &Group) -> String {
        let names: Vec<&str> = group.members.iter().map(|member| member.name.as_str()).collect();
        names.join(", ")
    }
}

/// Reads what can be ticked; no scanner for who may not see them.
pub(crate) async fn offers(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Offers, AppError> {
    if !ctx.caller.may(Right::ScannersView) {
        return Ok(Offers { scanners: Vec::new(), groups: Vec::new() });
    }
    let ask = Ask::first(OFFERED, "name");
    Ok(Offers {
        scanners: scanners::list(conn, ctx, &ask).await?.items,
        groups: groups::list(conn, ctx, GroupKind::Scanners, &ask).await?.items,
    })
}

/// What was ticked.
pub(crate) fn chosen(form: &Form, errors: &mut Vec<FieldError>) -> Assignment {
    Assignment { scanners: ids(form, "scannerIds", errors), groups: ids(form, "scannerGroupIds", errors) }
}

/// The form with what is stored ticked.
pub(crate) fn fill(form: Form, scanners: &[Named], groups: &[Named]) -> Form {
    let form = scanners.iter().fold(form, |form, scanner| form.with("scannerIds", scanner.id.to_string()));
    groups.iter().fold(form, |form, group| form.with("scannerGroupIds", group.id.to_string()))
}

/// Back to the target `name`, with a word on who scans it now.
pub(crate) fn assigned(path: &str, name: &str, scanners: &[Named], groups: &[Named]) -> Response {
    let count = |n: usize, one, many| (n > 0).then(|| show::count(n as i64, one, many));
    let by: Vec<String> =
        [count(scanners.len(), "scanner", "scanners"), count(groups.len(), "scanner group", "scanner groups")]
            .into_iter()
            .flatten()
            .collect();
    if by.is_empty() {
        let text = format!("No scanner scans {name} now; it is skipped by every scan.");
        return flash::redirect(path, Tone::Warn, &text);
    }
    flash::redirect(path, Tone::Good, &format!("{name} scanned by {}.", by.join(" and ")))
}
