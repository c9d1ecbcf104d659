//! Scanners that have not been heard of.
use chrono::{DateTime, Utc};
use mipo_domain::ids::ScannerId;

use crate::{Conn, StoreError};

/// A scanner that just went offline.
#[derive(Clone, Debug)]
pub struct Silent {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Its last heartbeat.
    pub last_heartbeat_at: Option<DateTime<Utc>>,
}

/// Sets every active scanner `offline` that was silent for longer than `seconds`; answers those.
pub async fn set_offline(conn: &mut Conn, seconds: f64) -> Result<Vec<Silent>, StoreError> {
    Ok(sqlx::query_as!(
        Silent,
        "update config.scanners set status = 'offline', updated_at = now()
         where status = 'active' and last_heartbeat_at < now() - make_interval(secs => $1)
         returning id, name, last_heartbeat_at",
        seconds
    )
    .fetch_all(conn)
    .await?)
}
