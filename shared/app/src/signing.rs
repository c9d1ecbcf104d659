//! The key that signs jobs: made at the first start, kept sealed, replaced by `JOB_SIGNING_KEY` where that is set.
use mipo_domain::sealing::{Place, Sealer};
use mipo_protocol::signature::{PublicKey, Purpose, SigningKey};
use mipo_store::Conn;
use mipo_store::config::signing_keys::{self, NewKey, StoredKey};
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

/// The key that signs now. The first call of an installation makes it; a configured key that is not the active one
/// becomes it, vouched for by the one before, so that scanners follow.
pub async fn active_key(conn: &mut Conn, ctx: &Ctx<'_>, source: &KeySource<'_>) -> Result<SigningKey, AppError> {
    if let Some(key) = usable(source, signing_keys::active(conn).await?)? {
        return Ok(key);
    }
    signing_keys::lock(conn).await?;
    let before = signing_keys::active(conn).await?;
    if let Some(key) = usable(source, before.clone())? {
        return Ok(key);
    }
    let key = match source.configured {
        Some(configured) => SigningKey::from_seed(&configured.seed()),
        None => SigningKey::generate(ctx.entropy),
    };
    let key_id = key.public().key_id().to_string();
    // An older key that no longer opens cannot vouch; scanners then have to be given the new one by hand.
    let vouching = before.and_then(|before| open(source.sealer, &before).ok());
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
            active_from: ctx.now(),
        },
    )
    .await?;
    audit::record(
        conn,
        ctx,
        Entry::change("created", "signing-key", &key_id).diff(json!(null), json!({ "keyId": key_id })),
    )
    .await?;
    Ok(key)
}

/// The stored key, unless the configuration names another.
fn usable(source: &KeySource<'_>, stored: Option<StoredKey>) -> Result<Option<SigningKey>, AppError> {
    let Some(stored) = stored else { return Ok(None) };
    if let Some(configured) = source.configured {
        let same = PublicKey::from_slice(&stored.public_key).is_ok_and(|public| public == configured.public());
        return Ok(same.then(|| SigningKey::from_seed(&configured.seed())));
    }
    open(source.sealer, &stored).map(Some)
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
