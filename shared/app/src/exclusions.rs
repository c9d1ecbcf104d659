//! Exclusions: addresses that are never probed. Making one is always possible; taking one away is switching a safety
//! measure off, so it needs the password again.
use chrono::{DateTime, Utc};
use mipo_domain::exclusions as rules;
use mipo_domain::ids::ExclusionId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::exclusions::{self as store, Fields};
use mipo_store::config::live;
use mipo_store::jobs::scan_jobs;
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};

pub use mipo_store::config::exclusions::Exclusion;

use crate::fields::{self, Checks, DESCRIPTION_MAX};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit, port_lists};

const KIND: &str = "exclusion";
const NAME_UNIQUE: &str = "exclusions_name_unique";
const WHY: &str = "Say why these addresses are never probed; whoever wonders later reads it.";

/// A new exclusion, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewExclusion {
    /// Its name.
    pub name: String,
    /// The network.
    pub cidr: String,
    /// TCP ports; empty for every port.
    pub ports: String,
    /// Why.
    pub reason: String,
    /// When it stops to hold by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is to change of an exclusion; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ExclusionPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// The network.
    pub cidr: Option<String>,
    /// TCP ports; empty for every port.
    pub ports: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it stops to hold; `Some(None)` for never.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// The ports of an exclusion as text; empty for every port.
pub fn ports_text(exclusion: &Exclusion) -> Result<String, AppError> {
    Ok(port_lists::read(&exclusion.tcp_ports)?.to_string())
}

/// True when it holds at `now`.
pub fn holds(exclusion: &Exclusion, now: DateTime<Utc>) -> bool {
    exclusion.enabled && exclusion.expires_at.is_none_or(|at| at > now)
}

/// Every exclusion that holds now, ready to be asked. Planning and ingest call it too.
pub async fn in_force(conn: &mut Conn) -> Result<rules::Exclusions, AppError> {
    let mut list = Vec::new();
    for row in store::in_force(conn).await? {
        list.push(rules::Exclusion { cidr: row.cidr, ports: port_lists::read(&row.tcp_ports)? });
    }
    Ok(rules::Exclusions::new(list))
}

fn shown(fields: &Fields) -> Value {
    json!({
        "name": fields.name,
        "cidr": fields.cidr.to_string(),
        "ports": port_lists::read(&fields.tcp_ports).map(|ports| ports.to_string()).unwrap_or_default(),
        "reason": fields.reason,
        "expiresAt": fields.expires_at,
    })
}

fn fields_of(exclusion: &Exclusion) -> Fields {
    Fields {
        name: exclusion.name.clone(),
        cidr: exclusion.cidr,
        tcp_ports: exclusion.tcp_ports.clone(),
        reason: exclusion.reason.clone(),
        expires_at: exclusion.expires_at,
    }
}

fn check(ctx: &Ctx<'_>, input: &NewExclusion, expires_before: Option<DateTime<Utc>>) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", &input.name);
    let net = checks.cidr("cidr", &input.cidr);
    let ports = checks.ports("ports", &input.ports);
    if !ports.udp.is_empty() {
        checks.refuse("ports", "udp", "Only TCP is probed; leave the UDP ports out.");
    }
    let reason = checks.required("reason", &input.reason, DESCRIPTION_MAX, WHY);
    if let Some(at) = input.expires_at
        && at <= ctx.now()
        && input.expires_at != expires_before
    {
        checks.refuse("expiresAt", "past", "An exclusion expires in the future, or never (leave it empty).");
    }
    checks.done()?;
    let cidr = net.ok_or_else(|| AppError::Internal("a network passed the checks without being read".to_owned()))?;
    Ok(Fields { name, cidr, tcp_ports: ports.tcp.to_multirange(), reason, expires_at: input.expires_at })
}

/// Makes an exclusion; it holds at once, for scans that run too.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewExclusion) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyManage)?;
    let fields = check(ctx, &input, None)?;
    let id = ExclusionId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields, ctx.caller.user_id(), false)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let exclusion = stored(conn, id).await?;
    reach_jobs(conn, ctx, &exclusion).await?;
    let entry = audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&fields)).reason(&fields.reason);
    audit::record(conn, ctx, entry).await?;
    Ok(exclusion)
}

