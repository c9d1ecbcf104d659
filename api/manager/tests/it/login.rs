//! Signing in: one answer for every reason, and another session each time.
use axum::http::Method;
use mipo_app::passwords::Cost;
use serde_json::json;

use crate::support::{CHEAP, Choice, PASSWORD, World, app};

#[tokio::test]
async fn a_script_signs_in_and_finds_itself() {
    let world = World::new().await;
    let mut script = world.browser();
    let answer = script.try_log_in("OWNER", PASSWORD).await.expect(200);
    assert_eq!(answer.json()["next"], "/");
    let me = script.api(Method::GET, "/api/me", None).await.expect(200).json();
    assert_eq!((&me["username"], &me["isOwner"], &me["roles"]), (&json!("owner"), &json!(true), &json!(["admin"])));
    assert_eq!(me["csrfToken"], script.csrf.as_str());
    assert!(me["scopes"].as_array().expect("scopes").contains(&json!("restore:execute")));
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_the_same_answer_after_the_same_work() {
    let world = World::new().await;
    world.user("gone", &["viewer"]).await;
    world.tamper("update config.users set enabled = false where username = 'gone'").await;
    let mut answers = Vec::new();
    for (username, password) in [("owner", "not the password"), ("nobody", PASSWORD), ("gone", PASSWORD)] {
        let before = world.app.passwords.computed();
        let mut problem = world.browser().try_log_in(username, password).await.expect(401).json();
        assert_eq!(world.app.passwords.computed() - before, 1, "{username}: exactly one hash, whoever it is");
        problem["requestId"] = json!("");
        answers.push(problem);
    }
    assert_eq!(answers[0]["code"], "INVALID_CREDENTIALS");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let audited = world
        .text(
            "select string_agg(action || ':' || reason, '; ' order by seq) from config.audit_events where kind = 'auth'",
        )
        .await;
    assert_eq!(audited, "Login Failed:wrong password; Login Failed:unknown user; Login Failed:disabled user");
}

#[tokio::test]
async fn an_unknown_name_is_written_nowhere() {
    let world = World::new().await;
    world.browser().try_log_in(PASSWORD, "x").await.expect(401);
    assert_eq!(
        world
            .number(
                "select count(*) from (select t::text as row from config.audit_events t union all
                 select t::text from config.login_throttle t) all_rows where row ~ 'gravel|umbra'"
            )
            .await,
        0
    );
}

#[tokio::test]
async fn empty_fields_are_named_and_count_as_no_try() {
    let world = World::new().await;
    let answer = world.browser().try_log_in("", "").await.expect(422);
    assert_eq!(answer.fields(), ["username", "password"]);
    let page = world.browser().post("/login", &[("username", ""), ("password", "")]).await.expect(422);
    assert!(page.body.contains("Give your user name."));
    assert_eq!(world.number("select count(*) from config.login_throttle").await, 0);
}

#[tokio::test]
async fn the_page_signs_in_and_goes_where_one_wanted_to_go() {
    let world = World::new().await;
    let mut browser = world.browser();
    let sent = browser.get("/scans/recent?status=running").await.expect(303);
    assert_eq!(sent.location(), "/login?next=/scans/recent%3Fstatus%3Drunning");
    let page = browser.get(sent.location()).await.expect(200);
    assert!(page.body.contains(r#"name="next" value="/scans/recent?status=running""#), "{}", page.body);
    let wrong = browser.post("/login", &[("username", "owner"), ("password", "nope"), ("next", "/scans/recent")]).await;
    assert!(wrong.expect(401).body.contains("The user name or the password is wrong."));
    let fields = [("username", "owner"), ("password", PASSWORD), ("next", "/scans/recent?status=running")];
    let done = browser.post("/login", &fields).await.expect(303);
    assert_eq!(done.location(), "/scans/recent?status=running");
    assert_eq!(browser.get("/login?next=/profile").await.expect(303).location(), "/profile");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let world = World::new().await;
    for next in ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        let mut browser = world.browser();
        let fields = [("username", "owner"), ("password", PASSWORD), ("next", next)];
        assert_eq!(browser.post("/login", &fields).await.expect(303).location(), "/", "{next}");
    }
}

#[tokio::test]
async fn a_cookie_from_before_the_login_is_worth_nothing_after_it() {
    let world = World::new().await;
    let mut victim = world.browser();
    victim.cookies.insert("mipo".to_owned(), "chosen-by-somebody-else".to_owned());
    victim.log_in("owner").await;
    assert_ne!(victim.cookies["mipo"], "chosen-by-somebody-else");
    let mut attacker = world.browser();
    attacker.cookies.insert("mipo".to_owned(), "chosen-by-somebody-else".to_owned());
    attacker.api(Method::GET, "/api/me", None).await.expect(401);

    // Signing in again replaces the session: its cookie is dead.
    let before = victim.clone();
    victim.log_in("owner").await;
    let mut old = before;
    old.api(Method::GET, "/api/me", None).await.expect(401);
    victim.api(Method::GET, "/api/me", None).await.expect(200);
}

#[tokio::test]
async fn the_database_holds_hashes_only() {
    let world = World::new().await;
    let browser = world.signed_in("owner").await;
    let token = &browser.cookies["mipo"];
    assert_eq!(token.len(), 43, "256 bits in base 62");
    let row = world.text("select s::text from config.sessions s").await;
    assert!(!row.contains(token.as_str()) && !row.contains(&browser.csrf));
}

#[tokio::test]
async fn a_cheap_hash_is_replaced_at_the_next_login() {
    let world = World::new().await;
    let before = world.text("select password_hash from config.users").await;
    let dear = Choice { cost: Cost { passes: 2, ..CHEAP }, seed: 2, ..Choice::default() };
    let stronger = app(&world.db, &world.clock, &dear);
    let mut browser = world.browser().asking(&stronger);
    browser.log_in("owner").await;
    let after = world.text("select password_hash from config.users").await;
    assert!(before.contains("t=1,") && after.contains("t=2,"), "{before} {after}");
    browser.log_in("owner").await;
    assert_eq!(world.text("select password_hash from config.users").await, after, "once is enough");
}

#[tokio::test]
async fn the_cookie_is_bound_to_the_host_and_to_tls() {
    let world = World::chosen(&Choice { development: false, ..Choice::default() }).await;
    world.owner().await;
    let answer = world.browser().try_log_in("owner", PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-mipo="), "{cookie}");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Domain"));

    // On plain loopback a browser would refuse that name; there it is another one.
    let trial = World::new().await;
    let answer = trial.browser().try_log_in("owner", PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("mipo=") && !cookie.contains("Secure") && cookie.contains("HttpOnly"), "{cookie}");
}

