//! Scanners as people make, change and retire them. What a scanner does with its token and key is `provision` and
//! ingest.
use chrono::{DateTime, Duration, Utc};
use mipo_domain::address;
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_domain::states::ScannerStatus;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::provisioning::{self, NewToken};
use mipo_store::config::scanners::{self as store, Fields};
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::scanners::{KeyRotation, Scanner, ScannerEvent};

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

const KIND: &str = "scanner";
const NAME_UNIQUE: &str = "scanners_name_unique";

/// How long a token works when nothing is said.
pub const TOKEN_MINUTES: i64 = 60;
/// Shortest and longest life of a token.
pub const TOKEN_MINUTES_RANGE: (i64, i64) = (5, 24 * 60);
/// How long a drain lasts when nothing is said: a forgotten one ends by itself.
pub const DRAIN_MINUTES: i64 = 24 * 60;
/// Rows of the event and key history of one scanner.
const HISTORY_LIMIT: i64 = 200;

/// A new scanner, as it was typed.
#[derive(Clone, Debug)]
pub struct NewScanner {
    /// Its name.
    pub name: String,
    /// Where it stands and what it is for.
    pub description: String,
    /// `ip`, `subnet` or `none`.
    pub binding_mode: String,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i64,
    /// Jobs that it works on at once.
    pub max_concurrent_jobs: i64,
    /// How long its token works.
    pub token_minutes: i64,
}

impl Default for NewScanner {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            binding_mode: "ip".to_owned(),
            rate_limit: 0,
            max_concurrent_jobs: 1,
            token_minutes: TOKEN_MINUTES,
        }
    }
}

/// What is to change of a scanner; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ScannerPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// Where it stands and what it is for.
    pub description: Option<String>,
    /// `ip`, `subnet` or `none`.
    pub binding_mode: Option<String>,
    /// Probes per second, 0 for no limit.
    pub rate_limit: Option<i64>,
    /// Jobs that it works on at once.
    pub max_concurrent_jobs: Option<i64>,
}

/// A scanner with the token that was just made for it. The token is shown once.
pub struct Enrolment {
    /// The scanner.
    pub scanner: Scanner,
    /// The token.
    pub token: Token,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// True while a scanner gets no new jobs.
pub fn is_draining(scanner: &Scanner, now: DateTime<Utc>) -> bool {
    scanner.draining_until.is_some_and(|until| until > now)
}

fn shown(fields: &Fields) -> Value {
    json!({
        "name": fields.name,
        "description": fields.description,
        "bindingMode": fields.binding_mode,
        "rateLimit": fields.rate_limit,
        "maxConcurrentJobs": fields.max_concurrent_jobs,
    })
}

fn fields_of(scanner: &Scanner) -> Fields {
    Fields {
        name: scanner.name.clone(),
        description: scanner.description.clone(),
        binding_mode: scanner.binding_mode.clone(),
        rate_limit: scanner.rate_limit,
        max_concurrent_jobs: scanner.max_concurrent_jobs,
    }
}

fn binding_mode(checks: &mut Checks, field: &str, mode: &str) -> String {
    match mode {
        "ip" | "subnet" | "none" => {}
        "asn" => checks.refuse(
            field,
            "not_offered",
            "Binding by network operator needs a table of networks (ASN_TABLE), which is not set up; use ip, subnet or none.",
        ),
        _ => checks.refuse(field, "unknown", "A binding is one of ip, subnet and none."),
    }
    mode.to_owned()
}

fn check(checks: &mut Checks, name: &str, description: &str, mode: &str, rate: i64, jobs: i64) -> Fields {
    Fields {
        name: checks.name("name", name),
        description: checks.description("description", description),
        binding_mode: binding_mode(checks, "bindingMode", mode),
        rate_limit: checks.rate("rateLimit", rate),
        max_concurrent_jobs: checks.count("maxConcurrentJobs", jobs, 1, 8),
    }
}

fn token_minutes(checks: &mut Checks, minutes: i64) -> i64 {
    let (least, most) = TOKEN_MINUTES_RANGE;
    i64::from(checks.count("ttlMinutes", minutes, least, most))
}

/// Makes a scanner and the one-time token with which it becomes known.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewScanner) -> Result<Enrolment, AppError> {
    ctx.require(Right::ScannersManage)?;
    // It hands out a token. Who has just signed in is not asked again.
    ctx.require_step_up()?;
    let mut checks = Checks::new();
    let fields = check(
        &mut checks,
        &input.name,
        &input.description,
        &input.binding_mode,
        input.rate_limit,
        input.max_concurrent_jobs,
    );
    let minutes = token_minutes(&mut checks, input.token_minutes);
    checks.done()?;
    let id = ScannerId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields, ctx.caller.actor.name())
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    let (token, expires_at) = new_token(conn, ctx, id, minutes).await?;
    live::emit(conn, live::topics::SCANNERS, &id.to_string()).await?;
    let scanner = stored(conn, id).await?;
    let mut after = shown(&fields);
    after["tokenPrefix"] = json!(prefix_of(&token)?);
    after["tokenExpiresAt"] = json!(expires_at);
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, after)).await?;
    Ok(Enrolment { scanner, token, expires_at })
}

