//! A database a test.
//!
//! `MIPO_TEST_DATABASE_URL` names a cluster by a superuser. The first test of a build makes a template database with
//! all migrations; every test gets a clone of it, which is dropped when its [`TestDb`] is.
use std::path::PathBuf;

use mipo_store::{Db, migrate};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// Databases of tests older than this were left by a test process that was killed.
const LEFTOVER_SECONDS: i64 = 7200;

/// Held while the template is looked for or made.
const LOCK: i64 = 0x006d_6970_6f02;

/// A database of one test; dropped with it. `MIPO_TEST_KEEP=1` keeps it and prints its address.
#[derive(Debug)]
pub struct TestDb {
    server: PgConnectOptions,
    name: String,
}

/// A fresh database with the whole schema and no rows but the built-in ones that migrations bring.
pub async fn database() -> TestDb {
    let url = std::env::var("MIPO_TEST_DATABASE_URL").expect(
        "MIPO_TEST_DATABASE_URL names a PostgreSQL superuser; run the tests by `make test` or `tests/with-postgres \
         cargo test`, which make a cluster for them",
    );
    let server: PgConnectOptions = url.parse().expect("MIPO_TEST_DATABASE_URL is a PostgreSQL URL");
    let mut conn = server.connect().await.expect("the cluster of MIPO_TEST_DATABASE_URL answers");
    let fingerprint = migrate::fingerprint();
    let template = format!("mipo_tpl_{}", &fingerprint[..12]);
    ensure_template(&server, &mut conn, &template).await;
    let name = name(&mut conn, &fingerprint).await;
    execute(&mut conn, format!("create database {name} template {template} owner {}", migrate::OWNER_ROLE)).await;
    conn.close().await.expect("the connection closes");
    TestDb { server, name }
}

impl TestDb {
    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL for `role`, for binaries that are started by the test.
    pub fn url_as(&self, role: &str) -> String {
        let socket = self.server.get_socket().cloned();
        match socket.or_else(|| Some(PathBuf::from(self.server.get_host())).filter(|path| path.is_absolute())) {
            Some(folder) => format!(
                "postgres:///{}?host={}&port={}&user={role}",
                self.name,
                folder.display(),
                self.server.get_port()
            ),
            None => {
                format!("postgres://{role}@{}:{}/{}", self.server.get_host(), self.server.get_port(), self.name)
            }
        }
    }

    /// A URL for the superuser.
    pub fn superuser_url(&self) -> String {
        self.url_as(self.server.get_username())
    }

    /// A pool that connects as `role`, such as `mipo_manager`, with the rights of that role and no others.
    pub fn pool_as(&self, role: &str) -> PgPool {
        pool(self.server.clone().username(role).database(&self.name))
    }

    /// The store's pool as `role`.
    pub fn db_as(&self, role: &str) -> Db {
        Db::from_pool(self.pool_as(role))
    }

    /// A pool that may do anything: to arrange what the roles cannot, and to look behind the scenes.
    pub fn superuser_pool(&self) -> PgPool {
        pool(self.server.clone().database(&self.name))
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if std::env::var_os("MIPO_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.superuser_url());
            return;
        }
        let (server, statement) = (self.server.clone(), format!("drop database if exists {} with (force)", self.name));
        // A thread of its own: the test's runtime may be single-threaded and busy with this very drop.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut conn = server.connect().await?;
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await?;
                conn.close().await
            })?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
        // Best effort: what stays is swept when the next template is made.
        let _ = dropper.join();
    }
}

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(8).connect_lazy_with(options)
}

async fn ensure_template(server: &PgConnectOptions, conn: &mut PgConnection, template: &str) {
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut *conn).await.expect("a lock");
    if !exists(conn, template).await {
        sweep(conn).await;
        migrate::ensure_roles(conn).await.expect("the roles can be made");
        let draft = format!("{template}_draft");
        execute(conn, format!("drop database if exists {draft} with (force)")).await;
        execute(conn, format!("create database {draft} owner {}", migrate::OWNER_ROLE)).await;
        let mut inside = server.clone().database(&draft).connect().await.expect("the new database answers");
        migrate::run(&mut inside).await.expect("the migrations apply to an empty database");
        inside.close().await.expect("the connection closes");
        // Renamed last: a template that bears its name is whole.
        execute(conn, format!("alter database {draft} rename to {template}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(LOCK).execute(&mut *conn).await.expect("the lock was held");
}

async fn exists(conn: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(conn)
        .await
        .expect("the catalog can be read")
}

/// `mipo_t_<seconds>_<build>_<random>`: the time tells leftovers from databases of tests that run beside this one.
async fn name(conn: &mut PgConnection, fingerprint: &str) -> String {
    let seconds: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint")
        .fetch_one(conn)
        .await
        .expect("the server tells the time");
    let random = uuid::Builder::from_random_bytes(random()).into_uuid().simple().to_string();
    format!("mipo_t_{seconds}_{}_{}", &fingerprint[..6], &random[..12])
}

async fn sweep(conn: &mut PgConnection) {
    let leftovers: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database
         where datname ~ '^mipo_t_[0-9]+_'
           and split_part(datname, '_', 3)::bigint < extract(epoch from now())::bigint - $1",
    )
    .bind(LEFTOVER_SECONDS)
    .fetch_all(&mut *conn)
    .await
    .expect("the catalog can be read");
    for leftover in leftovers {
        execute(conn, format!("drop database if exists {leftover} with (force)")).await;
    }
}

async fn execute(conn: &mut PgConnection, statement: String) {
    let shown = statement.clone();
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await;
    done.unwrap_or_else(|error| panic!("{shown}: {error}"));
}

/// Random bytes without another dependency: each `RandomState` is keyed by the operating system.
fn random() -> [u8; 16] {
    use std::hash::BuildHasher as _;

    let mut bytes = [0; 16];
    for chunk in bytes.chunks_mut(8) {
        let state = std::collections::hash_map::RandomState::new();
        chunk.copy_from_slice(&state.hash_one(std::process::id()).to_le_bytes());
    }
    bytes
}
