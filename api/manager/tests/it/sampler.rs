//! Open pages of the queues hear of traffic that sends no event.
use std::time::Duration;

use mipo_manager::live::hub::{Message, Subscription};
use mipo_manager::live::sampler;

use crate::world::World;

async fn told(subscription: &mut Subscription) -> Message {
    let wait = tokio::time::timeout(Duration::from_secs(60), subscription.receiver.recv());
    wait.await.expect("something is told").expect("the hub is there").message
}

#[tokio::test]
async fn traffic_is_told_while_somebody_looks_and_only_then() {
    let world = World::new().await;
    let app = world.app.clone();
    let mut subscription = app.hub.subscribe(None);
    let running = app.clone();
    let looks = tokio::spawn(async move { sampler::run(&running.hub, &running.db, &running.stop).await });
    assert!(subscription.receiver.is_empty(), "nobody looks");

    let first = app.hub.watch();
    let second = app.hub.watch();
    assert_eq!(*app.hub.watched().borrow(), 2);
    drop(second);
    let Message::Changed(heard) = told(&mut subscription).await else { panic!("a change") };
    assert_eq!((&*heard.topic, &*heard.entity_id), ("queues", sampler::ENTITY));
    for change in [
        "insert into jobs.tasks (queue, kind, payload, max_attempts, created_by) values ('repair', 'test', '{\"v\": 1, \"ids\": {}}', 3, 'test')",
        "update jobs.tasks set attempts = 1, run_at = now() + interval '1 hour'",
        "update jobs.queues set paused = true, version = version + 1 where name = 'repair'",
        "delete from jobs.tasks",
    ] {
        sqlx::query(change).execute(&world.root).await.expect("changes");
        assert!(matches!(told(&mut subscription).await, Message::Changed(_)), "{change}");
    }
    drop(first);
    assert_eq!(*app.hub.watched().borrow(), 0);
    app.stop.cancel();
    looks.await.expect("it ends with the process");
    assert!(subscription.receiver.is_empty(), "nothing changed since");
}
