//! The scan configuration as one document: what is there written down, and a document made so.
//!
//! Objects are known by their names. What a document does not name stays as it is, unless it is told to prune. Everything
//! goes through the use cases that the pages call, in one transaction, so a document can do nothing that a person could
//! not do, and does all or nothing.
mod blackouts;
mod exclusions;
mod fqdns;
mod groups;
mod kind;
mod ports;
mod scanners;
mod schedules;
mod subnets;
mod templates;

use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use blackouts::BlackoutSpec;
pub use exclusions::ExclusionSpec;
pub use fqdns::FqdnSpec;
pub use groups::{Fqdns, GroupSpec, Holds, PortLists, Scanners, Subnets, Templates};
pub use ports::PortListSpec;
pub use scanners::ScannerSpec;
pub use schedules::ScheduleSpec;
pub use subnets::SubnetSpec;
pub use templates::TemplateSpec;

use crate::{AppError, Ctx};
use kind::Names;

/// The whole scan configuration without what is built in, without secrets and without what machines know by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// Scanners; a new one waits for a token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scanners: Vec<ScannerSpec>,
    /// Groups of scanners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scanner_groups: Vec<GroupSpec<Scanners>>,
    /// Networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<SubnetSpec>,
    /// Groups of networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_groups: Vec<GroupSpec<Subnets>>,
    /// Host names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fqdns: Vec<FqdnSpec>,
    /// Groups of host names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fqdn_groups: Vec<GroupSpec<Fqdns>>,
    /// Ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_lists: Vec<PortListSpec>,
    /// Groups of port lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_list_groups: Vec<GroupSpec<PortLists>>,
    /// Which targets on which ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scan_templates: Vec<TemplateSpec>,
    /// Groups of scan templates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scan_template_groups: Vec<GroupSpec<Templates>>,
    /// When templates run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpec>,
    /// What is never probed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<ExclusionSpec>,
    /// What is not probed now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<BlackoutSpec>,
}

/// What a document changes on one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// To what: `subnet`, `port list`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Fields that differ, with their values before and after; `null` for none.
    pub fields: Vec<(String, Value, Value)>,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Create,
    /// It is another now.
    Update,
    /// The document does not name it, and prunes.
    Delete,
}

/// Why a document cannot be applied: the object, and what is wrong with it.
#[derive(Debug)]
pub struct Refused {
    /// Such as `subnet office`.
    pub what: String,
    /// What is wrong.
    pub error: AppError,
}