#[tokio::test]
async fn giving_the_password_again_changes_the_token() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let old = browser.clone();
    let wrong = browser.api(Method::POST, "/api/auth/reauth", Some(json!({ "password": "nope" }))).await.expect(422);
    assert_eq!(wrong.fields(), ["password"]);
    let empty = browser.api(Method::POST, "/api/auth/reauth", Some(json!({ "password": "" }))).await.expect(422);
    assert_eq!(empty.fields(), ["password"]);
    let good = browser.api(Method::POST, "/api/auth/reauth", Some(json!({ "password": PASSWORD }))).await.expect(200);
    browser.csrf = good.json()["csrfToken"].as_str().expect("a token").to_owned();
    old.clone().api(Method::GET, "/api/me", None).await.expect(401);
    browser.api(Method::GET, "/api/me", None).await.expect(200);
    assert_ne!(old.csrf, browser.csrf);
}

#[tokio::test]
async fn the_page_that_asks_again_leads_back() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    browser.get("/reauth?next=/profile").await.expect(200);
    let wrong = browser.post("/reauth", &[("password", "nope"), ("next", "/profile")]).await.expect(422);
    assert!(wrong.body.contains("This is not your password."));
    let done = browser.post("/reauth", &[("password", PASSWORD), ("next", "/profile")]).await.expect(303);
    assert_eq!(done.location(), "/profile");
    browser.get("/profile").await.expect(200);
}

#[tokio::test]
async fn a_bearer_token_is_refused_and_never_mixed_with_a_cookie() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let bearer = ("authorization", "Bearer mipo_ut_x_y");
    let both = browser.api_with(Method::GET, "/api/me", None, &[bearer]).await.expect(400);
    assert_eq!(both.code(), "TWO_CREDENTIALS");
    let alone = world.browser().api_with(Method::GET, "/api/me", None, &[bearer]).await.expect(401);
    assert_eq!(alone.code(), "INVALID_TOKEN");
}

#[tokio::test]
async fn a_name_that_no_user_can_have_is_answered_like_any_unknown_one() {
    let world = World::new().await;
    let unknown = world.browser().try_log_in("nobody", PASSWORD).await.expect(401);
    for name in ["own\u{0}er", "\u{7}", "owner\u{0}"] {
        let answer = world.browser().try_log_in(name, PASSWORD).await.expect(401);
        assert_eq!((answer.code(), &answer.json()["detail"]), (unknown.code(), &unknown.json()["detail"]), "{name:?}");
    }
    let mut browser = world.signed_in("owner").await;
    let list = browser.get("/api/config/subnets?q=a%00b").await.expect(422);
    assert_eq!(list.fields(), ["q"]);
    browser.get("/config/subnets?q=a%00b").await.expect(200);
    let body = serde_json::json!({ "targets": ["10.0.0.1"], "ports": "22", "reason": "a\u{0}b" });
    let answer = browser.api(axum::http::Method::POST, "/api/scans", Some(body)).await.expect(422);
    assert_eq!(answer.fields(), ["reason"]);
}
