//! When a schedule runs: what is typed, checked against its type.
use mipo_domain::calendar::{self, Calendar, Pattern, Timetable};
use mipo_domain::ids::ScheduleId;
use mipo_store::config::schedules::Timing;

use crate::AppError;
use crate::fields::{Checks, sentence};

/// The types, with the fields that each has.
const KINDS: &[(&str, &[&str])] = &[
    ("hourly", &["minute"]),
    ("daily", &["hour", "minute"]),
    ("weekly", &["dayOfWeek", "hour", "minute"]),
    ("monthly", &["dayOfMonth", "hour", "minute"]),
    ("cron", &["cronExpression"]),
];
/// Longest expression.
const EXPRESSION_MAX: usize = 200;
/// Without anything said: every day at 02:00.
const DEFAULT_KIND: &str = "daily";
const DEFAULT_HOUR: i32 = 2;
const DEFAULT_EXPRESSION: &str = "0 2 * * *";
/// Monday, and the first.
const DEFAULT_DAY: i32 = 1;

/// When a schedule runs, as it was typed; what is left out stays as it is, or is the default of its type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimingInput {
    /// `hourly`, `daily`, `weekly`, `monthly` or `cron`.
    pub kind: Option<String>,
    /// 0–59
    pub minute: Option<i64>,
    /// 0–23
    pub hour: Option<i64>,
    /// 0–6, 0 = Sunday
    pub day_of_week: Option<i64>,
    /// 1–31
    pub day_of_month: Option<i64>,
    /// Five fields.
    pub cron_expression: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// 0–1440
    pub jitter_minutes: Option<i64>,
}

impl TimingInput {
    /// With the defaults of its type where nothing is said. A type that is none stays as it is.
    pub fn filled(mut self) -> Self {
        let kind = self.kind.as_deref().unwrap_or(DEFAULT_KIND);
        let fields = KINDS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, fields)| fields);
        let has = |field: &str| fields.contains(&field);
        self.minute = self.minute.or_else(|| has("minute").then_some(0));
        self.hour = self.hour.or_else(|| has("hour").then_some(DEFAULT_HOUR.into()));
        self.day_of_week = self.day_of_week.or_else(|| has("dayOfWeek").then_some(DEFAULT_DAY.into()));
        self.day_of_month = self.day_of_month.or_else(|| has("dayOfMonth").then_some(DEFAULT_DAY.into()));
        let expression = has("cronExpression").then(|| DEFAULT_EXPRESSION.to_owned());
        self.cron_expression = self.cron_expression.or(expression);
        self
    }
}

/// Reads `input` as a change of `before`; refusals are added to `checks`.
pub(super) fn read(checks: &mut Checks, input: &TimingInput, before: Option<&Timing>) -> Option<Timing> {
    let kind = input.kind.as_deref().or(before.map(|before| before.kind.as_str())).unwrap_or(DEFAULT_KIND);
    let Some((kind, fields)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<_> = KINDS.iter().map(|(known, _)| *known).collect();
        checks.refuse("type", "unknown", format!("Choose one of {}; “{kind}” is none.", known.join(", ")));
        return None;
    };
    // The hour of a daily schedule is none of what a cron one was.
    let kept = before.filter(|before| before.kind == *kind);
    let mut number = |field: &str, given: Option<i64>, kept: Option<i32>, otherwise: i32, (min, max): (i64, i64)| {
        if !fields.contains(&field) {
            if given.is_some() {
                checks.refuse(field, "not_of_type", format!("A {kind} schedule has no {field}; leave it out."));
            }
            return None;
        }
        Some(match given {
            Some(value) => checks.count(field, value, min, max),
            None => kept.unwrap_or(otherwise),
        })
    };
    let minute = number("minute", input.minute, kept.and_then(|kept| kept.minute), 0, (0, 59));
    let hour = number("hour", input.hour, kept.and_then(|kept| kept.hour), DEFAULT_HOUR, (0, 23));
    let day_of_week =
        number("dayOfWeek", input.day_of_week, kept.and_then(|kept| kept.day_of_week), DEFAULT_DAY, (0, 6));
    let day_of_month =
        number("dayOfMonth", input.day_of_month, kept.and_then(|kept| kept.day_of_month), DEFAULT_DAY, (1, 31));
    let jitter = input.jitter_minutes.unwrap_or_else(|| before.map_or(0, |before| before.jitter_minutes.into()));
    let timing = Timing {
        kind: (*kind).to_owned(),
        minute,
        hour,
        day_of_week,
        day_of_month,
        cron_expression: expression(checks, kind, input, kept),
        timezone: zone(checks, input, before),
        jitter_minutes: checks.count("jitterMinutes", jitter, 0, 1440),
    };
    if let Some(expression) = &timing.cron_expression
        && let Err(error) = Calendar::utc(expression)
    {
        checks.refuse("cronExpression", "bad_cron", sentence(&format!("{}: {}", error.field, error.message)));
        return None;
    }
    Some(timing)
}

