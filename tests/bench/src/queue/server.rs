//! A durable PostgreSQL of the bench's own, with a database for each queue.
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use mipo_runtime::postgres::PrivatePostgres;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// The server; it is stopped and deleted with this value.
#[derive(Debug)]
pub struct Server {
    private: Option<PrivatePostgres>,
    folder: TempDir,
    admin: PgPool,
    durable: bool,
    copies: AtomicUsize,
    /// The copy that each queue worked in last.
    last: Mutex<HashMap<String, String>>,
}

impl Server {
    /// Starts it. When it is `durable`, a commit is on disk when it is answered; else figures count for nothing, and the
    /// machine's disk is spared.
    pub async fn start(durable: bool) -> Result<Self, String> {
        // Beside the program: a temporary folder may lie in memory, where nothing is durable.
        let program = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
        let beside = program.parent().ok_or("the program lies in no folder")?;
        let folder = tempfile::Builder::new().prefix("queue-").tempdir_in(beside);
        let folder = folder.map_err(|error| format!("{}: {error}", beside.display()))?;
        let private = PrivatePostgres::start(folder.path(), &|_| ()).map_err(|error| error.to_string())?;
        let admin = PgPoolOptions::new().max_connections(1).connect_lazy(&private.superuser_url("postgres"));
        let server = Self {
            private: Some(private),
            folder,
            admin: admin.map_err(|error| error.to_string())?,
            durable,
            copies: AtomicUsize::new(1),
            last: Mutex::default(),
        };
        // For the cells that read the log and the write-ahead log.
        server.run("alter system set log_line_prefix = '%m db=%d '").await?;
        server.run("alter system set wal_keep_size = '4GB'").await?;
        if !durable {
            server.run("alter system set fsync = off").await?;
        }
        server.run("select pg_reload_conf()").await?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value: String = server.value(&format!("select current_setting('{setting}')")).await?;
            if durable && value != "on" {
                return Err(format!("{setting} is {value}: commits of this PostgreSQL are not durable"));
            }
        }
        Ok(server)
    }

    /// What was measured on.
    pub async fn describe(&self) -> Result<String, String> {
        let version: String = self.value("select current_setting('server_version')").await?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let settings: String = self
            .value(
                "select string_agg(name || ' ' || current_setting(name), ', ' order by name) from pg_settings
                 where name in ('fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size')",
            )
            .await?;
        Ok(format!("PostgreSQL {version} ({settings}), {cores} cores"))
    }

    /// A superuser's URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.private.as_ref().map(|private| private.superuser_url(database)).unwrap_or_default()
    }

    /// Makes the empty database that copies are made of; the caller fills it.
    pub async fn template(&self, name: &str) -> Result<String, String> {
        let template = format!("{name}_template");
        self.run(&format!("create database {template}")).await?;
        Ok(self.url(&template))
    }

    /// A fresh copy of a queue's template: no cell sees what another one left.
    pub async fn fresh(&self, name: &str) -> Result<Database, String> {
        let number = self.copies.fetch_add(1, Ordering::Relaxed);
        let copy = format!("{name}_{number}");
        if self.durable {
            // Else they stay to the end: they are small, and dropping one writes out all that there is.
            let dropped =
                self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), copy.clone());
            if let Some(last) = dropped {
                self.run(&format!("drop database {last} with (force)")).await?;
            }
        }
        self.run(&format!("create database {copy} template {name}_template")).await?;
        Database::connect(copy.clone(), self.url(&copy)).await
    }

    /// Another session in the same database.
    pub async fn another(&self, database: &Database) -> Result<Database, String> {
        Database::connect(database.name.clone(), database.url.clone()).await
    }

    /// Leaves no writing to do that is not the cell's own.
    pub async fn checkpoint(&self) -> Result<(), String> {
        if self.durable { self.run("checkpoint").await } else { Ok(()) }
    }

    /// Where the write-ahead log ends now.
    pub async fn wal_end(&self) -> Result<String, String> {
        self.value("select pg_current_wal_flush_lsn()::text").await
    }

    /// Bytes of write-ahead log since `start`, without full-page images.
    pub async fn wal_since(&self, start: &str) -> Result<i64, String> {
        self.run("create extension if not exists pg_walinspect").await?;
        self.value(&format!(
            "select sum(record_size)::bigint from pg_get_wal_stats('{start}', pg_current_wal_flush_lsn())"
        ))
        .await
    }

    /// Where the server's log ends now.
    pub fn log_end(&self) -> Result<u64, String> {
        let path = self.log()?;
        let metadata = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(metadata.len())
    }

    /// How many statements the log tells of in `database` since `start`; it logs them where `log_statement` is `all`.
    pub fn statements_since(&self, start: u64, database: &str) -> Result<usize, String> {
        let path = self.log()?;
        let mut text = String::new();
        let read = File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_to_string(&mut text)
        });
        read.map_err(|error| format!("{}: {error}", path.display()))?;
        let of_it = format!("db={database} LOG:  ");
        let told = text.lines().filter_map(|line| line.split_once(&of_it)).map(|(_, rest)| rest);
        Ok(told.filter(|rest| rest.starts_with("execute ") || rest.starts_with("statement: ")).count())
    }

    /// Logs every statement of sessions that begin in `database` from now on.
    pub async fn log_statements(&self, database: &str) -> Result<(), String> {
        self.run(&format!("alter database {database} set log_statement = 'all'")).await
    }

    fn log(&self) -> Result<PathBuf, String> {
        let private = self.private.as_ref().ok_or("the server has stopped")?;
        Ok(private.place().home.join("log"))
    }

    async fn run(&self, statement: &str) -> Result<(), String> {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.admin).await;
        done.map(|_| ()).map_err(|error| format!("{statement}: {error}"))
    }

    async fn value<T>(&self, query: &str) -> Result<T, String>
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let value = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.admin).await;
        value.map_err(|error| format!("{query}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(private) = self.private.take() {
            let stopped = private.stop().and_then(|()| PrivatePostgres::delete(self.folder.path()));
            if let Err(error) = stopped {
                eprintln!("mipo-bench: the database of the bench stays in {}: {error}", self.folder.path().display());
            }
        }
    }
}

/// A queue's database in one cell.
#[derive(Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// For its processes.
    pub url: String,
    conn: PgConnection,
}

impl Database {
    async fn connect(name: String, url: String) -> Result<Self, String> {
        let conn = PgConnection::connect(&url).await.map_err(|error| format!("{name}: {error}"))?;
        let mut database = Self { name, url, conn };
        database.run("set statement_timeout = '60s'").await?;
        Ok(database)
    }

    /// A number that a query gives.
    pub async fn number(&mut self, query: &str) -> Result<i64, String> {
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut self.conn).await;
        number.map_err(|error| format!("{query}: {error}"))
    }

    /// What autovacuum would have done after the tasks came in.
    pub async fn vacuum(&mut self) -> Result<(), String> {
        self.run("vacuum (analyze)").await
    }

    /// Runs a statement.
    pub async fn run(&mut self, statement: &str) -> Result<(), String> {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut self.conn).await;
        done.map(|_| ()).map_err(|error| format!("{statement}: {error}"))
    }
}
