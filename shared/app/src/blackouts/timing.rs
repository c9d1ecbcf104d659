//! When a blackout window holds: what is typed, checked against its type.
use chrono::{DateTime, NaiveTime, Timelike as _, Utc};
use mipo_domain::calendar::{self, LONGEST_MINUTES, UTC, Window};
use mipo_store::config::blackouts::Timing;

use crate::AppError;
use crate::fields::{Checks, sentence};

/// The types.
pub const KINDS: &[&str] = &["once", "weekly"];

/// When a blackout window holds, as it was typed; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimingInput {
    /// `once` or `weekly`.
    pub kind: Option<String>,
    /// Its begin, if once.
    pub from: Option<DateTime<Utc>>,
    /// Its end, if once.
    pub to: Option<DateTime<Utc>>,
    /// 0–6, 0 = Sunday, if weekly.
    pub days: Option<Vec<i64>>,
    /// `HH:MM`, if weekly.
    pub start: Option<String>,
    /// 1–1440, if weekly.
    pub duration_minutes: Option<i64>,
    /// An IANA name.
    pub timezone: Option<String>,
}

/// The type of a stored timing.
pub const fn kind(timing: &Timing) -> &'static str {
    if timing.once_from.is_some() { KINDS[0] } else { KINDS[1] }
}

/// Reads `input` as a change of `before`; refusals are added to `checks`.
pub(super) fn read(checks: &mut Checks, input: &TimingInput, before: Option<&Timing>) -> Option<Timing> {
    let given = input.kind.as_deref().or(before.map(kind)).unwrap_or(KINDS[1]);
    if !KINDS.contains(&given) {
        checks.refuse("type", "unknown", format!("Choose one of {}; “{given}” is none.", KINDS.join(", ")));
        return None;
    }
    let zone = input.timezone.as_deref().or(before.map(|before| before.timezone.as_str())).unwrap_or("UTC").trim();
    let timezone = match calendar::zone(zone) {
        Ok(zone) => zone.name().to_owned(),
        Err(error) => {
            checks.refuse("timezone", "unknown", sentence(&error.to_string()));
            "UTC".to_owned()
        }
    };
    let kept = before.filter(|before| kind(before) == given);
    let none = Timing {
        once_from: None,
        once_to: None,
        weekly_days: None,
        weekly_start: None,
        weekly_minutes: None,
        timezone,
    };
    if given == KINDS[0] { once(checks, input, kept, none) } else { weekly(checks, input, kept, none) }
}

fn foreign(checks: &mut Checks, kind: &str, fields: &[(&str, bool)]) {
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        checks.refuse(*field, "not_of_type", format!("A window of the type {kind} has no {field}; leave it out."));
    }
}

fn once(checks: &mut Checks, input: &TimingInput, kept: Option<&Timing>, none: Timing) -> Option<Timing> {
    let others = [
        ("days", input.days.is_some()),
        ("start", input.start.is_some()),
        ("durationMinutes", input.duration_minutes.is_some()),
    ];
    foreign(checks, KINDS[0], &others);
    let from = input.from.or_else(|| kept?.once_from);
    let to = input.to.or_else(|| kept?.once_to);
    for (field, value) in [("from", from), ("to", to)] {
        if value.is_none() {
            checks.refuse(field, "required", "A window that holds once needs its begin and its end.");
        }
    }
    let (from, to) = (from?, to?);
    if to <= from {
        checks.refuse("to", "order", "The end has to be later than the begin.");
    }
    Some(Timing { once_from: Some(from), once_to: Some(to), ..none })
}

fn weekly(checks: &mut Checks, input: &TimingInput, kept: Option<&Timing>, none: Timing) -> Option<Timing> {
    foreign(checks, KINDS[1], &[("from", input.from.is_some()), ("to", input.to.is_some())]);
    let days = match &input.days {
        Some(days) => days_of(checks, days),
        None => kept.and_then(|kept| kept.weekly_days.clone()).unwrap_or_default(),
    };
    if days.is_empty() {
        checks.refuse("days", "required", "Choose at least one day of the week on which it begins.");
    }
    let start = match &input.start {
        Some(text) => start_of(checks, text),
        None => kept.and_then(|kept| kept.weekly_start),
    };
    if start.is_none() && input.start.is_none() {
        checks.refuse("start", "required", "A time of day is needed, such as 08:00.");
    }
    let minutes = match input.duration_minutes {
        Some(minutes) => Some(checks.count("durationMinutes", minutes, 1, LONGEST_MINUTES.into())),
        None => kept.and_then(|kept| kept.weekly_minutes),
    };
    if minutes.is_none() {
        checks.refuse("durationMinutes", "required", "Say how long it lasts: 1 to 1440 minutes.");
    }
    Some(Timing { weekly_days: Some(days), weekly_start: Some(start?), weekly_minutes: Some(minutes?), ..none })
}

