//! Configuration: scanners, targets, ports, scan templates, groups of them, exclusions, blackout windows.
pub(crate) mod assigning;
pub(crate) mod blackouts;
pub(crate) mod changes;
pub(crate) mod cloning;
pub(crate) mod deletion;
pub(crate) mod discovery;
pub(crate) mod exclusions;
pub(crate) mod fqdns;
pub(crate) mod groups;
mod password;
pub(crate) mod port_catalog;
pub(crate) mod port_lists;
pub(crate) mod scanners;
pub(crate) mod subnets;
pub(crate) mod templates;

use std::borrow::Borrow;
use std::str::FromStr;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, NaiveDateTime, Utc};
use mipo_app::{AppError, Ctx, FieldError};

use self::groups::{FqdnGroups, PortListGroups, ScannerGroups, SubnetGroups, TemplateGroups};
use super::forms::Form;
use crate::lists::encode;
use crate::state::App;
use crate::ui;

/// Pages and forms of the area.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/config/scanners", get(scanners::list::page))
        .route("/config/scanners/new", get(scanners::new::page).post(scanners::new::create))
        .route("/config/scanners/{id}", get(scanners::detail::page).post(scanners::detail::save))
        .route("/config/scanners/{id}/inline", post(scanners::list::inline))
        .route("/config/scanners/{id}/token", get(scanners::token::page).post(scanners::token::regenerate))
        .route("/config/scanners/{id}/rotate-key", get(scanners::actions::rotate_page).post(scanners::actions::rotate))
        .route("/config/scanners/{id}/disable", get(scanners::actions::disable_page).post(scanners::actions::disable))
        .route("/config/scanners/{id}/enable", post(scanners::actions::enable))
        .route("/config/scanners/{id}/drain", post(scanners::actions::drain))
        .route("/config/scanners/{id}/undrain", post(scanners::actions::undrain))
        .route("/config/scanners/{id}/bind", post(scanners::actions::bind))
        .route("/config/scanners/{id}/release-binding", post(scanners::actions::release_binding))
        .route("/config/scanners/{id}/delete", get(scanners::detail::delete_page).post(scanners::detail::delete))
        .merge(group_routes())
        .merge(fqdn_routes())
        .merge(discovery::routes())
        .merge(port_and_template_group_routes())
        .route("/config/subnets", get(subnets::list))
        .route("/config/subnets/new", get(subnets::new_page).post(subnets::create))
        .route("/config/subnets/{id}", get(subnets::page).post(subnets::save))
        .route("/config/subnets/{id}/inline", post(subnets::inline))
        .route("/config/subnets/{id}/scanners", post(subnets::assign))
        .route("/config/subnets/{id}/clone", get(subnets::clone_page).post(subnets::duplicate))
        .route("/config/subnets/{id}/delete", get(subnets::delete_page).post(subnets::delete))
        .route("/config/port-lists", get(port_lists::list))
        .route("/config/port-lists/new", get(port_lists::new_page).post(port_lists::create))
        .route("/config/port-lists/preview", post(port_lists::preview))
        .route("/config/port-lists/{id}", get(port_lists::page).post(port_lists::save))
        .route("/config/port-lists/{id}/inline", post(port_lists::inline))
        .route("/config/port-lists/{id}/clone", get(port_lists::clone_page).post(port_lists::duplicate))
        .route("/config/port-lists/{id}/delete", get(port_lists::delete_page).post(port_lists::delete))
        .route("/config/port-catalog", get(port_catalog::list))
        .route("/config/port-catalog/new", get(port_catalog::new_page).post(port_catalog::create))
        .route("/config/port-catalog/{id}", get(port_catalog::page).post(port_catalog::save))
        .route("/config/port-catalog/{id}/inline", post(port_catalog::inline))
        .route("/config/port-catalog/{id}/clone", get(port_catalog::clone_page).post(port_catalog::duplicate))
        .route("/config/port-catalog/{id}/delete", get(port_catalog::delete_page).post(port_catalog::delete))
        .route("/config/scan-templates", get(templates::list))
        .route("/config/scan-templates/new", get(templates::new_page).post(templates::create))
        .route("/config/scan-templates/summary", post(templates::summary))
        .route("/config/scan-templates/{id}", get(templates::page).post(templates::save))
        .route("/config/scan-templates/{id}/inline", post(templates::inline))
        .route("/config/scan-templates/{id}/clone", get(templates::clone_page).post(templates::duplicate))
        .route("/config/scan-templates/{id}/delete", get(templates::delete_page).post(templates::delete))
        .route("/config/exclusions", get(exclusions::list))
        .route("/config/exclusions/new", get(exclusions::new_page).post(exclusions::create))
        .route("/config/exclusions/{id}", get(exclusions::page).post(exclusions::save))
        .route("/config/exclusions/{id}/disable", get(exclusions::disable_page).post(exclusions::disable))
        .route("/config/exclusions/{id}/enable", post(exclusions::enable))
        .route("/config/exclusions/{id}/clone", get(exclusions::clone_page).post(exclusions::duplicate))
        .route("/config/exclusions/{id}/delete", get(exclusions::delete_page).post(exclusions::delete))
        .merge(blackouts::routes())
}

