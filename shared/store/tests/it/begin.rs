//! Whoever is broken off while a transaction begins leaves nothing behind for the next user of the connection.
use mipo_store::Db;
use sqlx::postgres::PgPoolOptions;

/// Lets others work so many times.
async fn pauses(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_is_broken_off_leaves_no_transaction_open() {
    let test = mipo_testkit::database().await;
    let others = test.superuser_pool();
    let options = others.connect_options();
    let pool = PgPoolOptions::new().max_connections(1).connect_with((*options).clone()).await.expect("connects");
    let db = Db::from_pool(pool);
    // Broken off at every moment of it: a browser leaves the page, and the handler is dropped where it stands.
    for count in 0..400 {
        tokio::select! {
            biased;
            _ = db.read("test.left") => {}
            () = pauses(count * 8) => {}
        }
        let tx = db.read("test.next").await.unwrap_or_else(|error| panic!("after {count} pauses: {error}"));
        drop(tx);
        tokio::select! {
            biased;
            _ = db.tx("test.left") => {}
            () = pauses(count * 8) => {}
        }
        let mut conn = db.pool().acquire().await.expect("a connection");
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.expect("reads");
        let state: String = sqlx::query_scalar("select state from pg_stat_activity where pid = $1")
            .bind(pid)
            .fetch_one(&others)
            .await
            .expect("reads");
        assert_eq!(state, "idle", "after {count} pauses");
    }
}
