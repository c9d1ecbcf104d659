//! Templates of ad-hoc scans: they hold targets, ports and scanners themselves and are hidden from lists.
use mipo_domain::ids::{ScannerId, TemplateId};

use crate::{Conn, StoreError};

/// A template as a scan starts from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateHead {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// True for one of an ad-hoc scan.
    pub adhoc: bool,
}

/// A scanner that may be named in an ad-hoc scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannerHead {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Its status, a word of product 4.1.
    pub status: String,
}

/// An ad-hoc template that is about to be made.
#[derive(Clone, Debug)]
pub struct NewAdhoc<'a> {
    /// Its id.
    pub id: TemplateId,
    /// Addresses, CIDRs, ranges and host names, as they were typed.
    pub targets: &'a [String],
    /// As a multirange, such as `{[22,23),[80,81)}`.
    pub tcp_ports: &'a str,
    /// As a multirange.
    pub udp_ports: &'a str,
    /// Who probes them.
    pub scanner_ids: &'a [ScannerId],
    /// Who asked.
    pub created_by: &'a str,
}

/// The template `id`.
pub async fn head(conn: &mut Conn, id: TemplateId) -> Result<Option<TemplateHead>, StoreError> {
    Ok(sqlx::query_as!(TemplateHead, "select id, name, adhoc from config.scan_templates where id = $1", id.as_uuid())
        .fetch_optional(conn)
        .await?)
}

/// The template of this name, whatever its case.
pub async fn head_by_name(conn: &mut Conn, name: &str) -> Result<Option<TemplateHead>, StoreError> {
    Ok(sqlx::query_as!(
        TemplateHead,
        "select id, name, adhoc from config.scan_templates where lower(name) = lower($1)",
        name
    )
    .fetch_optional(conn)
    .await?)
}

/// Every scanner, by name.
pub async fn scanners(conn: &mut Conn) -> Result<Vec<ScannerHead>, StoreError> {
    Ok(sqlx::query_as!(ScannerHead, "select id, name, status from config.scanners order by lower(name)")
        .fetch_all(conn)
        .await?)
}

/// Makes the next `adhoc-<n>`; answers its name.
pub async fn insert(conn: &mut Conn, adhoc: &NewAdhoc<'_>) -> Result<String, StoreError> {
    let scanner_ids: Vec<_> = adhoc.scanner_ids.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_scalar!(
        "insert into config.scan_templates
           (id, name, adhoc, adhoc_targets, adhoc_tcp_ports, adhoc_udp_ports, adhoc_scanner_ids, created_by)
         values ($1, 'adhoc-' || nextval('config.adhoc_templates'), true, $2, $3::text::int4multirange,
           $4::text::int4multirange, $5, $6)
         returning name",
        adhoc.id.as_uuid(),
        adhoc.targets,
        adhoc.tcp_ports,
        adhoc.udp_ports,
        &scanner_ids,
        adhoc.created_by,
    )
    .fetch_one(conn)
    .await?)
}
