use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    // Everything that a value may hold, with what has a meaning more often than chance would have it.
    prop_oneof![
        "[a-z]{1,8}",
        proptest::collection::vec(
            prop_oneof![Just('"'), Just('\\'), Just(','), Just(' '), Just(':'), Just('-'), Just('='), any::<char>()],
            1..12
        )
        .prop_map(|chars| chars.into_iter().filter(|c| *c != '\0').collect::<String>())
        .prop_filter("a value is not empty", |text| !text.is_empty()),
    ]
}

fn some<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(one, 1..4)
}

fn id() -> impl Strategy<Value = String> {
    (any::<u128>(), ID_PREFIX..=36).prop_map(|(n, length)| uuid::Uuid::from_u128(n).to_string()[..length].to_owned())
}

fn age() -> impl Strategy<Value = Age> {
    let unit = prop_oneof![Just(Unit::Seconds), Just(Unit::Minutes), Just(Unit::Hours), Just(Unit::Days)];
    (0..3000_u32, unit).prop_map(|(count, unit)| Age { count, unit })
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        some("[a-z_]{1,9}").prop_map(Test::Queue),
        some("[a-z_0-9]{1,9}").prop_map(Test::Kind),
        some(proptest::sample::select(&Shown::ALL[..])).prop_map(Test::Status),
        some(text()).prop_map(Test::Error),
        some(text()).prop_map(Test::Fingerprint),
        (any::<bool>(), age())
            .prop_map(|(older, age)| Test::Age(if older { Compare::Older } else { Compare::Younger }, age)),
        some(id()).prop_map(Test::Id),
        some(text()).prop_map(Test::Worker),
        (some("[A-Za-z0-9_]{1,6}"), text()).prop_map(|(path, value)| Test::Payload(PayloadTest { path, value })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(terms in proptest::collection::vec((any::<bool>(), test()), 0..6)) {
        let filter = Filter { terms: terms.into_iter().map(|(not, test)| Term { not, test }).collect() };
        let written = filter.to_string();
        prop_assume!(written.chars().count() <= 8000);
        prop_assert_eq!(written.parse::<Filter>().expect("reads its own text"), filter);
    }

    #[test]
    fn any_text_is_read_or_refused_by_its_tokens(text in "\\PC{0,80}") {
        match text.parse::<Filter>() {
            Ok(filter) => prop_assert_eq!(filter.to_string().parse::<Filter>().expect("reads"), filter),
            Err(BadFilter(bad)) => {
                prop_assert!(!bad.is_empty());
                for token in bad {
                    let there: String = text.chars().skip(token.position - 1).take(token.token.chars().count()).collect();
                    prop_assert_eq!(&there, &token.token, "position {}", token.position);
                    prop_assert!(!token.reason.is_empty());
                }
            }
        }
    }
}

#[test]
fn a_filter_reads_as_people_write_it() {
    let filter: Filter = r#"queue:results,conclude  state:dead -kind:plan_scan error:"no route, today" age:>10m
        id:01938F00-1234 worker:dispatcher-1 payload:scanId=12"#
        .parse()
        .expect("reads");
    assert_eq!(
        filter.to_string(),
        r#"queue:results,conclude status:dead -kind:plan_scan error:"no route, today" age:>10m id:01938f00-1234 worker:dispatcher-1 payload:scanId=12"#
    );
    assert_eq!(filter.states(), [Shown::Dead]);
    assert!("".parse::<Filter>().expect("reads").terms.is_empty());
    assert_eq!("-status:done,dead status:done,ready".parse::<Filter>().expect("reads").states(), [Shown::Ready]);
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let text = "kind:plan_scan dead colour:red status:dad age:10m id:12 queue: error:\"open payload:x";
    let BadFilter(bad) = text.parse::<Filter>().expect_err("refused");
    let found: Vec<_> = bad.iter().map(|bad| (bad.token.as_str(), bad.position, bad.code)).collect();
    assert_eq!(
        found,
        [
            ("dead", 16, "no_key"),
            ("colour:red", 21, "unknown_key"),
            ("status:dad", 32, "unknown_state"),
            ("age:10m", 43, "not_an_age"),
            ("id:12", 51, "not_an_id"),
            ("queue:", 57, "empty"),
            ("error:\"open payload:x", 64, "open_quote"),
        ]
    );
    assert!(bad[2].reason.contains("scheduled, retrying"), "{}", bad[2]);
    for text in ["payload:a", "payload:a..b=1", "payload:a=1,2", "age:>99999d", "kind:Plan"] {
        assert!(text.parse::<Filter>().is_err(), "{text}");
    }
    assert!("x".repeat(9000).parse::<Filter>().is_err());
}