fn group_routes() -> Router<App> {
    Router::new()
        .route("/config/scanner-groups", get(groups::list::<ScannerGroups>))
        .route(
            "/config/scanner-groups/new",
            get(groups::new_page::<ScannerGroups>).post(groups::create::<ScannerGroups>),
        )
        .route("/config/scanner-groups/{id}", get(groups::page::<ScannerGroups>).post(groups::save::<ScannerGroups>))
        .route("/config/scanner-groups/{id}/inline", post(groups::inline::<ScannerGroups>))
        .route(
            "/config/scanner-groups/{id}/clone",
            get(groups::clone_page::<ScannerGroups>).post(groups::duplicate::<ScannerGroups>),
        )
        .route(
            "/config/scanner-groups/{id}/delete",
            get(groups::delete_page::<ScannerGroups>).post(groups::delete::<ScannerGroups>),
        )
        .route("/config/subnet-groups", get(groups::list::<SubnetGroups>))
        .route("/config/subnet-groups/new", get(groups::new_page::<SubnetGroups>).post(groups::create::<SubnetGroups>))
        .route("/config/subnet-groups/{id}", get(groups::page::<SubnetGroups>).post(groups::save::<SubnetGroups>))
        .route("/config/subnet-groups/{id}/inline", post(groups::inline::<SubnetGroups>))
        .route(
            "/config/subnet-groups/{id}/clone",
            get(groups::clone_page::<SubnetGroups>).post(groups::duplicate::<SubnetGroups>),
        )
        .route(
            "/config/subnet-groups/{id}/delete",
            get(groups::delete_page::<SubnetGroups>).post(groups::delete::<SubnetGroups>),
        )
}

fn port_and_template_group_routes() -> Router<App> {
    Router::new()
        .route("/config/port-list-groups", get(groups::list::<PortListGroups>))
        .route(
            "/config/port-list-groups/new",
            get(groups::new_page::<PortListGroups>).post(groups::create::<PortListGroups>),
        )
        .route(
            "/config/port-list-groups/{id}",
            get(groups::page::<PortListGroups>).post(groups::save::<PortListGroups>),
        )
        .route("/config/port-list-groups/{id}/inline", post(groups::inline::<PortListGroups>))
        .route(
            "/config/port-list-groups/{id}/clone",
            get(groups::clone_page::<PortListGroups>).post(groups::duplicate::<PortListGroups>),
        )
        .route(
            "/config/port-list-groups/{id}/delete",
            get(groups::delete_page::<PortListGroups>).post(groups::delete::<PortListGroups>),
        )
        .route("/config/scan-template-groups", get(groups::list::<TemplateGroups>))
        .route(
            "/config/scan-template-groups/new",
            get(groups::new_page::<TemplateGroups>).post(groups::create::<TemplateGroups>),
        )
        .route(
            "/config/scan-template-groups/{id}",
            get(groups::page::<TemplateGroups>).post(groups::save::<TemplateGroups>),
        )
        .route("/config/scan-template-groups/{id}/inline", post(groups::inline::<TemplateGroups>))
        .route(
            "/config/scan-template-groups/{id}/clone",
            get(groups::clone_page::<TemplateGroups>).post(groups::duplicate::<TemplateGroups>),
        )
        .route(
            "/config/scan-template-groups/{id}/delete",
            get(groups::delete_page::<TemplateGroups>).post(groups::delete::<TemplateGroups>),
        )
}