async fn new_token(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScannerId,
    minutes: i64,
) -> Result<(Token, DateTime<Utc>), AppError> {
    let token = Token::key(KeyKind::Provisioning, ctx.entropy);
    let expires_at = ctx.now() + Duration::minutes(minutes);
    provisioning::replace(
        conn,
        &NewToken {
            id: row_id(ctx),
            scanner: id,
            prefix: prefix_of(&token)?,
            hash: token.hash().as_bytes(),
            expires_at,
            created_by: ctx.caller.actor.name(),
        },
    )
    .await?;
    Ok((token, expires_at))
}

fn prefix_of(token: &Token) -> Result<&str, AppError> {
    token
        .prefix(KeyKind::Provisioning)
        .ok_or_else(|| AppError::Internal("a token was made without a prefix".to_owned()))
}

/// An id for a row that nothing else names.
fn row_id(ctx: &Ctx<'_>) -> Uuid {
    mipo_domain::ids::EventId::mint(ctx.clock, ctx.entropy).as_uuid()
}

/// A page of scanners.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Scanner>, AppError> {
    ctx.require(Right::ScannersView)?;
    Ok(store::list(conn, ask).await?)
}

/// One scanner.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersView)?;
    stored(conn, id).await
}

/// One scanner, with the view written down.
pub async fn view(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    let scanner = get(conn, ctx, id).await?;
    let entry = audit::Entry { kind: "view", ..audit::Entry::change("viewed", KIND, id) };
    audit::record(conn, ctx, entry).await?;
    Ok(scanner)
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ScannersView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a scanner.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ScannersView)?;
    history::of(conn, KIND, id).await
}

