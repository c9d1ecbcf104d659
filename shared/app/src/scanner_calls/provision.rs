//! Exchanging the one-time token for a key, exactly once (S12).
use std::net::IpAddr;

use chrono::Duration;
use mipo_domain::secrets::{KeyKind, Token, TokenHash};
use mipo_protocol::messages::{ProvisionAnswer, ProvisionRequest};
use mipo_protocol::problem::Code;
use mipo_protocol::wire::HEARTBEAT_SECONDS;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::scanner_keys::{self, FoundToken, Machine};
use mipo_store::config::scanners::{self, KeyRotation};
use serde_json::json;
use uuid::Uuid;

use super::{MAX_WORD_CHARACTERS, check_word, job_key_to_pin};
use crate::audit::{self, Entry};
use crate::events::{self, Event};
use crate::refusal::Refusal;
use crate::{Actor, Caller, Ctx};

/// So long a second exchange by the same binary from the same address is a lost answer, not an attack.
const LOST_ANSWER_SECONDS: i64 = 60;

/// Exchanges the token. Of parallel exchanges one wins, because the row of the token is locked.
pub async fn provision(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    request: &ProvisionRequest,
    source: IpAddr,
) -> Result<ProvisionAnswer, Refusal> {
    check_word("hostname", &request.hostname, MAX_WORD_CHARACTERS)?;
    check_word("version", &request.version, 64)?;
    check_word("platform", &request.platform, 32)?;
    check_word("arch", &request.arch, 32)?;
    let wrong = || {
        Refusal::new(
            Code::TokenInvalid,
            "the token is unknown, expired or already used; make a new one on the scanner's page",
        )
    };
    let token = Token::presented(request.token.as_str());
    let prefix = token.prefix(KeyKind::Provisioning).ok_or_else(wrong)?;
    let found = scanner_keys::lock_token(conn, prefix).await?.ok_or_else(wrong)?;
    if !TokenHash::from_slice(&found.hash).is_some_and(|stored| stored.matches(&token.hash())) {
        return Err(wrong());
    }
    if found.used_at.is_some() {
        return Err(used_before(conn, ctx, &found, request, source).await?);
    }
    if found.revoked || found.expires_at <= ctx.now() {
        return Err(wrong());
    }
    let job_public_key = job_key_to_pin(conn).await?;
    let key = Token::key(KeyKind::Scanner, ctx.entropy);
    let Some(key_prefix) = key.prefix(KeyKind::Scanner) else {
        return Err(Refusal::new(Code::Internal, "a new key has no prefix"));
    };
    scanner_keys::exchange(
        conn,
        found.id,
        found.scanner,
        key_prefix,
        key.hash().as_bytes(),
        &Machine {
            source_ip: &source.to_string(),
            hostname: &request.hostname,
            version: &request.version,
            platform: &request.platform,
            arch: &request.arch,
            binary_sha256: request.binary_sha256.as_bytes(),
        },
        ctx.now(),
    )
    .await?;
    scanners::insert_key_rotation(
        conn,
        Uuid::from(mipo_domain::ids::EventId::mint(ctx.clock, ctx.entropy)),
        found.scanner,
        &KeyRotation {
            rotated_at: ctx.now(),
            rotated_by: found.scanner_name.clone(),
            reason: "provisioned".into(),
            old_key_prefix: found.key_prefix.clone(),
            new_key_prefix: Some(key_prefix.to_owned()),
        },
    )
    .await?;
    live::emit(conn, live::topics::SCANNERS, &found.scanner.to_string()).await?;
    let scanner = Caller {
        actor: Actor::Scanner { id: found.scanner, name: found.scanner_name.clone() },
        ip: Some(source),
        ..ctx.caller.clone()
    };
    let ctx = Ctx { caller: &scanner, ..*ctx };
    let after = json!({ "hostname": request.hostname, "version": request.version, "platform": request.platform,
        "arch": request.arch, "binarySha256": request.binary_sha256, "keyPrefix": key_prefix });
    let entry = Entry::change("provisioned", "scanner", found.scanner).diff(json!(null), after);
    audit::record(conn, &ctx, entry).await?;
    Ok(ProvisionAnswer {
        scanner_id: found.scanner,
        name: found.scanner_name,
        api_key: key.reveal().to_owned(),
        job_public_key,
        heartbeat_seconds: HEARTBEAT_SECONDS,
        server_time: ctx.now(),
    })
}

/// A used token again: refused; and unless it looks like a lost answer, somebody has copied it.
async fn used_before(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    found: &FoundToken,
    request: &ProvisionRequest,
    source: IpAddr,
) -> Result<Refusal, Refusal> {
    let refusal = Refusal::new(Code::TokenInvalid, "the token is already used; make a new one on the scanner's page");
    let lost_answer = found.used_at.is_some_and(|at| ctx.now() - at <= Duration::seconds(LOST_ANSWER_SECONDS))
        && found.used_from_ip == Some(source)
        && found.used_binary_sha256.as_deref() == Some(request.binary_sha256.as_bytes().as_slice());
    if lost_answer {
        return Ok(refusal);
    }
    scanner_keys::flag_key(conn, found.scanner, ctx.now()).await?;
    live::emit(conn, live::topics::SCANNERS, &found.scanner.to_string()).await?;
    let summary = format!("The one-time token of {} was used a second time, from {source}", found.scanner_name);
    events::raise(
        conn,
        ctx,
        Event {
            source: "ingest",
            kind: "token_reused",
            severity: "critical",
            entity_type: "scanner",
            entity_id: &found.scanner.to_string(),
            summary: &summary,
            detail: json!({ "sourceIp": source, "hostname": request.hostname, "binarySha256": request.binary_sha256,
                "usedAt": found.used_at, "usedFromIp": found.used_from_ip }),
        },
    )
    .await?;
    Ok(refusal.recorded())
}
