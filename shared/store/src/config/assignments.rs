//! Who scans a subnet or an FQDN: scanners, and scanner groups in the place of their members.
use mipo_domain::ids::{FqdnId, SubnetId};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// What is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A subnet.
    Subnet(SubnetId),
    /// An FQDN.
    Fqdn(FqdnId),
}

/// Sets which scanners and groups are assigned to `what`.
pub async fn set(conn: &mut Conn, what: Scanned, scanners: &[Uuid], groups: &[Uuid]) -> Result<(), StoreError> {
    let (subnet, fqdn) = match what {
        Scanned::Subnet(id) => (Some(id.as_uuid()), None),
        Scanned::Fqdn(id) => (None, Some(id.as_uuid())),
    };
    sqlx::query!(
        "delete from config.target_scanners
         where (subnet_id = $1 or fqdn_id = $2) and (scanner_id = any($3) or scanner_group_id = any($4)) is not true",
        subnet,
        fqdn,
        scanners,
        groups
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.target_scanners (subnet_id, fqdn_id, scanner_id, scanner_group_id)
         select $1::uuid, $2::uuid, unnest($3::uuid[]), null::uuid union all select $1, $2, null, unnest($4::uuid[])
         on conflict on constraint target_scanners_unique do nothing",
        subnet,
        fqdn,
        scanners,
        groups
    )
    .execute(conn)
    .await?;
    Ok(())
}