/// What happened to a scanner, newest first.
pub async fn events(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Vec<ScannerEvent>, AppError> {
    ctx.require(Right::ScannersView)?;
    stored(conn, id).await?;
    Ok(store::events(conn, id, HISTORY_LIMIT).await?)
}

/// The keys of a scanner that came and went, newest first.
pub async fn key_history(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Vec<KeyRotation>, AppError> {
    ctx.require(Right::ScannersView)?;
    stored(conn, id).await?;
    Ok(store::key_history(conn, id, HISTORY_LIMIT).await?)
}

/// Changes a scanner. A lower rate reaches running jobs with their next call.
pub async fn update(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId, patch: ScannerPatch) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let before = locked(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let mut checks = Checks::new();
    let fields = check(
        &mut checks,
        patch.name.as_deref().unwrap_or(&before.name),
        patch.description.as_deref().unwrap_or(&before.description),
        patch.binding_mode.as_deref().unwrap_or(&before.binding_mode),
        patch.rate_limit.unwrap_or_else(|| before.rate_limit.into()),
        patch.max_concurrent_jobs.unwrap_or_else(|| before.max_concurrent_jobs.into()),
    );
    checks.done()?;
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    changed(conn, ctx, id, "updated", shown(&fields_of(&before)), shown(&fields), "").await
}

/// Makes a new one-time token. The key in use, if any, stops to work at once.
pub async fn regenerate_token(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScannerId,
    minutes: i64,
) -> Result<Enrolment, AppError> {
    ctx.require(Right::ScannersManage)?;
    ctx.require_step_up()?;
    let mut checks = Checks::new();
    let minutes = token_minutes(&mut checks, minutes);
    checks.done()?;
    let before = locked(conn, id).await?;
    if let Some(prefix) = &before.api_key_prefix {
        let rotation = KeyRotation {
            rotated_at: ctx.now(),
            rotated_by: ctx.caller.actor.name().to_owned(),
            reason: "revoked: a new token was made".to_owned(),
            old_key_prefix: Some(prefix.clone()),
            new_key_prefix: None,
        };
        store::insert_key_rotation(conn, row_id(ctx), id, &rotation).await?;
    }
    store::revoke_keys(conn, id).await?;
    let (token, expires_at) = new_token(conn, ctx, id, minutes).await?;
    let scanner = changed(
        conn,
        ctx,
        id,
        "token regenerated",
        json!({ "keyPrefix": before.api_key_prefix }),
        json!({ "keyPrefix": null, "tokenPrefix": prefix_of(&token)?, "tokenExpiresAt": expires_at }),
        "",
    )
    .await?;
    Ok(Enrolment { scanner, token, expires_at })
}

/// Asks a scanner to take a new key at its next heartbeat.
pub async fn rotate_key(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    ctx.require_step_up()?;
    let before = locked(conn, id).await?;
    if before.api_key_prefix.is_none() {
        return Err(AppError::conflict(
            "NO_KEY",
            "This scanner has no key that could be rotated; make a new token for it.",
        ));
    }
    store::request_key_rotation(conn, id).await?;
    let (was, is) = (json!({ "rotateKey": before.rotate_key_requested }), json!({ "rotateKey": true }));
    changed(conn, ctx, id, "key rotation requested", was, is, "").await
}

/// Binds a scanner to an address; without one, to the address of its last call.
pub async fn bind(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScannerId,
    mode: Option<&str>,
    ip: Option<&str>,
) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let before = locked(conn, id).await?;
    let mut checks = Checks::new();
    let default = if before.binding_mode == "none" { "ip" } else { &before.binding_mode };
    let mode = binding_mode(&mut checks, "mode", mode.unwrap_or(default));
    let ip = match (mode.as_str(), ip.map(str::trim).filter(|text| !text.is_empty())) {
        ("none", Some(_)) => {
            checks.refuse(
                "ip",
                "not_used",
                "With the binding none a scanner may call from anywhere; leave the address out.",
            );
            None
        }
        ("none", None) => None,
        (_, Some(text)) => match address::parse_ip(text) {
            Ok(ip) => Some(ip.to_string()),
            Err(error) => {
                checks.refuse("ip", error.code(), fields::sentence(&error.to_string()));
                None
            }
        },
        (_, None) => {
            if before.external_ip.is_none() {
                checks.refuse(
                    "ip",
                    "required",
                    "This scanner has not called yet; name the address that it will call from.",
                );
            }
            before.external_ip.clone()
        }
    };
    checks.done()?;
    store::set_binding(conn, id, &mode, ip.as_deref()).await?;
    let was = json!({ "bindingMode": before.binding_mode, "boundIp": before.bound_ip });
    changed(conn, ctx, id, "bound", was, json!({ "bindingMode": mode, "boundIp": ip }), "").await
}

/// Releases a scanner from its address; its next good heartbeat binds it anew.
pub async fn release_binding(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let before = locked(conn, id).await?;
    store::set_binding(conn, id, &before.binding_mode, None).await?;
    let was = json!({ "boundIp": before.bound_ip, "ipMismatchCount": before.ip_mismatch_count });
    changed(conn, ctx, id, "binding released", was, json!({ "boundIp": null, "ipMismatchCount": 0 }), "").await
}

/// Disables a scanner: its calls are refused and it gets no jobs.
pub async fn disable(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId, reason: &str) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let reason = reason_of(reason)?;
    move_to(conn, ctx, id, |_| ScannerStatus::Disabled, "disabled", &reason).await
}

