//! The form of a blackout window: from what is stored, and to what the use cases take.
use mipo_app::FieldError;
use mipo_app::blackouts::{self, Blackout, ScopeInput, TimingInput};

use crate::ui::config::{MINUTES, ids, instant};
use crate::ui::forms::Form;

/// The types, with their words.
pub const KINDS: &[(&str, &str)] = &[("weekly", "Every week"), ("once", "Once")];

/// A new window as it is offered.
pub fn blank() -> Form {
    Form::new().with("type", "weekly").with("start", "08:00").with("durationMinutes", "10:00").with("timezone", "UTC")
}

/// What is stored; fields of the other type show what they would begin with.
pub fn of(blackout: &Blackout) -> Form {
    let timing = &blackout.timing;
    let mut form = blank()
        .set("name", blackout.name.clone())
        .set("reason", blackout.reason.clone())
        .set("type", blackouts::kind(timing))
        .set("timezone", timing.timezone.clone());
    if blackout.scope_all {
        form = form.set("all", "true");
    }
    for (name, rows) in [
        ("subnetIds", &blackout.subnets),
        ("subnetGroupIds", &blackout.subnet_groups),
        ("scannerIds", &blackout.scanners),
    ] {
        for row in rows.iter() {
            form = form.with(name, row.id.to_string());
        }
    }
    for (name, at) in [("from", timing.once_from), ("to", timing.once_to)] {
        if let Some(at) = at {
            form = form.set(name, at.format(MINUTES).to_string());
        }
    }
    for day in timing.weekly_days.iter().flatten() {
        form = form.with("days", day.to_string());
    }
    if let Some(start) = timing.weekly_start {
        form = form.set("start", start.format("%H:%M").to_string());
    }
    if let Some(minutes) = timing.weekly_minutes {
        form = form.set("durationMinutes", format!("{:02}:{:02}", minutes / 60, minutes % 60));
    }
    form
}

/// Whom it holds, as it was ticked. Of everything, nobody is named: those boxes are hidden then.
pub fn scope(form: &Form, errors: &mut Vec<FieldError>) -> ScopeInput {
    let all = form.ticked("all", "true");
    let mut chosen = |name: &str| Some(if all { Vec::new() } else { ids(form, name, errors) });
    ScopeInput {
        subnets: chosen("subnetIds"),
        subnet_groups: chosen("subnetGroupIds"),
        scanners: chosen("scannerIds"),
        all: Some(all),
    }
}

/// When it holds, as it was typed: of the fields only those of its type, as only they are shown.
pub fn timing(form: &Form, errors: &mut Vec<FieldError>) -> TimingInput {
    let kind = form.value("type").to_owned();
    let timezone = form.filled("timezone").map(str::to_owned);
    if kind == "once" {
        let (from, to) = (instant(form, "from", errors), instant(form, "to", errors));
        return TimingInput { kind: Some(kind), from, to, timezone, ..TimingInput::default() };
    }
    TimingInput {
        days: Some(form.all("days").into_iter().map(|day| day.parse().unwrap_or(-1)).collect()),
        start: form.filled("start").map(str::to_owned),
        duration_minutes: duration(form, errors),
        kind: Some(kind),
        timezone,
        ..TimingInput::default()
    }
}

/// `10:00` or `24:00`.
fn duration(form: &Form, errors: &mut Vec<FieldError>) -> Option<i64> {
    let text = form.filled("durationMinutes")?;
    let read = text.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
        (minutes < 60 && (hours < 24 || (hours, minutes) == (24, 0))).then_some(i64::from(hours * 60 + minutes))
    });
    if read.is_none() {
        let message = format!("“{text}” is no duration; write hours and minutes, such as 10:00, at most 24:00.");
        errors.push(FieldError::new("durationMinutes", "not_a_duration", message));
    }
    read.or(Some(1))
}
