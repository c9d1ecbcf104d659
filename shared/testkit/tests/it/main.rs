//! A database a test, the checks of `sql/checks`, and the offline cache of SQL.
mod offline_cache;

#[tokio::test]
async fn every_test_has_a_database_of_its_own_and_roles_connect_to_it() {
    let (one, two) = tokio::join!(mipo_testkit::database(), mipo_testkit::database());
    assert_ne!(one.name(), two.name());
    let mut conn = one.pool_as("mipo_ingest").acquire().await.expect("the role connects");
    let who: String = sqlx::query_scalar("select current_user || ' in ' || current_database()")
        .fetch_one(&mut *conn)
        .await
        .expect("it answers");
    assert_eq!(who, format!("mipo_ingest in {}", one.name()));
}

#[tokio::test]
async fn a_database_is_dropped_with_its_test_even_when_a_pool_is_open() {
    let keeper = mipo_testkit::database().await;
    let gone = mipo_testkit::database().await;
    let name = gone.name().to_owned();
    let pool = gone.superuser_pool();
    let _busy = pool.acquire().await.expect("it connects");
    drop(gone);
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&keeper.superuser_pool())
        .await
        .expect("the catalog can be read");
    assert!(!there);
}

#[tokio::test]
async fn migrations_are_repeatable() {
    let db = mipo_testkit::database().await;
    let mut conn = db.superuser_pool().acquire().await.expect("it connects");
    assert!(mipo_store::migrate::pending(&mut conn).await.expect("readable").is_empty());
    assert!(mipo_store::migrate::run(&mut conn).await.expect("nothing to do").is_empty());
}

#[tokio::test]
async fn every_check_runs_and_finds_nothing_in_an_empty_database() {
    let db = mipo_testkit::database().await;
    let mut conn = db.superuser_pool().acquire().await.expect("it connects");
    assert!(mipo_store::checks::count() > 0);
    assert_eq!(mipo_store::checks::run(&mut conn).await.expect("every check runs"), []);
}
