//! The first start: the one-time token creates the owner, once.
use chrono::TimeDelta;

use crate::support::{PASSWORD, World};

const GOOD: [(&str, &str); 4] =
    [("username", "alice"), ("email", "alice@example.org"), ("password", PASSWORD), ("repeat", PASSWORD)];

fn with<'a>(token: &'a str, change: &[(&'static str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("token", token)];
    fields.extend(GOOD);
    for (name, value) in change {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields
}

#[tokio::test]
async fn the_token_creates_the_owner_and_then_there_is_no_such_page() {
    let world = World::empty().await;
    let token = world.setup_token().await;
    let mut browser = world.browser();
    let page = browser.get("/setup").await.expect(200);
    assert!(page.body.contains("Create the owner") && !page.body.contains(&token), "the token is nowhere in the page");
    let done = browser.post("/setup", &with(&token, &[])).await.expect(303);
    assert_eq!(done.location(), "/login?after=setup");
    browser.get("/setup").await.expect(404);
    browser.post("/setup", &with(&token, &[("username", "mallory")])).await.expect(404);
    assert_eq!(world.number("select count(*) from config.users where is_owner").await, 1);
    assert_eq!(
        world.text("select actor || ' ' || action || ' ' || resource_type from config.audit_events order by seq desc limit 1").await,
        "manager created user"
    );
    browser.log_in("alice").await;
    let home = browser.get("/").await.expect(200);
    assert!(home.body.contains("alice"));
}

#[tokio::test]
async fn each_wrong_field_is_named_and_nothing_is_stored() {
    let world = World::empty().await;
    let token = world.setup_token().await;
    let mut browser = world.browser();
    for (change, field) in [
        (&[("username", "")][..], "username"),
        (&[("username", "al")], "username"),
        (&[("username", "alice smith")], "username"),
        (&[("email", "alice")], "email"),
        (&[("password", "short"), ("repeat", "short")], "password"),
        (&[("password", "passwordpassword"), ("repeat", "passwordpassword")], "password"),
        (&[("password", ""), ("repeat", "")], "password"),
        (&[("repeat", "another password of mine")], "repeat"),
        (&[("token", "")], "token"),
        (&[("token", "no such token")], "token"),
    ] {
        let answer = browser.post("/setup", &with(&token, change)).await.expect(422);
        assert!(answer.body.contains(&format!(r##"href="#f-{field}""##)), "{change:?}: {}", answer.body);
        assert!(!answer.body.contains(PASSWORD), "a password is never sent back");
    }
    assert_eq!(world.number("select count(*) from config.users").await, 0);
    // The refusals did not use the token up.
    browser.post("/setup", &with(&token, &[])).await.expect(303);
}

#[tokio::test]
async fn a_token_dies_after_a_quarter_of_an_hour_and_with_the_next_one() {
    let world = World::empty().await;
    let first = world.setup_token().await;
    let second = world.setup_token().await;
    let mut browser = world.browser();
    browser.post("/setup", &with(&first, &[])).await.expect(422);
    world.clock.advance(TimeDelta::minutes(15));
    browser.post("/setup", &with(&second, &[])).await.expect(422);
    assert_eq!(world.number("select count(*) from config.users").await, 0);
}

#[tokio::test]
async fn twenty_browsers_with_one_token_make_one_owner() {
    let world = World::empty().await;
    let token = world.setup_token().await;
    let tries = (0..20).map(|n| {
        let (mut browser, token) = (world.browser(), token.clone());
        async move { browser.post("/setup", &with(&token, &[("username", &format!("alice{n}"))])).await.status.as_u16() }
    });
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(world.number("select count(*) from config.users").await, 1);
}

#[tokio::test]
async fn without_an_owner_the_login_says_what_to_do() {
    let world = World::empty().await;
    let page = world.browser().get("/login").await.expect(200);
    assert!(page.body.contains("setup link"));
}

#[tokio::test]
async fn the_variables_of_the_trial_never_touch_an_owner_who_exists() {
    use mipo_app::Caller;
    use mipo_app::setup::{NewOwner, ensure_owner};

    let world = World::new().await;
    let caller = Caller::system("manager");
    let input = NewOwner { username: "other", email: "", password: "another password of mine" };
    let app = &world.app;
    let made = ensure_owner(&app.db, &app.ctx(&caller), &app.passwords, 15, &input).await.expect("looks");
    assert!(!made);
    world.signed_in("owner").await.get("/").await.expect(200);
}
