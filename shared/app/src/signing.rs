//! The key that signs jobs: made at the first start, kept sealed, replaced by `JOB_SIGNING_KEY` where that is set.
//!
//! A key is replaced by overlap (S14): the new one is announced, vouched for by the one before, and signs only when
//! every scanner has had the time to hear of it. Then what waits is signed anew, and when nothing carries a signature
//! of the old key any more, it is retired.
use chrono::Duration;
use mipo_domain::sealing::{Place, Sealer};
use mipo_protocol::signature::{PublicKey, Purpose, SigningKey};
use mipo_protocol::wire::HEARTBEAT_SECONDS;
use mipo_store::Conn;
use mipo_store::config::signing_keys::{self, NewKey, StoredKey};
use mipo_store::jobs::scan_jobs;
use serde_json::json;

use crate::audit::Entry;
use crate::{AppError, Ctx, audit};

/// What opens the private halves, and the key of the configuration if it names one.
pub struct KeySource<'a> {
    /// `SECRETS_KEY`
    pub sealer: &'a Sealer,
    /// `JOB_SIGNING_KEY`
    pub configured: Option<&'a SigningKey>,
}

/// Two heartbeats: so long a new key is announced before it signs. One may be lost.
fn announcement() -> Duration {
    Duration::seconds(2 * i64::from(HEARTBEAT_SECONDS))
}

/// The key that signs now. The first call of an installation makes it; a configured key that is not the youngest one is
/// announced, and signs later.
pub async fn active_key(conn: &mut Conn, ctx: &Ctx<'_>, source: &KeySource<'_>) -> Result<SigningKey, AppError> {
    let mut keys = signing_keys::in_use(conn).await?;
    if !is_settled(source, &keys) {
        signing_keys::lock(conn).await?;
        keys = signing_keys::in_use(conn).await?;
        if !is_settled(source, &keys) {
            add(conn, ctx, source, keys.iter().find(|key| key.active_from <= ctx.now())).await?;
            keys = signing_keys::in_use(conn).await?;
        }
    }
    let active = keys.iter().find(|key| key.active_from <= ctx.now());
    let active = active.ok_or_else(|| AppError::Internal("no signing key is active".to_owned()))?;
    match source.configured {
        Some(configured) if is(configured, active) => Ok(SigningKey::from_seed(&configured.seed())),
        _ => open(source.sealer, active),
    }
}

/// True when the youngest key is the one that the configuration wants, or it wants none and there is one.
fn is_settled(source: &KeySource<'_>, keys: &[StoredKey]) -> bool {
    let Some(youngest) = keys.first() else { return false };
    source.configured.is_none_or(|configured| is(configured, youngest))
}

fn is(key: &SigningKey, stored: &StoredKey) -> bool {
    PublicKey::from_slice(&stored.public_key).is_ok_and(|public| public == key.public())
}

/// Stores the configured key, or a new one. `before` signs until every scanner knows it.
async fn add(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    source: &KeySource<'_>,
    before: Option<&StoredKey>,
) -> Result<(), AppError> {
    let key = match source.configured {
        Some(configured) => SigningKey::from_seed(&configured.seed()),
        None => SigningKey::generate(ctx.entropy),
    };
    let key_id = key.public().key_id().to_string();
    // An older key that no longer opens can neither vouch nor sign on; scanners then have to be given the new one by
    // enrolling them anew.
    let vouching = before.and_then(|before| open(source.sealer, before).ok());
    let active_from = if vouching.is_some() { ctx.now() + announcement() } else { ctx.now() };
    let vouched =
        vouching.map(|old| (old.public().key_id().to_string(), old.sign(Purpose::Key, key.public().as_bytes()).0));
    let sealed = source.sealer.seal(ctx.entropy, place(&key_id), &key.seed());
    signing_keys::insert(
        conn,
        &NewKey {
            key_id: &key_id,
            public_key: key.public().as_bytes(),
            private_key: &sealed,
            vouched: vouched.as_ref().map(|(by, signature)| (by.as_str(), signature.as_slice())),
            active_from,
        },
    )
    .await?;
    let after = json!({ "keyId": key_id, "activeFrom": active_from });
    audit::record(conn, ctx, Entry::change("created", "signing-key", &key_id).diff(json!(null), after)).await
}

/// Takes the keys before `active` out of use: pending jobs that they signed ask for a new signature, and a key that no
/// live job carries is retired.
pub async fn replace_older(conn: &mut Conn, ctx: &Ctx<'_>, active: &SigningKey) -> Result<(), AppError> {
    let keys = signing_keys::in_use(conn).await?;
    let Some(now) = keys.iter().find(|key| is(active, key)).map(|key| key.active_from) else { return Ok(()) };
    for older in keys.iter().filter(|key| key.active_from < now) {
        scan_jobs::ask_to_replace_key(conn, &older.key_id).await?;
        if scan_jobs::any_signed_with(conn, &older.key_id).await? {
            continue;
        }
        signing_keys::retire(conn, &older.key_id, ctx.now()).await?;
        let entry = Entry::change("retired", "signing-key", &older.key_id);
        audit::record(conn, ctx, entry.diff(json!(null), json!({ "replacedBy": active.public().key_id() }))).await?;
    }
    Ok(())
}

fn open(sealer: &Sealer, stored: &StoredKey) -> Result<SigningKey, AppError> {
    let key_id = &stored.key_id;
    let seed = sealer
        .open(place(key_id), &stored.private_key)
        .map_err(|error| AppError::Internal(format!("the private half of signing key {key_id}: {error}")))?;
    let seed: [u8; 32] = seed
        .try_into()
        .map_err(|_| AppError::Internal(format!("the private half of signing key {key_id} is not 32 bytes")))?;
    Ok(SigningKey::from_seed(&seed))
}

fn place(key_id: &str) -> Place<'_> {
    Place { table: "config.signing_keys", row: key_id, column: "private_key" }
}
