//! A new key for a scanner, while the old one goes on working for a while.
use chrono::Duration;
use mipo_domain::ids::EventId;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_protocol::messages::RotateAnswer;
use mipo_protocol::problem::Code;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::scanner_keys::{self, Holder};
use mipo_store::config::scanners::{self, KeyRotation};
use serde_json::json;

use crate::audit::{self, Entry};
use crate::refusal::Refusal;
use crate::{Actor, Caller, Ctx};

/// The old key ends 15 min after the first use of the new one, and at the latest after so many hours.
const PREVIOUS_KEY_HOURS: i64 = 24;

/// Makes a new key.
pub async fn rotate(conn: &mut Conn, ctx: &Ctx<'_>, holder: &Holder) -> Result<RotateAnswer, Refusal> {
    let key = Token::key(KeyKind::Scanner, ctx.entropy);
    let Some(prefix) = key.prefix(KeyKind::Scanner) else {
        return Err(Refusal::new(Code::Internal, "a new key has no prefix"));
    };
    let until = ctx.now() + Duration::hours(PREVIOUS_KEY_HOURS);
    scanner_keys::rotate(conn, holder.id, prefix, key.hash().as_bytes(), ctx.now(), until).await?;
    scanners::insert_key_rotation(
        conn,
        EventId::mint(ctx.clock, ctx.entropy).as_uuid(),
        holder.id,
        &KeyRotation {
            rotated_at: ctx.now(),
            rotated_by: holder.name.clone(),
            reason: if holder.rotate_key_requested { "asked for by an operator" } else { "by the scanner" }.into(),
            old_key_prefix: holder.api_key_prefix.clone(),
            new_key_prefix: Some(prefix.to_owned()),
        },
    )
    .await?;
    live::emit(conn, live::topics::SCANNERS, &holder.id.to_string()).await?;
    let scanner = Caller { actor: Actor::Scanner { id: holder.id, name: holder.name.clone() }, ..ctx.caller.clone() };
    let ctx = Ctx { caller: &scanner, ..*ctx };
    let entry = Entry::change("key_rotated", "scanner", holder.id)
        .diff(json!({ "keyPrefix": holder.api_key_prefix }), json!({ "keyPrefix": prefix }));
    audit::record(conn, &ctx, entry).await?;
    Ok(RotateAnswer { api_key: key.reveal().to_owned() })
}