fn expression(checks: &mut Checks, kind: &str, input: &TimingInput, kept: Option<&Timing>) -> Option<String> {
    if kind != "cron" {
        if input.cron_expression.is_some() {
            let message = format!("A {kind} schedule has no cronExpression; leave it out, or choose the type cron.");
            checks.refuse("cronExpression", "not_of_type", message);
        }
        return None;
    }
    let text = match &input.cron_expression {
        Some(text) => checks.text("cronExpression", text, EXPRESSION_MAX),
        None => kept.and_then(|kept| kept.cron_expression.clone()).unwrap_or_else(|| DEFAULT_EXPRESSION.to_owned()),
    };
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn zone(checks: &mut Checks, input: &TimingInput, before: Option<&Timing>) -> String {
    let name = input.timezone.as_deref().or(before.map(|before| before.timezone.as_str())).unwrap_or("UTC").trim();
    match calendar::zone(name) {
        Ok(zone) => zone.name().to_owned(),
        Err(error) => {
            checks.refuse("timezone", "unknown", sentence(&error.to_string()));
            "UTC".to_owned()
        }
    }
}

fn pattern(timing: &Timing) -> Pattern {
    let number = |value: Option<i32>| value.unwrap_or_default().unsigned_abs();
    let (minute, hour) = (number(timing.minute), number(timing.hour));
    match timing.kind.as_str() {
        "hourly" => Pattern::Hourly { minute },
        "weekly" => Pattern::Weekly { weekday: number(timing.day_of_week), hour, minute },
        "monthly" => Pattern::Monthly { day: number(timing.day_of_month), hour, minute },
        "cron" => Pattern::Cron(timing.cron_expression.clone().unwrap_or_default()),
        _ => Pattern::Daily { hour, minute },
    }
}

/// The runs of a stored schedule. A zone that this build does not know any more is an error of its own.
pub(super) fn timetable(id: ScheduleId, timing: &Timing) -> Result<Timetable, AppError> {
    let unreadable = |error: String| AppError::Internal(format!("the timing of schedule {id}: {error}"));
    let zone = calendar::zone(&timing.timezone).map_err(|error| unreadable(error.to_string()))?;
    let calendar = Calendar::new(&pattern(timing), zone).map_err(|error| unreadable(error.to_string()))?;
    Ok(Timetable::new(calendar, id, timing.jitter_minutes.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(input: &TimingInput, before: Option<&Timing>) -> Vec<(String, &'static str)> {
        let mut checks = Checks::new();
        read(&mut checks, input, before);
        match checks.done() {
            Err(AppError::Invalid(errors)) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
            _ => Vec::new(),
        }
    }

    fn stored(input: &TimingInput, before: Option<&Timing>) -> Timing {
        read(&mut Checks::new(), input, before).expect("is good")
    }

    #[test]
    fn nothing_said_is_every_day_at_two() {
        let timing = stored(&TimingInput::default(), None);
        assert_eq!((timing.kind.as_str(), timing.hour, timing.minute), ("daily", Some(2), Some(0)));
        assert_eq!((timing.timezone.as_str(), timing.jitter_minutes), ("UTC", 0));
    }

    #[test]
    fn another_type_forgets_the_fields_of_the_last() {
        let daily = stored(&TimingInput { hour: Some(5), ..TimingInput::default() }, None);
        let weekly = TimingInput { kind: Some("weekly".to_owned()), day_of_week: Some(0), ..TimingInput::default() };
        let weekly = stored(&weekly, Some(&daily));
        assert_eq!((weekly.hour, weekly.day_of_week), (Some(2), Some(0)));
        let cron = TimingInput { kind: Some("cron".to_owned()), ..TimingInput::default() };
        let cron = stored(&cron, Some(&weekly));
        assert_eq!((cron.hour, cron.cron_expression.as_deref()), (None, Some("0 2 * * *")));
        let later = stored(&TimingInput { minute: Some(30), ..TimingInput::default() }, Some(&daily));
        assert_eq!((later.hour, later.minute), (Some(5), Some(30)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let kind = |kind: &str| TimingInput { kind: Some(kind.to_owned()), ..TimingInput::default() };
        let cron = |text: &str| TimingInput { cron_expression: Some(text.to_owned()), ..kind("cron") };
        let zone = TimingInput { timezone: Some("Europe/Atlantis".to_owned()), ..TimingInput::default() };
        for (input, field, code) in [
            (kind("yearly"), "type", "unknown"),
            (TimingInput { hour: Some(24), ..TimingInput::default() }, "hour", "range"),
            (TimingInput { minute: Some(-1), ..kind("hourly") }, "minute", "range"),
            (TimingInput { hour: Some(1), ..kind("hourly") }, "hour", "not_of_type"),
            (TimingInput { day_of_month: Some(0), ..kind("monthly") }, "dayOfMonth", "range"),
            (TimingInput { day_of_week: Some(7), ..kind("weekly") }, "dayOfWeek", "range"),
            (
                TimingInput { cron_expression: Some("* * * * *".to_owned()), ..kind("daily") },
                "cronExpression",
                "not_of_type",
            ),
            (cron("0 2 30 2 *"), "cronExpression", "bad_cron"),
            (cron("0 2 * *"), "cronExpression", "bad_cron"),
            (cron("61 2 * * *"), "cronExpression", "bad_cron"),
            (zone, "timezone", "unknown"),
            (TimingInput { jitter_minutes: Some(1441), ..TimingInput::default() }, "jitterMinutes", "range"),
        ] {
            assert_eq!(refusals(&input, None), [(field.to_owned(), code)], "{input:?}");
        }
    }
}