/// Writes down what is there.
pub async fn export(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Document, AppError> {
    Ok(Document {
        scanners: kind::export::<ScannerSpec>(conn, ctx).await?,
        scanner_groups: kind::export::<GroupSpec<Scanners>>(conn, ctx).await?,
        subnets: kind::export::<SubnetSpec>(conn, ctx).await?,
        subnet_groups: kind::export::<GroupSpec<Subnets>>(conn, ctx).await?,
        fqdns: kind::export::<FqdnSpec>(conn, ctx).await?,
        fqdn_groups: kind::export::<GroupSpec<Fqdns>>(conn, ctx).await?,
        port_lists: kind::export::<PortListSpec>(conn, ctx).await?,
        port_list_groups: kind::export::<GroupSpec<PortLists>>(conn, ctx).await?,
        scan_templates: kind::export::<TemplateSpec>(conn, ctx).await?,
        scan_template_groups: kind::export::<GroupSpec<Templates>>(conn, ctx).await?,
        schedules: kind::export::<ScheduleSpec>(conn, ctx).await?,
        exclusions: kind::export::<ExclusionSpec>(conn, ctx).await?,
        blackouts: kind::export::<BlackoutSpec>(conn, ctx).await?,
    })
}

/// Makes it so, and answers what that changed. The caller commits; whoever only wants to see the plan does not.
///
/// Deletions come last and in the opposite order, so that nothing is deleted that something still refers to.
pub async fn apply(conn: &mut Conn, ctx: &Ctx<'_>, document: &Document, prune: bool) -> Result<Vec<Step>, Refused> {
    let mut names = Names::default();
    let mut steps = Vec::new();
    let extra = Extra {
        scanners: kind::put(conn, ctx, &document.scanners, &mut names, &mut steps).await?,
        scanner_groups: kind::put(conn, ctx, &document.scanner_groups, &mut names, &mut steps).await?,
        subnets: kind::put(conn, ctx, &document.subnets, &mut names, &mut steps).await?,
        subnet_groups: kind::put(conn, ctx, &document.subnet_groups, &mut names, &mut steps).await?,
        fqdns: kind::put(conn, ctx, &document.fqdns, &mut names, &mut steps).await?,
        fqdn_groups: kind::put(conn, ctx, &document.fqdn_groups, &mut names, &mut steps).await?,
        port_lists: kind::put(conn, ctx, &document.port_lists, &mut names, &mut steps).await?,
        port_list_groups: kind::put(conn, ctx, &document.port_list_groups, &mut names, &mut steps).await?,
        scan_templates: kind::put(conn, ctx, &document.scan_templates, &mut names, &mut steps).await?,
        scan_template_groups: kind::put(conn, ctx, &document.scan_template_groups, &mut names, &mut steps).await?,
        schedules: kind::put(conn, ctx, &document.schedules, &mut names, &mut steps).await?,
        exclusions: kind::put(conn, ctx, &document.exclusions, &mut names, &mut steps).await?,
        blackouts: kind::put(conn, ctx, &document.blackouts, &mut names, &mut steps).await?,
    };
    if prune {
        kind::prune::<BlackoutSpec>(conn, ctx, extra.blackouts, &mut steps).await?;
        kind::prune::<ExclusionSpec>(conn, ctx, extra.exclusions, &mut steps).await?;
        kind::prune::<ScheduleSpec>(conn, ctx, extra.schedules, &mut steps).await?;
        kind::prune::<GroupSpec<Templates>>(conn, ctx, extra.scan_template_groups, &mut steps).await?;
        kind::prune::<TemplateSpec>(conn, ctx, extra.scan_templates, &mut steps).await?;
        kind::prune::<GroupSpec<PortLists>>(conn, ctx, extra.port_list_groups, &mut steps).await?;
        kind::prune::<PortListSpec>(conn, ctx, extra.port_lists, &mut steps).await?;
        kind::prune::<GroupSpec<Fqdns>>(conn, ctx, extra.fqdn_groups, &mut steps).await?;
        kind::prune::<FqdnSpec>(conn, ctx, extra.fqdns, &mut steps).await?;
        kind::prune::<GroupSpec<Subnets>>(conn, ctx, extra.subnet_groups, &mut steps).await?;
        kind::prune::<SubnetSpec>(conn, ctx, extra.subnets, &mut steps).await?;
        kind::prune::<GroupSpec<Scanners>>(conn, ctx, extra.scanner_groups, &mut steps).await?;
        kind::prune::<ScannerSpec>(conn, ctx, extra.scanners, &mut steps).await?;
    }
    Ok(steps)
}

/// What is there and not in the document.
struct Extra {
    scanners: Vec<kind::Stored<ScannerSpec>>,
    scanner_groups: Vec<kind::Stored<GroupSpec<Scanners>>>,
    subnets: Vec<kind::Stored<SubnetSpec>>,
    subnet_groups: Vec<kind::Stored<GroupSpec<Subnets>>>,
    fqdns: Vec<kind::Stored<FqdnSpec>>,
    fqdn_groups: Vec<kind::Stored<GroupSpec<Fqdns>>>,
    port_lists: Vec<kind::Stored<PortListSpec>>,
    port_list_groups: Vec<kind::Stored<GroupSpec<PortLists>>>,
    scan_templates: Vec<kind::Stored<TemplateSpec>>,
    scan_template_groups: Vec<kind::Stored<GroupSpec<Templates>>>,
    schedules: Vec<kind::Stored<ScheduleSpec>>,
    exclusions: Vec<kind::Stored<ExclusionSpec>>,
    blackouts: Vec<kind::Stored<BlackoutSpec>>,
}
