//! The audit chain shows what was changed or removed behind mipo's back.
use axum::http::Method;
use serde_json::Value;

use crate::support::World;

/// A world with some rows in the chain.
async fn world() -> World {
    let world = World::new().await;
    for _ in 0..5 {
        world.signed_in("owner").await;
    }
    world
}

async fn verify(world: &World) -> Value {
    let mut browser = world.signed_in("owner").await;
    browser.api(Method::GET, "/api/audit/verify", None).await.expect(200).json()
}

fn kinds(found: &Value) -> Vec<(i64, String)> {
    let all = found["violations"].as_array().expect("violations").iter();
    all.map(|one| (one["id"].as_i64().expect("an id"), one["kind"].as_str().expect("a kind").to_owned())).collect()
}

#[tokio::test]
async fn an_untouched_chain_is_whole() {
    let world = world().await;
    let found = verify(&world).await;
    assert_eq!(found["ok"], true, "{found}");
    assert_eq!(found["rowsChecked"], world.number("select count(*) from config.audit_events").await);
    assert_eq!(found["head"], world.text("select encode(row_hash, 'hex') from config.audit_head").await);
}

#[tokio::test]
async fn a_changed_row_is_found() {
    let world = world().await;
    world.tamper("update config.audit_events set actor = 'mallory' where seq = 3").await;
    let found = verify(&world).await;
    assert_eq!(found["ok"], false);
    assert_eq!(kinds(&found), [(3, "row_hash_mismatch".to_owned())]);
}

#[tokio::test]
async fn a_row_whose_hash_was_mended_breaks_the_next_one() {
    let world = world().await;
    world.tamper("update config.audit_events set row_hash = sha256('forged') where seq = 3").await;
    assert_eq!(
        kinds(&verify(&world).await),
        [(3, "row_hash_mismatch".to_owned()), (4, "prev_hash_mismatch".to_owned())]
    );
}

#[tokio::test]
async fn a_removed_row_is_a_gap() {
    let world = world().await;
    world.tamper("delete from config.audit_events where seq = 3").await;
    assert_eq!(kinds(&verify(&world).await), [(4, "gap".to_owned())]);
}

#[tokio::test]
async fn rows_cut_off_at_the_end_are_missed() {
    let world = world().await;
    let last = world.number("select seq from config.audit_head").await;
    world.tamper("delete from config.audit_events where seq = (select max(seq) from config.audit_events)").await;
    let caller = mipo_app::Caller::cli();
    let mut tx = world.app.db.read("test").await.expect("a transaction");
    let found = mipo_app::audit::verify(&mut tx, &world.app.ctx(&caller)).await.expect("walks");
    assert_eq!(found.violations.iter().map(|one| (one.id, one.kind)).collect::<Vec<_>>(), [(last, "gap")]);
}

#[tokio::test]
async fn a_broken_chain_raises_its_alarm() {
    let world = world().await;
    world.tamper("update config.audit_events set reason = 'x' where seq = 2").await;
    let caller = mipo_app::Caller::system("manager");
    let ctx = world.app.ctx(&caller);
    let mut tx = world.app.db.tx("test").await.expect("a transaction");
    let found = mipo_app::audit::verify(&mut tx, &ctx).await.expect("walks");
    mipo_app::audit::report(&mut tx, &ctx, &found).await.expect("raised");
    tx.commit().await.expect("commits");
    assert_eq!(world.text("select rule || ' ' || severity from config.alarms").await, "audit-chain-broken critical");
}

#[tokio::test]
async fn no_service_may_rewrite_it() {
    let world = world().await;
    for role in ["mipo_manager", "mipo_ingest", "mipo_dispatcher", "mipo_backup"] {
        let pool = world.db.pool_as(role);
        for statement in ["update config.audit_events set actor = 'x'", "delete from config.audit_events"] {
            let refused = sqlx::raw_sql(statement).execute(&pool).await.expect_err("refused");
            assert!(refused.to_string().contains("permission denied"), "{role}: {refused}");
        }
    }
}

#[tokio::test]
async fn parallel_changes_leave_no_gap() {
    let world = World::new().await;
    // Fewer than the throttle takes for one account: an attempt counts until its password is judged.
    let logins = (0..8).map(|n| {
        let mut browser = world.browser().at(&format!("198.51.100.{n}"));
        async move { browser.log_in("owner").await }
    });
    futures::future::join_all(logins).await;
    assert_eq!(verify(&world).await["ok"], true);
}