/// Lets a disabled scanner in again; its next good heartbeat makes it active.
pub async fn enable(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let when_enabled = |scanner: &Scanner| ScannerStatus::when_enabled(scanner.first_heartbeat_at.is_some());
    move_to(conn, ctx, id, when_enabled, "enabled", "").await
}

async fn move_to(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScannerId,
    to: impl FnOnce(&Scanner) -> ScannerStatus,
    action: &'static str,
    reason: &str,
) -> Result<Scanner, AppError> {
    let before = locked(conn, id).await?;
    let status: ScannerStatus =
        before.status.parse().map_err(|_| AppError::Internal(format!("scanner {id} is {}", before.status)))?;
    let to = to(&before);
    // Enabling what is enabled already, and the other way round, changes nothing.
    if (status == ScannerStatus::Disabled) == (to == ScannerStatus::Disabled) {
        return Ok(before);
    }
    status.become_(to).map_err(|error| AppError::conflict("ILLEGAL_MOVE", fields::sentence(&error.to_string())))?;
    store::set_status(conn, id, to.as_str()).await?;
    let (was, is) = (json!({ "status": before.status }), json!({ "status": to.as_str() }));
    changed(conn, ctx, id, action, was, is, reason).await
}

/// Gives a scanner no new jobs for some time; what it works on goes on.
pub async fn drain(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId, minutes: i64) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let mut checks = Checks::new();
    let minutes = checks.count("minutes", minutes, 1, 30 * 24 * 60);
    checks.done()?;
    let before = locked(conn, id).await?;
    let until = ctx.now() + Duration::minutes(minutes.into());
    store::set_draining(conn, id, Some(until)).await?;
    let was = json!({ "drainingUntil": before.draining_until });
    changed(conn, ctx, id, "drained", was, json!({ "drainingUntil": until }), "").await
}

/// Ends a drain.
pub async fn undrain(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Scanner, AppError> {
    ctx.require(Right::ScannersManage)?;
    let before = locked(conn, id).await?;
    if before.draining_until.is_none() {
        return Ok(before);
    }
    store::set_draining(conn, id, None).await?;
    let was = json!({ "drainingUntil": before.draining_until });
    changed(conn, ctx, id, "undrained", was, json!({ "drainingUntil": null }), "").await
}

/// Deletes a scanner that nothing refers to; its key stops to work at once. What it found stays.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<(), AppError> {
    ctx.require(Right::ScannersManage)?;
    let scanner = locked(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::SCANNERS, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&fields_of(&scanner)), Value::Null);
    audit::record(conn, ctx, entry).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: ScannerId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ScannersView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: ScannerId) -> Result<Scanner, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

/// The scanner, held against ingest and other people until the transaction ends.
async fn locked(conn: &mut Conn, id: ScannerId) -> Result<Scanner, AppError> {
    if !store::lock(conn, id).await? {
        return Err(AppError::NotFound(KIND));
    }
    stored(conn, id).await
}

async fn changed(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScannerId,
    action: &'static str,
    before: Value,
    after: Value,
    reason: &str,
) -> Result<Scanner, AppError> {
    live::emit(conn, live::topics::SCANNERS, &id.to_string()).await?;
    let scanner = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change(action, KIND, id).diff(before, after).reason(reason)).await?;
    Ok(scanner)
}

fn reason_of(text: &str) -> Result<String, AppError> {
    let mut checks = Checks::new();
    let reason = checks.text("reason", text, 2_000);
    checks.done()?;
    Ok(reason)
}
