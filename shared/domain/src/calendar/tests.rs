use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn calendar(expression: &str, name: &str) -> Calendar {
    Calendar::new(&Pattern::Cron(expression.to_owned()), zone(name).expect("a zone")).expect("an expression")
}

fn next(expression: &str, name: &str, after: &str) -> String {
    let next = calendar(expression, name).next_after(at(after)).expect("occurs");
    next.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[test]
fn runs_when_unix_would() {
    assert_eq!(next("0 2 * * *", "UTC", "2026-03-01T02:00:00Z"), "2026-03-02T02:00:00Z");
    assert_eq!(next("*/15 * * * *", "UTC", "2026-03-01T02:46:10Z"), "2026-03-01T03:00:00Z");
    assert_eq!(next("0 0 * * 0", "UTC", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
    assert_eq!(next("0 0 * * 7", "UTC", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
    assert_eq!(next("0 0 * * sun", "UTC", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
    assert_eq!(next("0 0 13 * 5", "UTC", "2026-03-01T00:00:00Z"), "2026-03-06T00:00:00Z", "either matches");
    assert_eq!(next("0 0 13 * *", "UTC", "2026-03-01T00:00:00Z"), "2026-03-13T00:00:00Z");
    assert_eq!(next("0 0 31 * *", "UTC", "2026-03-31T00:00:00Z"), "2026-05-31T00:00:00Z", "no 31st in April");
    assert_eq!(next("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00Z");
    assert_eq!(next("30 1-5/2 * jan,Jul mon-fri", "UTC", "2026-06-30T23:00:00Z"), "2026-07-01T01:30:00Z");
    assert_eq!(next("0 2 * * *", "Asia/Kolkata", "2026-03-01T00:00:00Z"), "2026-03-01T20:30:00Z");
}

#[test]
fn a_skipped_time_runs_after_the_gap_and_a_repeated_one_once() {
    // 2026-03-29 02:00 → 03:00 and 2026-10-25 03:00 → 02:00 in Berlin.
    assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00Z");
    assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00Z");
    assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
    assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    // Samoa skipped the whole of 2011-12-30.
    assert_eq!(next("0 12 30 12 *", "Pacific/Apia", "2011-12-28T00:00:00Z"), "2011-12-30T10:00:00Z");
}

#[test]
fn says_which_field_is_wrong() {
    for (expression, field) in [
        ("* * * *", "expression"),
        ("", "expression"),
        ("0 0 * * * *", "expression"),
        ("60 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("5/10 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("10-5 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 0 * *", "day of month"),
        ("0 0 L * *", "day of month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * foo *", "month"),
        ("0 0 * * 8", "day of week"),
        ("0 0 ? * 1", "day of month"),
        ("0 0 1, * *", "day of month"),
        ("0 0 30 2 *", "expression"),
    ] {
        assert_eq!(Calendar::utc(expression).expect_err(expression).field, field, "{expression}");
    }
    assert!(zone("Mars/Olympus").is_err());
}

#[test]
fn simple_types_are_expressions() {
    assert_eq!(Pattern::Hourly { minute: 5 }.expression(), "5 * * * *");
    assert_eq!(Pattern::Daily { hour: 2, minute: 0 }.expression(), "0 2 * * *");
    assert_eq!(Pattern::Weekly { weekday: 0, hour: 2, minute: 0 }.expression(), "0 2 * * 0");
    assert_eq!(Pattern::Monthly { day: 31, hour: 2, minute: 0 }.expression(), "0 2 31 * *");
}

#[test]
fn words_say_what_fields_mean() {
    for (expression, words) in [
        ("* * * * *", "every minute (UTC)"),
        ("*/5 * * * *", "every 5 minutes (UTC)"),
        ("7 * * * *", "every hour at minute 7 (UTC)"),
        ("0 2 * * *", "every day at 02:00 (UTC)"),
        ("0 2,14 * * *", "every day at 02:00 and 14:00 (UTC)"),
        ("30 4 * * 1-5", "at 04:30 on Monday, Tuesday, Wednesday, Thursday and Friday (UTC)"),
        ("0 2 1 * *", "at 02:00 on day 1 of the month (UTC)"),
        ("0 2 1 jan *", "at 02:00 on day 1 of the month in Jan (UTC)"),
        ("0 2 13 * 5", "at 02:00 on day 13 of the month and on Friday (UTC)"),
    ] {
        assert_eq!(Calendar::utc(expression).expect("good").in_words(), words, "{expression}");
    }
}

#[test]
fn each_run_has_its_own_offset_within_the_jitter() {
    let schedule: ScheduleId = "018f0000-0000-7000-8000-000000000001".parse().expect("an id");
    assert_eq!(jitter_offset(schedule, at("2026-01-01T02:00:00Z"), 0), Duration::zero());
    // SHA-256 of the 16 bytes of the id and the text of the time; first 8 bytes, modulo 3601.
    assert_eq!(jitter_offset(schedule, at("2026-01-01T02:00:00Z"), 60).num_seconds(), 3179);
    let offsets: BTreeSet<i64> = (1..28)
        .map(|day| jitter_offset(schedule, at(&format!("2026-01-{day:02}T02:00:00Z")), 60).num_seconds())
        .collect();
    assert!(offsets.len() > 20 && offsets.iter().all(|offset| (0..=3600).contains(offset)));
}

/// Every instant at which it runs between two, by looking at each minute: the model.
fn naive(calendar: &Calendar, from: DateTime<Utc>, to: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
    let runs = |local: NaiveDateTime| {
        calendar.cron().matches_date(local.date()) && calendar.cron().times().any(|time| time == local.time())
    };
    let local = |instant: DateTime<Utc>| instant.with_timezone(&calendar.zone()).naive_local();
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut instant = from - Duration::days(2);
    while instant <= to {
        let here = local(instant);
        let mut due = seen.insert(here) && runs(here);
        let mut skipped = local(instant - Duration::minutes(1)) + Duration::minutes(1);
        while skipped < here {
            due |= runs(skipped);
            skipped += Duration::minutes(1);
        }
        if due && instant > from {
            found.insert(instant);
        }
        instant += Duration::minutes(1);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_looking_at_every_minute(
        minute in prop_oneof![Just("*/20".to_owned()), (0_u32..60).prop_map(|m| m.to_string())],
        hour in prop_oneof![Just("*".to_owned()), (0_u32..5).prop_map(|h| h.to_string())],
        day in prop_oneof![Just("*".to_owned()), (24_u32..31).prop_map(|d| d.to_string())],
        weekday in prop_oneof![Just("*".to_owned()), (0_u32..8).prop_map(|d| d.to_string())],
        place in prop_oneof![
            Just(("Europe/Berlin", "2026-03-28T20:17:00Z")),
            Just(("Europe/Berlin", "2026-10-24T20:17:00Z")),
            Just(("America/New_York", "2026-11-01T01:00:00Z")),
            Just(("Australia/Lord_Howe", "2026-10-03T10:00:00Z")),
            Just(("UTC", "2026-03-28T20:17:00Z")),
        ],
    ) {
        let calendar = calendar(&format!("{minute} {hour} {day} * {weekday}"), place.0);
        let (from, to) = (at(place.1), at(place.1) + Duration::hours(40));
        let expected = naive(&calendar, from, to);
        let found: BTreeSet<_> = calendar.upcoming(from, 400).into_iter().take_while(|at| *at <= to).collect();
        prop_assert_eq!(&found, &expected);
        if let Some(last) = expected.last() {
            prop_assert_eq!(calendar.latest_at(to), Some(*last));
        }
        for run in &expected {
            prop_assert_eq!(calendar.latest_at(*run), Some(*run));
        }
    }
}
