//! Nobody who listens misses a change, whatever the order in which writers commit.
use mipo_store::config::live::{self, Heard};
use mipo_store::{Db, Tx};

async fn heard(db: &Db, seen: &mut live::Seen) -> Vec<String> {
    let mut conn = db.pool().acquire().await.expect("the database answers");
    let news = live::since(&mut conn, seen).await.expect("the database answers");
    assert!(!news.everything);
    *seen = news.seen;
    news.heard.into_iter().map(|Heard { topic, entity_id }| format!("{topic}:{entity_id}")).collect()
}

async fn started(db: &Db) -> live::Seen {
    live::now(&mut db.pool().acquire().await.expect("the database answers")).await.expect("the database answers")
}

async fn writing(db: &Db, id: &str) -> Tx {
    let mut tx = db.tx("test.write").await.expect("the database answers");
    live::emit(&mut tx, live::topics::SCANS, id).await.expect("the database answers");
    tx
}

#[tokio::test]
async fn a_writer_that_started_first_and_commits_last_is_heard() {
    let test = mipo_testkit::database().await;
    let db = test.db_as("mipo_manager");
    let mut seen = started(&db).await;

    // Both are open; the one with the higher number commits first and is read.
    let first = writing(&db, "1").await;
    let second = writing(&db, "2").await;
    second.commit().await.expect("the database answers");
    assert_eq!(heard(&db, &mut seen).await, ["scans:2"]);
    assert_eq!(heard(&db, &mut seen).await, Vec::<String>::new());

    // The one with the lower number is not lost, although a higher one was read before.
    first.commit().await.expect("the database answers");
    assert_eq!(heard(&db, &mut seen).await, ["scans:1"]);
    assert_eq!(heard(&db, &mut seen).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_open_writer_holds_nobody_up() {
    let test = mipo_testkit::database().await;
    let db = test.db_as("mipo_manager");
    let mut seen = started(&db).await;
    let _open = writing(&db, "slow").await;
    for n in 0..3 {
        writing(&db, &n.to_string()).await.commit().await.expect("the database answers");
        assert_eq!(heard(&db, &mut seen).await, [format!("scans:{n}")]);
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_never_heard() {
    let test = mipo_testkit::database().await;
    let db = test.db_as("mipo_manager");
    let mut seen = started(&db).await;
    drop(writing(&db, "undone").await);
    writing(&db, "done").await.commit().await.expect("the database answers");
    assert_eq!(heard(&db, &mut seen).await, ["scans:done"]);
}

#[tokio::test]
async fn many_writers_at_once_are_each_heard_once() {
    const WRITERS: usize = 4;
    const EACH: usize = 40;
    let test = mipo_testkit::database().await;
    let db = test.db_as("mipo_manager");
    let mut seen = started(&db).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|w| {
            let db = db.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    let tx = writing(&db, &format!("{w}-{n}")).await;
                    tokio::task::yield_now().await;
                    tx.commit().await.expect("the database answers");
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        all.extend(heard(&db, &mut seen).await);
    }
    for writer in writers {
        writer.await.expect("the database answers");
    }
    all.extend(heard(&db, &mut seen).await);
    all.sort_unstable();
    let mut expected: Vec<String> =
        (0..WRITERS).flat_map(|w| (0..EACH).map(move |n| format!("scans:{w}-{n}"))).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_flood_means_look_at_everything() {
    let test = mipo_testkit::database().await;
    let db = test.db_as("mipo_manager");
    let seen = started(&db).await;
    sqlx::query(
        "insert into config.live_events (topic, entity_id) select 'scans', n::text from generate_series(1, 2500) n",
    )
    .execute(&test.superuser_pool())
    .await
    .expect("the database answers");
    let news = live::since(&mut db.pool().acquire().await.expect("the database answers"), &seen)
        .await
        .expect("the database answers");
    assert!(news.everything);
    let news = live::since(&mut db.pool().acquire().await.expect("the database answers"), &news.seen)
        .await
        .expect("the database answers");
    assert!(!news.everything && news.heard.is_empty());
}
