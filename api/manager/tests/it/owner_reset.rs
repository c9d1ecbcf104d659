//! The way back for an owner who lost the password.
use axum::http::Method;
use chrono::TimeDelta;
use mipo_app::{Caller, owner};

use crate::support::{PASSWORD, World};

const NEW: &str = "quartz bonnet saddle fjord";

async fn link(world: &World) -> String {
    let caller = Caller::cli();
    let mut tx = world.app.db.tx("test").await.expect("a transaction");
    let token = owner::reset_link(&mut tx, &world.app.ctx(&caller)).await.expect("a link");
    tx.commit().await.expect("commits");
    token.reveal().to_owned()
}

#[tokio::test]
async fn the_link_sets_the_password_once_and_ends_all_sessions() {
    let world = World::new().await;
    let mut before = world.signed_in("owner").await;
    world.browser().get("/setup").await.expect(404);
    let token = link(&world).await;
    before.api(Method::GET, "/api/me", None).await.expect(401);
    let mut browser = world.browser();
    let page = browser.get("/setup").await.expect(200);
    assert!(page.body.contains("Set the owner&#39;s password") || page.body.contains("Set the owner's password"));
    let fields = |password| [("token", token.as_str()), ("password", password), ("repeat", password)];
    browser.post("/setup", &fields("short")).await.expect(422);
    browser.post("/setup", &[("token", "wrong"), ("password", NEW), ("repeat", NEW)]).await.expect(422);
    world.browser().try_log_in("owner", PASSWORD).await.expect(200);
    assert_eq!(browser.post("/setup", &fields(NEW)).await.expect(303).location(), "/login?after=reset");
    browser.get("/setup").await.expect(404);
    browser.post("/setup", &fields(PASSWORD)).await.expect(404);
    world.browser().try_log_in("owner", PASSWORD).await.expect(401);
    world.browser().try_log_in("owner", NEW).await.expect(200);
    assert_eq!(
        world
            .text(
                "select string_agg(actor_type || ' ' || action, ', ' order by seq) from config.audit_events
                 where action in ('reset_requested', 'password_reset')"
            )
            .await,
        "cli reset_requested, user password_reset"
    );
}

#[tokio::test]
async fn the_link_dies_after_a_quarter_of_an_hour() {
    let world = World::new().await;
    let token = link(&world).await;
    world.clock.advance(TimeDelta::minutes(15));
    let mut browser = world.browser();
    browser.get("/setup").await.expect(404);
    browser.post("/setup", &[("token", &token), ("password", NEW), ("repeat", NEW)]).await.expect(404);
    world.browser().try_log_in("owner", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn only_the_host_can_make_a_link() {
    let world = World::new().await;
    let caller = Caller::system("manager");
    let mut tx = world.app.db.tx("test").await.expect("a transaction");
    assert!(owner::reset_link(&mut tx, &world.app.ctx(&caller)).await.is_err());
}