/// Jobs that wait are signed anew with the longer list (product 7.2); who holds one hears of it at its next call.
async fn reach_jobs(conn: &mut Conn, ctx: &Ctx<'_>, exclusion: &Exclusion) -> Result<(), AppError> {
    if holds(exclusion, ctx.now()) {
        scan_jobs::ask_to_sign_meeting(conn, exclusion.cidr).await?;
    }
    Ok(())
}

/// A page of exclusions.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Exclusion>, AppError> {
    ctx.require(Right::SafetyView)?;
    Ok(store::list(conn, ask).await?)
}

/// One exclusion.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: ExclusionId) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyView)?;
    stored(conn, id).await
}

/// The exclusion called `name`.
pub async fn by_name(conn: &mut Conn, ctx: &Ctx<'_>, name: &str) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyView)?;
    let id = store::id_by_name(conn, name).await?.ok_or(AppError::NotFound(KIND))?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::SafetyView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on an exclusion.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: ExclusionId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::SafetyView)?;
    history::of(conn, KIND, id).await
}

/// Changes an exclusion. Needs the password again, because less may be excluded afterwards.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ExclusionId,
    patch: ExclusionPatch,
) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyManage)?;
    ctx.require_step_up()?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let input = NewExclusion {
        name: patch.name.unwrap_or_else(|| before.name.clone()),
        cidr: patch.cidr.unwrap_or_else(|| before.cidr.to_string()),
        ports: match patch.ports {
            Some(text) => text,
            None => ports_text(&before)?,
        },
        reason: patch.reason.unwrap_or_else(|| before.reason.clone()),
        expires_at: patch.expires_at.unwrap_or(before.expires_at),
    };
    let fields = check(ctx, &input, before.expires_at)?;
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    reach_jobs(conn, ctx, &after).await?;
    let entry = audit::Entry::change("updated", KIND, id).diff(shown(&fields_of(&before)), shown(&fields));
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Switches an exclusion, built-in ones too. Off needs a reason and the password again; on needs neither.
pub async fn set_enabled(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ExclusionId,
    enabled: bool,
    reason: &str,
) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyManage)?;
    if !enabled {
        ctx.require_step_up()?;
    }
    let before = stored(conn, id).await?;
    let mut checks = Checks::new();
    let reason = if enabled {
        checks.text("reason", reason, DESCRIPTION_MAX)
    } else {
        checks.required("reason", reason, DESCRIPTION_MAX, "Say why these addresses may be probed now; it is kept.")
    };
    checks.done()?;
    if before.enabled == enabled {
        return Ok(before);
    }
    if !store::set_enabled(conn, id, before.version, (!enabled).then_some(&*reason)).await? {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    reach_jobs(conn, ctx, &after).await?;
    let entry = audit::Entry::change(if enabled { "enabled" } else { "disabled" }, KIND, id)
        .diff(json!({ "enabled": before.enabled }), json!({ "enabled": enabled }))
        .reason(&reason);
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Makes a copy called `name`; the copy of a built-in one can be changed.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: ExclusionId, name: &str) -> Result<Exclusion, AppError> {
    ctx.require(Right::SafetyManage)?;
    let from = stored(conn, id).await?;
    let input = NewExclusion {
        name: name.to_owned(),
        cidr: from.cidr.to_string(),
        ports: ports_text(&from)?,
        reason: from.reason,
        expires_at: from.expires_at.filter(|at| *at > ctx.now()),
    };
    create(conn, ctx, input).await
}

/// Deletes an exclusion. Needs the password again.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: ExclusionId) -> Result<(), AppError> {
    ctx.require(Right::SafetyManage)?;
    ctx.require_step_up()?;
    let exclusion = editable(conn, id).await?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&fields_of(&exclusion)), Value::Null);
    audit::record(conn, ctx, entry).await
}

async fn stored(conn: &mut Conn, id: ExclusionId) -> Result<Exclusion, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

async fn editable(conn: &mut Conn, id: ExclusionId) -> Result<Exclusion, AppError> {
    let exclusion = stored(conn, id).await?;
    if exclusion.built_in {
        return Err(AppError::Refused {
            code: "BUILT_IN",
            detail: "A built-in exclusion cannot be changed or deleted; disable it with a reason, or clone it."
                .to_owned(),
        });
    }
    Ok(exclusion)
}
