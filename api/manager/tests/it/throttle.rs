//! Failed logins: ten in a minute by address and by account, then pauses that grow, in the database (S3).
use chrono::TimeDelta;

use crate::support::{Choice, PASSWORD, World, app};

async fn fail(world: &World, ip: &str, username: &str) -> u16 {
    world.browser().at(ip).try_log_in(username, "not the password").await.status.as_u16()
}

#[tokio::test]
async fn the_eleventh_try_waits_even_with_the_right_password() {
    let world = World::new().await;
    for n in 0..10 {
        assert_eq!(fail(&world, "192.0.2.1", "owner").await, 401, "{n}");
    }
    let answer = world.browser().try_log_in("owner", PASSWORD).await.expect(429);
    assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("RATE_LIMITED", "60"));
    // The account waits wherever it comes from, the address whoever it asks for.
    world.browser().at("198.51.100.1").try_log_in("owner", PASSWORD).await.expect(429);
    assert_eq!(fail(&world, "192.0.2.1", "somebody").await, 429);
    let page = world.browser().post("/login", &[("username", "owner"), ("password", PASSWORD)]).await.expect(429);
    assert!(page.body.contains("Too many failed attempts"));
    assert!(!page.header("retry-after").is_empty());

    world.clock.advance(TimeDelta::seconds(60));
    world.browser().try_log_in("owner", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_restart_and_a_second_process_forget_nothing() {
    let world = World::new().await;
    for _ in 0..10 {
        fail(&world, "192.0.2.1", "owner").await;
    }
    let restarted = app(&world.db, &world.clock, &Choice { seed: 7, ..Choice::default() });
    world.browser().asking(&restarted).try_log_in("owner", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn pauses_grow_and_end() {
    let world = World::new().await;
    for _ in 0..10 {
        fail(&world, "192.0.2.1", "owner").await;
    }
    for minutes in [1, 2, 4, 8, 15, 15] {
        let waits = world.browser().try_log_in("owner", PASSWORD).await.expect(429);
        assert_eq!(waits.header("retry-after"), (minutes * 60).to_string());
        world.clock.advance(TimeDelta::minutes(minutes));
        assert_eq!(fail(&world, "192.0.2.1", "owner").await, 401, "after {minutes} min");
    }
    // Never for ever.
    world.clock.advance(TimeDelta::minutes(15));
    world.browser().try_log_in("owner", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn slow_failures_are_no_attack() {
    let world = World::new().await;
    for _ in 0..30 {
        assert_eq!(fail(&world, "192.0.2.1", "owner").await, 401);
        world.clock.advance(TimeDelta::seconds(8));
    }
}

#[tokio::test]
async fn an_ipv6_network_counts_as_one() {
    let world = World::new().await;
    for n in 0..10 {
        assert_eq!(fail(&world, &format!("2001:db8:1:2::{n:x}"), &format!("user{n}")).await, 401);
    }
    assert_eq!(fail(&world, "2001:db8:1:2:ffff::1", "another").await, 429);
    assert_eq!(fail(&world, "2001:db8:1:3::1", "another").await, 401);
}

#[tokio::test]
async fn parallel_tries_do_not_slip_through() {
    let world = World::new().await;
    let tries = (0..30).map(|_| fail(&world, "192.0.2.1", "owner"));
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
}

#[tokio::test]
async fn a_good_login_frees_the_account_but_not_the_address() {
    let world = World::new().await;
    world.user("bob", &["viewer"]).await;
    for _ in 0..9 {
        fail(&world, "192.0.2.1", "owner").await;
    }
    // Somebody behind the same address knows one password; that must not give them more tries for others.
    world.browser().try_log_in("bob", PASSWORD).await.expect(200);
    assert_eq!(fail(&world, "192.0.2.1", "owner").await, 401);
    assert_eq!(fail(&world, "192.0.2.1", "owner").await, 429);
}

#[tokio::test]
async fn the_pauses_raise_an_alarm_that_settles_by_itself() {
    let world = World::new().await;
    for _ in 0..10 {
        fail(&world, "192.0.2.1", "owner").await;
    }
    let alarms = "select string_agg(entity_id || ' ' || state, ', ' order by entity_id) from config.alarms";
    assert_eq!(world.text(alarms).await, "account:owner open, address:192.0.2.1 open");
    assert_eq!(
        world.number("select count(*) from config.audit_events where kind = 'auth' and action = 'Throttled'").await,
        1
    );
    world.clock.advance(TimeDelta::minutes(20));
    let caller = mipo_app::Caller::system("manager");
    let mut tx = world.app.db.tx("test").await.expect("a transaction");
    mipo_app::throttle::sweep(&mut tx, &world.app.ctx(&caller)).await.expect("sweeps");
    tx.commit().await.expect("commits");
    assert_eq!(world.text(alarms).await, "account:owner resolved, address:192.0.2.1 resolved");
    assert_eq!(world.number("select count(*) from config.login_throttle").await, 0);
}

#[tokio::test]
async fn giving_the_password_again_is_throttled_too() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for _ in 0..10 {
        let body = serde_json::json!({ "password": "nope" });
        browser.api(axum::http::Method::POST, "/api/auth/reauth", Some(body)).await.expect(422);
    }
    let body = serde_json::json!({ "password": PASSWORD });
    browser.api(axum::http::Method::POST, "/api/auth/reauth", Some(body)).await.expect(429);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_somebody_is() {
    let choice = Choice { trusted_proxies: vec!["10.0.0.2/32"], ..Choice::default() };
    let world = World::chosen(&choice).await;
    world.owner().await;
    for n in 0..10 {
        let mut browser = world.browser().at("192.0.2.1");
        browser.headers.push(("x-forwarded-for", format!("198.51.100.{n}")));
        browser.try_log_in(&format!("user{n}"), "x").await.expect(401);
    }
    assert_eq!(fail(&world, "192.0.2.1", "another").await, 429, "a stranger cannot choose an address");
    let mut behind = world.browser().at("10.0.0.2");
    behind.headers.push(("x-forwarded-for", "1.2.3.4, 192.0.2.1".to_owned()));
    behind.try_log_in("another", "x").await.expect(429);
    let mut elsewhere = world.browser().at("10.0.0.2");
    elsewhere.headers.push(("x-forwarded-for", "192.0.2.1, 203.0.113.9".to_owned()));
    elsewhere.try_log_in("another", "x").await.expect(401);
}
