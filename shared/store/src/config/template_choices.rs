//! What a scan template can be made of: the names that its form offers, kind by kind.
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Subnets.
    Subnet,
    /// Groups of subnets.
    SubnetGroup,
    /// Host names.
    Fqdn,
    /// Groups of host names.
    FqdnGroup,
    /// Discovery lists, each named with its source: `cmdb/servers`.
    DiscoveryList,
    /// Port lists.
    PortList,
    /// Groups of port lists.
    PortListGroup,
}

/// Something that can be chosen.
#[derive(Clone, Debug, FromRow)]
pub struct Choice {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// A network or a host name; of a group and of a list, its members.
    pub holds: String,
    /// Scanners and scanner groups that scan it, of a group those of its members; none of ports.
    pub scanners: Json<Vec<Named>>,
}

/// Scanners and scanner groups of the rows `a` of `target_scanners` that `$condition` picks.
macro_rules! scanners_where {
    ($condition:literal) => {
        concat!(
            "coalesce((select json_agg(distinct jsonb_build_object('id', coalesce(s.id, g.id), 'name', coalesce(s.name, g.name)))
               from config.target_scanners a left join config.scanners s on s.id = a.scanner_id
               left join config.scanner_groups g on g.id = a.scanner_group_id where ",
            $condition,
            "), '[]') as scanners"
        )
    };
}

/// The names of the rows `m` of a table of members, the first eight.
macro_rules! members {
    ($from:literal) => {
        concat!(
            "(select coalesce(string_agg(x.name, ', ' order by x.n) filter (where x.n <= 8), '')
                || case when count(*) > 8 then ' and ' || count(*) - 8 || ' more' else '' end
              from (select m.name, row_number() over (order by lower(m.name)) as n from ",
            $from,
            ") x) as holds"
        )
    };
}

const fn named(select: &'static str, from: &'static str) -> Source {
    Source { select, from, only: "true", key: "o.id", sort: &[("name", "lower(o.name)")], filters: &[], search: &[] }
}

const SUBNETS: Source =
    named(concat!("o.id, o.name, o.cidr::text as holds, ", scanners_where!("a.subnet_id = o.id")), "config.subnets o");
const SUBNET_GROUPS: Source = named(
    concat!(
        "o.id, o.name, ",
        members!("config.subnet_group_members k join config.subnets m on m.id = k.subnet_id where k.group_id = o.id"),
        ", ",
        scanners_where!(
            "a.subnet_id in (select k.subnet_id from config.subnet_group_members k where k.group_id = o.id)"
        )
    ),
    "config.subnet_groups o",
);
const FQDNS: Source =
    named(concat!("o.id, o.name, o.hostname as holds, ", scanners_where!("a.fqdn_id = o.id")), "config.fqdns o");
const FQDN_GROUPS: Source = named(
    concat!(
        "o.id, o.name, ",
        members!("config.fqdn_group_members k join config.fqdns m on m.id = k.fqdn_id where k.group_id = o.id"),
        ", ",
        scanners_where!("a.fqdn_id in (select k.fqdn_id from config.fqdn_group_members k where k.group_id = o.id)")
    ),
    "config.fqdn_groups o",
);
const DISCOVERY_LISTS: Source = named(
    "o.id, o.name, o.ip_count || case o.ip_count when 1 then ' address' else ' addresses' end as holds,
     json_build_array(json_build_object('id', coalesce(s.id, g.id), 'name', coalesce(s.name, g.name))) as scanners",
    "(select l.id, d.name || '/' || l.name as name, l.ip_count, l.scanner_id, l.scanner_group_id
      from config.discovery_lists l join config.discovery_sources d on d.id = l.source_id) o
     left join config.scanners s on s.id = o.scanner_id left join config.scanner_groups g on g.id = o.scanner_group_id",
);
const PORT_LISTS: Source = named("o.id, o.name, '' as holds, '[]'::json as scanners", "config.port_lists o");
const PORT_LIST_GROUPS: Source = named(
    concat!(
        "o.id, o.name, ",
        members!(
            "config.port_list_group_members k join config.port_lists m on m.id = k.port_list_id where k.group_id = o.id"
        ),
        ", '[]'::json as scanners"
    ),
    "config.port_list_groups o",
);

impl Kind {
    const fn source(self) -> &'static Source {
        match self {
            Self::Subnet => &SUBNETS,
            Self::SubnetGroup => &SUBNET_GROUPS,
            Self::Fqdn => &FQDNS,
            Self::FqdnGroup => &FQDN_GROUPS,
            Self::DiscoveryList => &DISCOVERY_LISTS,
            Self::PortList => &PORT_LISTS,
            Self::PortListGroup => &PORT_LIST_GROUPS,
        }
    }
}

/// The first `limit` of a kind by name.
pub async fn first(conn: &mut Conn, kind: Kind, limit: i64) -> Result<Found<Choice>, StoreError> {
    kind.source().find(conn, &Ask::first(limit, "name")).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, kind: Kind, ids: Vec<Uuid>) -> Result<Vec<Choice>, StoreError> {
    kind.source().many(conn, ids).await
}
