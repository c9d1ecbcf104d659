//! The live stream.
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt as _;
use mipo_store::config::live;

use crate::world::{Person, World};

/// Reads the stream until `wanted` events came; comments are skipped.
async fn events(stream: &mut Response, wanted: usize) -> Vec<String> {
    let mut text = String::new();
    let mut found = Vec::new();
    while found.len() < wanted {
        let frame = tokio::time::timeout(Duration::from_secs(20), stream.body_mut().frame())
            .await
            .unwrap_or_else(|_| panic!("only {found:?} came, then {text:?}"));
        let Some(frame) = frame else { break };
        if let Ok(data) = frame.unwrap().into_data() {
            text.push_str(std::str::from_utf8(&data).unwrap());
        }
        while let Some((event, rest)) = text.clone().split_once("\n\n") {
            if event.contains("event:") {
                found.push(event.to_owned());
            }
            text = rest.to_owned();
        }
    }
    found
}

fn id_of(event: &str) -> &str {
    event.lines().find_map(|line| line.strip_prefix("id:")).unwrap_or_default().trim()
}

async fn listening(world: &World) -> Person {
    let owner = world.owner().await;
    let app = world.app.clone();
    tokio::spawn(async move { app.hub.run(&app.db, &app.stop).await });
    // The hub says "refresh" to everybody once it listens.
    let mut stream = owner.open("/live?topics=scans", None).await;
    assert_eq!(stream.status(), StatusCode::OK);
    if world.app.hub.position().ends_with("-0") {
        assert!(events(&mut stream, 1).await[0].contains("event: refresh"));
    }
    owner
}

async fn emit(world: &World, topic: &str, id: &str) {
    let mut tx = world.app.db.tx("test.emit").await.unwrap();
    live::emit(&mut tx, topic, id).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_page_hears_what_it_asked_for_and_nothing_else() {
    let world = World::new().await;
    let owner = listening(&world).await;
    let mut stream = owner.open("/live?topics=scans:7,alarms", None).await;
    emit(&world, "scans", "8").await;
    emit(&world, "scanners", "x").await;
    emit(&world, "scans", "7").await;
    emit(&world, "alarms", "a").await;
    let heard = events(&mut stream, 2).await;
    assert!(heard[0].contains(r#"{"id":"7","topic":"scans"}"#), "{heard:?}");
    assert!(heard[1].contains(r#"{"id":"a","topic":"alarms"}"#), "{heard:?}");
}

#[tokio::test]
async fn a_page_that_comes_back_hears_what_it_missed() {
    let world = World::new().await;
    let owner = listening(&world).await;
    let mut stream = owner.open("/live?topics=scans", None).await;
    emit(&world, "scans", "1").await;
    let last = id_of(&events(&mut stream, 1).await[0]).to_owned();
    drop(stream);
    let mut other = owner.open("/live?topics=scans", None).await;
    emit(&world, "scans", "2").await;
    events(&mut other, 1).await;

    let mut back = owner.open("/live?topics=scans", Some(&last)).await;
    assert!(events(&mut back, 1).await[0].contains(r#""id":"2""#));
    let mut since = owner.open(&format!("/live?topics=scans&since={last}"), None).await;
    assert!(events(&mut since, 1).await[0].contains(r#""id":"2""#));
    let mut unknown = owner.open("/live?topics=scans", Some("0000-5")).await;
    assert!(events(&mut unknown, 1).await[0].contains("event: refresh"));
}

#[tokio::test]
async fn the_stream_is_for_those_who_may_see_and_ends_with_a_hint() {
    let world = World::new().await;
    assert_eq!(world.stranger().open("/live?topics=scans", None).await.status(), StatusCode::UNAUTHORIZED);
    let owner = listening(&world).await;
    for wrong in ["/live", "/live?topics=", "/live?topics=weather"] {
        assert_eq!(owner.open(wrong, None).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let mut stream = owner.open("/live?topics=scans", None).await;
    world.app.stop.cancel();
    let bye = events(&mut stream, 1).await;
    assert!(bye[0].contains("retry:"), "{bye:?}");
    assert!(events(&mut stream, 1).await.is_empty(), "then it is closed");
}
