//! Sets of ports by their hash (`results.port_sets`), so that a coverage row need not repeat them.
use mipo_domain::hash::Hash256;
use mipo_domain::ports::PortSet;

use crate::{Conn, StoreError};

/// SHA-256 of the sorted set, written as its shortest ascending text (`22,80,8000-8100`).
pub fn id(ports: &PortSet) -> Hash256 {
    Hash256::of(ports.to_string().as_bytes())
}

/// Stores those of `sets` that are not known yet.
pub async fn ensure(conn: &mut Conn, sets: &[&PortSet]) -> Result<(), StoreError> {
    let ids: Vec<Vec<u8>> = sets.iter().map(|set| id(set).as_bytes().to_vec()).collect();
    let ports: Vec<String> = sets.iter().map(|set| set.to_multirange()).collect();
    let counts: Vec<i32> = sets.iter().map(|set| set.count() as i32).collect();
    sqlx::query!(
        "insert into results.port_sets (id, ports, count)
         select id, ports::int4multirange, count from unnest($1::bytea[], $2::text[], $3::integer[]) as given (id, ports, count)
         on conflict (id) do nothing",
        &ids,
        &ports,
        &counts,
    )
    .execute(conn)
    .await?;
    Ok(())
}
