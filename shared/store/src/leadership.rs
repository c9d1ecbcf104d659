//! One leader among several processes: an advisory lock of a connection of its own.
//!
//! The lock belongs to the connection, so it ends with the process, with the connection, or with the database, and
//! nobody has to clean up. A pool would hand the connection on; hence it is opened beside it.
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::{Db, StoreError};

/// How often the connection is looked at. It sends no statement.
const PING_EVERY: Duration = Duration::from_secs(2);

/// A database that does not answer for so long has lost us.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The one who holds it leads.
#[derive(Debug)]
pub struct Leadership {
    conn: PgConnection,
    key: i64,
}

impl Leadership {
    /// Tries to become the leader of `key`; `None`: somebody else leads.
    pub async fn try_acquire(db: &Db, key: i64) -> Result<Option<Self>, StoreError> {
        let mut conn = db.pool().connect_options().connect().await?;
        let led = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "led!""#, key).fetch_one(&mut conn).await?;
        if led {
            return Ok(Some(Self { conn, key }));
        }
        conn.close().await?;
        Ok(None)
    }

    /// Returns when leadership is lost. Drop-safe: put it into a `select!`.
    pub async fn lost(&mut self) -> StoreError {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            match tokio::time::timeout(PING_TIMEOUT, self.conn.ping()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return sqlx::Error::PoolTimedOut.into(),
            }
        }
    }

    /// Gives it up, so that a standby need not wait for the connection's end.
    pub async fn resign(mut self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select pg_advisory_unlock($1) as "unlocked!""#, self.key)
            .fetch_one(&mut self.conn)
            .await?;
        self.conn.close().await?;
        Ok(())
    }
}
