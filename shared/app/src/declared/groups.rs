//! Groups of scanners, subnets, FQDNs, port lists and scan templates.
use std::marker::PhantomData;

use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::{Kind, Names, Stored, all, sorted, text};
use super::{FqdnSpec, PortListSpec, ScannerSpec, SubnetSpec, TemplateSpec};
use crate::fields::Checks;
use crate::groups::{self, Group, GroupKind, GroupPatch, NewGroup};
use crate::{AppError, Ctx};

/// What a group holds.
pub trait Holds: Clone + PartialEq + Send + Sync + 'static {
    /// As the use cases name it.
    const KIND: GroupKind;
    /// As people name it.
    const NAME: &'static str;
    /// What its members are.
    const MEMBER: &'static str;
}

/// Groups of scanners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanners;
/// Groups of subnets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnets;
/// Groups of FQDNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fqdns;

/// Groups of port lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortLists;
/// Groups of scan templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates;

impl Holds for PortLists {
    const KIND: GroupKind = GroupKind::PortLists;
    const NAME: &'static str = "port list group";
    const MEMBER: &'static str = PortListSpec::NAME;
}

impl Holds for Templates {
    const KIND: GroupKind = GroupKind::Templates;
    const NAME: &'static str = "scan template group";
    const MEMBER: &'static str = TemplateSpec::NAME;
}

impl Holds for Scanners {
    const KIND: GroupKind = GroupKind::Scanners;
    const NAME: &'static str = "scanner group";
    const MEMBER: &'static str = ScannerSpec::NAME;
}

impl Holds for Subnets {
    const KIND: GroupKind = GroupKind::Subnets;
    const NAME: &'static str = "subnet group";
    const MEMBER: &'static str = SubnetSpec::NAME;
}

impl Holds for Fqdns {
    const KIND: GroupKind = GroupKind::Fqdns;
    const NAME: &'static str = "FQDN group";
    const MEMBER: &'static str = FqdnSpec::NAME;
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct GroupSpec<H> {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of its members.
    pub members: Vec<String>,
    /// Of what.
    #[serde(skip)]
    holds: PhantomData<H>,
}

impl<H: Holds> GroupSpec<H> {
    fn members(&self, names: &Names) -> Result<Vec<Uuid>, AppError> {
        let mut checks = Checks::new();
        let ids = names.ids(&mut checks, "members", H::MEMBER, &self.members);
        checks.done()?;
        Ok(ids)
    }
}

impl<H: Holds> Kind for GroupSpec<H> {
    const NAME: &'static str = H::NAME;

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        self.members = sorted(self.members);
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![(H::MEMBER, &mut self.members)]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(groups::list, conn, ctx, H::KIND);
        let stored = |row: Group| Stored {
            id: row.id,
            version: row.version,
            built_in: row.built_in,
            spec: Self {
                members: sorted(row.members.iter().map(|member| member.name.clone()).collect()),
                name: row.name,
                description: row.description,
                holds: PhantomData,
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let input =
            NewGroup { name: self.name.clone(), description: self.description.clone(), members: self.members(names)? };
        Ok(groups::create(conn, ctx, H::KIND, input).await?.id)
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let patch = GroupPatch {
            version: stored.version,
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            members: Some(self.members(names)?),
        };
        groups::update(conn, ctx, H::KIND, stored.id, patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        groups::delete(conn, ctx, H::KIND, id).await
    }
}