fn fqdn_routes() -> Router<App> {
    Router::new()
        .route("/config/fqdns", get(fqdns::list))
        .route("/config/fqdns/new", get(fqdns::new_page).post(fqdns::create))
        .route("/config/fqdns/{id}", get(fqdns::page).post(fqdns::save))
        .route("/config/fqdns/{id}/inline", post(fqdns::inline))
        .route("/config/fqdns/{id}/resolve", post(fqdns::resolve))
        .route("/config/fqdns/{id}/clone", get(fqdns::clone_page).post(fqdns::duplicate))
        .route("/config/fqdns/{id}/delete", get(fqdns::delete_page).post(fqdns::delete))
        .route("/config/fqdn-groups", get(groups::list::<FqdnGroups>))
        .route("/config/fqdn-groups/new", get(groups::new_page::<FqdnGroups>).post(groups::create::<FqdnGroups>))
        .route("/config/fqdn-groups/{id}", get(groups::page::<FqdnGroups>).post(groups::save::<FqdnGroups>))
        .route("/config/fqdn-groups/{id}/inline", post(groups::inline::<FqdnGroups>))
        .route(
            "/config/fqdn-groups/{id}/clone",
            get(groups::clone_page::<FqdnGroups>).post(groups::duplicate::<FqdnGroups>),
        )
        .route(
            "/config/fqdn-groups/{id}/delete",
            get(groups::delete_page::<FqdnGroups>).post(groups::delete::<FqdnGroups>),
        )
}

/// The choice between built-in and own objects.
pub(crate) const ORIGINS: &[(&str, &str)] = &[("true", "Built in"), ("false", "Own")];

type Shared = State<App>;

/// What a use case refused, for the form that was sent. What no form can mend becomes an error page.
pub(crate) fn refused(error: AppError) -> Result<Vec<FieldError>, ui::Error> {
    match error {
        AppError::Invalid(errors) => Ok(errors),
        AppError::Conflict { code: "NAME_TAKEN", detail } => Ok(vec![FieldError::new("name", "name_taken", detail)]),
        AppError::Conflict { code, detail } | AppError::Refused { code, detail } => {
            Ok(vec![FieldError::new("", code, detail)])
        }
        AppError::Stale => Ok(vec![FieldError::new(
            "",
            "stale_version",
            "Somebody else changed it after you opened this page. What you typed is kept below; save again to overwrite \
             their change, or open the page anew to see it first.",
        )]),
        other => Err(other.into()),
    }
}

/// The version that a form was made from; a form without one is refused as stale.
pub(crate) fn version(form: &Form) -> i32 {
    form.value("version").parse().unwrap_or_default()
}

/// A number field that means 0 when it is empty.
fn number(form: &Form, name: &str, errors: &mut Vec<FieldError>) -> i64 {
    match form.number::<i64>(name) {
        Ok(value) => value.unwrap_or(0),
        Err(error) => {
            errors.push(error);
            0
        }
    }
}

/// As `datetime-local` writes it.
const MINUTES: &str = "%Y-%m-%dT%H:%M";

/// An instant field; it is UTC, as everything that is shown. Nothing when it is empty.
fn instant(form: &Form, name: &str, errors: &mut Vec<FieldError>) -> Option<DateTime<Utc>> {
    let text = form.filled(name)?;
    match NaiveDateTime::parse_from_str(text, MINUTES) {
        Ok(at) => Some(at.and_utc()),
        Err(_) => {
            let message = format!("“{text}” is not a time; write 2030-12-31T18:00 (UTC).");
            errors.push(FieldError::new(name, "not_a_time", message));
            None
        }
    }
}

/// Ids of ticked boxes; what is no id is refused with its place.
pub(crate) fn ids<T: FromStr>(form: &Form, name: &str, errors: &mut Vec<FieldError>) -> Vec<T> {
    let mut ids = Vec::new();
    for (n, text) in form.all(name).into_iter().enumerate() {
        match text.parse() {
            Ok(id) => ids.push(id),
            Err(_) => {
                let message = format!("“{text}” is no id; choose from the list.");
                errors.push(FieldError::new(format!("{name}[{n}]"), "not_an_id", message));
            }
        }
    }
    ids
}

/// Where to give the password again, when that is needed; afterwards the browser comes back to `next`.
fn step_up(ctx: &Ctx<'_>, next: &str) -> Option<Response> {
    ctx.require_step_up().is_err().then(|| ui::flash::to(&format!("/reauth?next={}", encode(next))))
}

/// A number of addresses as people read it; very large ones as a power of two.
pub(crate) fn addresses(n: impl Borrow<u128>) -> String {
    let n = *n.borrow();
    match i64::try_from(n) {
        Ok(n) if n < 1_000_000_000_000 => ui::show::number(n),
        _ if n.is_power_of_two() => format!("2^{}", n.trailing_zeros()),
        _ => format!("about 2^{}", n.ilog2()),
    }
}

/// Probes per second, where 0 means no limit.
pub(crate) fn rate(value: impl Borrow<i32>) -> String {
    match *value.borrow() {
        0 => "no limit".to_owned(),
        rate => format!("{}/s", ui::show::number(rate)),
    }
}
