//! The pool, and transactions that have names.
use std::ops::{Deref, DerefMut};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection as _, PgPool, Postgres, Transaction};

use crate::{Conn, StoreError};

/// A pool of connections under one service role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
}

/// An open transaction. Its name stands in the trace; dropping it without [`Tx::commit`] rolls back.
#[derive(Debug)]
pub struct Tx {
    name: &'static str,
    inner: Transaction<'static, Postgres>,
}

impl Db {
    /// A pool for `url` with at most `max_connections`. Connects lazily: a database that is away is an error of the
    /// first use, not of the start.
    pub fn lazy(url: &str, max_connections: u32, application_name: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(std::time::Duration::from_secs(10))
            .connect_lazy_with(options.application_name(application_name));
        Ok(Self { pool })
    }

    /// Wraps a pool that exists.
    pub const fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool itself, for the queue.
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Opens a transaction; `name` is `room.verb`, such as `scans.start`.
    pub async fn tx(&self, name: &'static str) -> Result<Tx, StoreError> {
        Ok(Tx { name, inner: self.begin("begin").await? })
    }

    /// Opens a read-only transaction with one snapshot for all its statements.
    pub async fn read(&self, name: &'static str) -> Result<Tx, StoreError> {
        Ok(Tx { name, inner: self.begin("begin isolation level repeatable read, read only").await? })
    }

    /// In a task of its own, because a begin must not be broken off half-way, as happens when a browser leaves a page:
    /// the connection would return to the pool in a transaction that its next user knows nothing of and never ends.
    async fn begin(&self, statement: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin_with(statement).await });
        // Only a panic or the end of the process takes the task away.
        Ok(begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    /// The same as the role `mipo_ops_read`, which may read the queue and cannot write at all: for the queue pages,
    /// whose statements are made of what people type. Its rights on schema `config` are those of 0007, no more.
    pub async fn look(&self, name: &'static str) -> Result<Tx, StoreError> {
        // Both at once, so that no transaction is ever open under the other role.
        let begin = "begin isolation level repeatable read, read only; set local role mipo_ops_read";
        Ok(Tx { name, inner: self.begin(begin).await? })
    }

    /// True when the database answers.
    pub async fn ping(&self) -> bool {
        let Ok(mut conn) = self.pool.acquire().await else { return false };
        conn.ping().await.is_ok()
    }

    /// A listener on `channels`. It reconnects by itself; what is missed meanwhile is found by the caller's poll.
    pub async fn listener(&self, channels: &[&str]) -> Result<PgListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    /// Closes the pool and waits for connections in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Tx {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Makes everything done in it durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await.map_err(StoreError::from)
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.inner
    }
}
