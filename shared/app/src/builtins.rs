//! What is shipped with mipo: port lists, the port catalog and exclusions. (Roles are `roles::seed`.)
use std::collections::HashSet;

use ipnet::IpNet;
use mipo_domain::exclusions as excluded;
use mipo_domain::ids::{ExclusionId, PortCatalogId, PortListId};
use mipo_domain::port_catalog as domain_catalog;
use mipo_domain::port_names::BuiltInPorts;
use mipo_domain::ports::PortSet;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::{exclusions, live, port_catalog, port_lists};
use serde_json::json;

use crate::{AppError, Ctx, audit};

/// Restores what is missing and leaves what is there. Runs at each start and as reload-builtins. Returns the names of
/// what was missing.
pub async fn seed(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<String>, AppError> {
    ctx.require(Right::SettingsManage)?;
    let mut added = Vec::new();
    for list in BuiltInPorts::ALL {
        let fields = port_lists::Fields {
            name: list.name().to_owned(),
            description: list.description().to_owned(),
            tcp_ports: list.ports().to_multirange(),
            udp_ports: PortSet::new().to_multirange(),
            rate_limit: 0,
            catalog_imports: Vec::new(),
            built_in: true,
        };
        if port_lists::insert_missing(conn, PortListId::mint(ctx.clock, ctx.entropy), &fields).await? {
            added.push(list.name().to_owned());
        }
    }
    added.extend(catalog(conn, ctx).await?);
    for built_in in excluded::BUILT_IN {
        let cidr: IpNet =
            built_in.cidr.parse().map_err(|_| AppError::Internal(format!("{} is no network", built_in.cidr)))?;
        if exclusions::id_by_name(conn, built_in.name).await?.is_some() {
            continue;
        }
        let fields = exclusions::Fields {
            name: built_in.name.to_owned(),
            cidr,
            tcp_ports: PortSet::new().to_multirange(),
            reason: built_in.reason.to_owned(),
            expires_at: None,
        };
        exclusions::insert(conn, ExclusionId::mint(ctx.clock, ctx.entropy), &fields, None, true).await?;
        added.push(built_in.name.to_owned());
    }
    if !added.is_empty() {
        live::emit(conn, live::topics::CONFIG, "builtins").await?;
        let entry =
            audit::Entry::change("seeded", "built-ins", "builtins").diff(json!(null), json!({ "added": added }));
        audit::record(conn, ctx, entry).await?;
    }
    Ok(added)
}

/// Restores the entries of the port catalog that are missing. Returns their names.
async fn catalog(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<String>, AppError> {
    let known: HashSet<String> = port_catalog::names(conn).await?.into_iter().map(|name| name.to_lowercase()).collect();
    let missing = domain_catalog::built_in().into_iter().filter(|entry| !known.contains(&entry.name.to_lowercase()));
    let mut added = Vec::new();
    for entry in missing {
        let fields = port_catalog::Fields {
            name: entry.name.to_owned(),
            description: entry.description,
            tcp_ports: entry.ports.tcp.to_multirange(),
            udp_ports: entry.ports.udp.to_multirange(),
            sources: entry.sources.into_iter().map(str::to_owned).collect(),
            built_in: true,
        };
        added.push((PortCatalogId::mint(ctx.clock, ctx.entropy), fields));
    }
    port_catalog::insert_many(conn, &added).await?;
    Ok(added.into_iter().map(|(_, fields)| fields.name).collect())
}
