//! The form of a schedule: from what is stored, and to what the use cases take.
use mipo_app::FieldError;
use mipo_app::schedules::{Schedule, TimingInput};
use uuid::Uuid;

use crate::ui::config::ids;
use crate::ui::forms::Form;

/// What happens beside a run that has not ended.
pub const OVERLAPS: &[(&str, &str)] =
    &[("skip", "Leave the new run out"), ("queue", "Start it when the last one has ended"), ("parallel", "Run both")];

/// A new schedule as it is offered.
pub fn blank() -> Form {
    Form::new()
        .with("type", "daily")
        .with("hour", "2")
        .with("minute", "0")
        .with("dayOfWeek", "1")
        .with("dayOfMonth", "1")
        .with("cronExpression", "0 2 * * *")
        .with("timezone", "UTC")
        .with("jitterMinutes", "0")
        .with("overlapPolicy", "skip")
        .with("catchUpMinutes", "60")
}

/// What is stored; fields of other types show what they would begin with.
pub fn of(schedule: &Schedule) -> Form {
    let timing = &schedule.timing;
    let mut form = blank()
        .set("name", schedule.name.clone())
        .set("description", schedule.description.clone())
        .set("type", timing.kind.clone())
        .set("timezone", timing.timezone.clone())
        .set("jitterMinutes", timing.jitter_minutes.to_string())
        .set("overlapPolicy", schedule.overlap_policy.clone())
        .set("catchUpMinutes", schedule.catch_up_minutes.to_string());
    for (name, value) in [
        ("hour", timing.hour),
        ("minute", timing.minute),
        ("dayOfWeek", timing.day_of_week),
        ("dayOfMonth", timing.day_of_month),
    ] {
        if let Some(value) = value {
            form = form.set(name, value.to_string());
        }
    }
    if let Some(expression) = &timing.cron_expression {
        form = form.set("cronExpression", expression.clone());
    }
    for template in schedule.templates.iter() {
        form = form.with("templateIds", template.id.to_string());
    }
    for group in schedule.template_groups.iter() {
        form = form.with("templateGroupIds", group.id.to_string());
    }
    form
}

/// The timing that was typed: of the fields only those that its type has, as only they are shown.
pub fn timing(form: &Form, errors: &mut Vec<FieldError>) -> TimingInput {
    let kind = form.value("type").to_owned();
    let mut number = |name: &str, kinds: &[&str]| {
        if !kinds.contains(&kind.as_str()) {
            return None;
        }
        form.number::<i64>(name).unwrap_or_else(|error| {
            errors.push(error);
            None
        })
    };
    TimingInput {
        minute: number("minute", &["hourly", "daily", "weekly", "monthly"]),
        hour: number("hour", &["daily", "weekly", "monthly"]),
        day_of_week: number("dayOfWeek", &["weekly"]),
        day_of_month: number("dayOfMonth", &["monthly"]),
        jitter_minutes: number("jitterMinutes", &["hourly", "daily", "weekly", "monthly", "cron"]),
        cron_expression: (kind == "cron").then(|| form.value("cronExpression").to_owned()),
        timezone: form.filled("timezone").map(str::to_owned),
        kind: Some(kind),
    }
}

/// The minutes to catch up that were typed.
pub fn catch_up(form: &Form, errors: &mut Vec<FieldError>) -> Option<i64> {
    form.number("catchUpMinutes").unwrap_or_else(|error| {
        errors.push(error);
        None
    })
}

/// The templates that were ticked.
pub fn templates(form: &Form, errors: &mut Vec<FieldError>) -> Vec<Uuid> {
    ids(form, "templateIds", errors)
}

/// The template groups that were ticked.
pub fn template_groups(form: &Form, errors: &mut Vec<FieldError>) -> Vec<Uuid> {
    ids(form, "templateGroupIds", errors)
}
