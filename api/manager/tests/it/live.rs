//! The live stream.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use mipo_domain::rights::Right;
use mipo_manager::live::hub::Message;
use mipo_manager::live::stream::{Standing, Times, open};
use mipo_manager::live::{Hub, Interest};
use mipo_store::config::live::{self, Heard};
use mipo_testkit::SeededEntropy;
use tokio_util::sync::CancellationToken;

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

#[tokio::test]
async fn the_stream_is_for_pages_of_mipo_and_for_rights_that_one_has() {
    let world = World::new().await;
    let owner = world.owner().await;
    let refused = owner.open_from("/live?topics=scans", "cross-site").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("CSRF")));
    sqlx::query("insert into config.roles (id, name, scopes) values (gen_random_uuid(), 'nothing', '{}')")
        .execute(&world.root)
        .await
        .unwrap();
    let refused = world.person("nobody", "nothing").await.get("/live?topics=scans,alarms").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("FORBIDDEN")));
}

#[tokio::test]
async fn a_session_that_ends_takes_its_stream_along() {
    let world = World::new().await;
    let owner = listening(&world).await;
    let mut stream = owner.open("/live?topics=scans", None).await;
    sqlx::query("update config.sessions set ended_at = now()").execute(&world.root).await.unwrap();
    let bye = events(&mut stream, 1).await;
    assert!(bye[0].contains("event: ended"), "{bye:?}");
    assert!(events(&mut stream, 1).await.is_empty(), "then it is closed");
}

/// A session whose standing the test chooses, and how often it was looked at.
#[derive(Clone)]
struct Session(Arc<Mutex<(Standing, u32)>>);

impl Session {
    fn of(standing: Standing) -> Self {
        Self(Arc::new(Mutex::new((standing, 0))))
    }

    fn look(&self) -> Standing {
        let mut inner = self.0.lock().unwrap();
        inner.1 += 1;
        inner.0.clone()
    }

    fn looks(&self) -> u32 {
        self.0.lock().unwrap().1
    }

    /// From now on it stands like this; reads the stream, which does its work only then, until that was seen.
    async fn becomes(&self, standing: Standing, stream: &mut Response) {
        self.0.lock().unwrap().0 = standing;
        let before = self.looks();
        while self.looks() == before {
            let read = tokio::time::timeout(Duration::from_millis(20), events(stream, 1)).await;
            assert!(read.is_err(), "nothing was told: {read:?}");
        }
    }

    /// A stream without a database.
    fn stream(&self, hub: &Hub, topics: &[&str]) -> Response {
        let interests: Vec<Interest> = topics.iter().map(|topic| Interest::parse(topic).unwrap()).collect();
        let rights = interests.iter().map(|interest| interest.right).collect();
        let session = self.clone();
        let check = move || std::future::ready(session.look());
        let times = Times { check_every: Duration::from_millis(5), stop: CancellationToken::new() };
        open(hub.clone(), interests, rights, None, times, check).into_response()
    }
}

fn tell(hub: &Hub, topic: &str, ids: std::ops::Range<u32>) {
    hub.tell(ids.map(|id| Message::Changed(Heard { topic: topic.to_owned(), entity_id: id.to_string() })));
}

#[tokio::test]
async fn a_right_that_is_lost_silences_its_topic_and_a_look_that_fails_changes_nothing() {
    let hub = Hub::new(&SeededEntropy::default());
    let session = Session::of(Standing::Unknown);
    let mut stream = session.stream(&hub, &["scans", "alarms"]);
    tell(&hub, "alarms", 1..2);
    assert!(events(&mut stream, 1).await[0].contains("alarms"));
    for standing in [Standing::Holds([Right::ScansView].into_iter().collect()), Standing::Unknown] {
        session.becomes(standing, &mut stream).await;
        tell(&hub, "alarms", 2..3);
        tell(&hub, "scans", 3..4);
        let heard = events(&mut stream, 1).await;
        assert!(heard[0].contains("scans"), "a failed look gives no right back: {heard:?}");
    }
}

#[tokio::test]
async fn who_reads_too_slowly_skips_to_the_current_state() {
    let hub = Hub::new(&SeededEntropy::default());
    let mut stream = Session::of(Standing::Unknown).stream(&hub, &["scans"]);
    tell(&hub, "scans", 0..3000);
    let heard = events(&mut stream, 1).await;
    assert!(heard[0].contains("event: refresh"), "{heard:?}");
    tell(&hub, "scans", 7..8);
    assert!(events(&mut stream, 1).await[0].contains(r#""id":"7""#));
}