fn days_of(checks: &mut Checks, given: &[i64]) -> Vec<i32> {
    let mut days = Vec::new();
    for (index, day) in given.iter().enumerate() {
        let day = checks.count(&format!("days[{index}]"), *day, 0, 6);
        if !days.contains(&day) {
            days.push(day);
        }
    }
    days.sort_unstable();
    days
}

fn start_of(checks: &mut Checks, text: &str) -> Option<NaiveTime> {
    let time = NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    if time.is_none() {
        checks.refuse("start", "not_a_time", format!("“{}” is not a time of day; write 08:00.", text.trim()));
    }
    time
}

/// The window of a stored timing. A zone that this build does not know any more is an error of its own.
pub fn window(timing: &Timing) -> Result<Window, AppError> {
    if let (Some(from), Some(to)) = (timing.once_from, timing.once_to) {
        return Ok(Window::Once { from, to });
    }
    let zone = calendar::zone(&timing.timezone).map_err(|error| AppError::Internal(error.to_string()))?;
    let days = timing.weekly_days.iter().flatten().map(|day| day.unsigned_abs()).collect();
    let start = timing.weekly_start.unwrap_or(NaiveTime::MIN);
    let start = NaiveTime::from_hms_opt(start.hour(), start.minute(), 0).unwrap_or(start);
    Ok(Window::Weekly { days, start, minutes: timing.weekly_minutes.unwrap_or(1).unsigned_abs(), zone })
}

/// Every day around the clock.
pub(super) fn always() -> Window {
    Window::Weekly { days: (0..7).collect(), start: NaiveTime::MIN, minutes: LONGEST_MINUTES, zone: UTC }
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

    fn office() -> TimingInput {
        TimingInput {
            days: Some(vec![1, 2, 3]),
            start: Some("08:00".to_owned()),
            duration_minutes: Some(600),
            ..TimingInput::default()
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn what_is_wrong_is_named() {
        let once = |from: Option<&str>, to: Option<&str>| TimingInput {
            kind: Some("once".to_owned()),
            from: from.map(at),
            to: to.map(at),
            ..TimingInput::default()
        };
        let late = "2030-01-01T00:00:00Z";
        for (input, field, code) in [
            (TimingInput { kind: Some("yearly".to_owned()), ..office() }, "type", "unknown"),
            (TimingInput { days: Some(vec![]), ..office() }, "days", "required"),
            (TimingInput { days: Some(vec![7]), ..office() }, "days[0]", "range"),
            (TimingInput { start: None, ..office() }, "start", "required"),
            (TimingInput { start: Some("8 pm".to_owned()), ..office() }, "start", "not_a_time"),
            (TimingInput { duration_minutes: None, ..office() }, "durationMinutes", "required"),
            (TimingInput { duration_minutes: Some(1441), ..office() }, "durationMinutes", "range"),
            (TimingInput { timezone: Some("Europe/Atlantis".to_owned()), ..office() }, "timezone", "unknown"),
            (TimingInput { to: Some(at(late)), ..office() }, "to", "not_of_type"),
            (once(None, Some(late)), "from", "required"),
            (once(Some(late), None), "to", "required"),
            (once(Some(late), Some(late)), "to", "order"),
            (
                TimingInput { start: office().start, ..once(Some("2029-01-01T00:00:00Z"), Some(late)) },
                "start",
                "not_of_type",
            ),
        ] {
            assert_eq!(refusals(&input, None), [(field.to_owned(), code)], "{input:?}");
        }
    }

    #[test]
    fn another_type_forgets_the_fields_of_the_last() {
        let weekly = read(&mut Checks::new(), &office(), None).expect("is good");
        assert_eq!(window(&weekly).expect("is one").in_words(), "Monday to Wednesday from 08:00 to 18:00 (UTC)");
        let later = TimingInput { start: Some("09:30".to_owned()), ..TimingInput::default() };
        let later = read(&mut Checks::new(), &later, Some(&weekly)).expect("is good");
        assert_eq!(later.weekly_minutes, Some(600));
        let once = TimingInput { kind: Some("once".to_owned()), ..TimingInput::default() };
        assert_eq!(refusals(&once, Some(&weekly)).len(), 2, "begin and end");
    }
}
