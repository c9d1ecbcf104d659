//! What ingest serves to those who install a scanner, by hash: the manager shows it beside the command (product S26).
//!
//! Ingest alone has the release folder. It says what is in it again and again, so that a file that is served no more is
//! soon shown no more.
use crate::{Conn, StoreError};

/// A file is shown this long after ingest last said that it serves it.
pub const GOOD_FOR_SECONDS: f64 = 300.0;

/// A file as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Its name: `install.sh`, or that of a release file.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
}

/// Notes that `name` is served with this hash now.
pub async fn put(conn: &mut Conn, name: &str, sha256: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.served_files (name, sha256, served_at) values ($1, $2, now())
         on conflict (name) do update set sha256 = excluded.sha256, served_at = excluded.served_at",
        name,
        sha256.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is served now, by name.
pub async fn all(conn: &mut Conn) -> Result<Vec<Served>, StoreError> {
    let rows = sqlx::query_as!(
        Served,
        "select name, sha256 from config.served_files where served_at > now() - make_interval(secs => $1) order by name",
        GOOD_FOR_SECONDS
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
