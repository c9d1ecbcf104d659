//! The key of a scanner's call, where it calls from, and whether it may.
use std::net::IpAddr;

use ipnet::IpNet;
use mipo_domain::secrets::{KeyKind, Token, TokenHash};
use mipo_domain::states::ScannerStatus;
use mipo_domain::versions::Version;
use mipo_protocol::problem::Code;
use mipo_store::Conn;
use mipo_store::config::scanner_keys::{self, Holder};
use serde_json::json;

use crate::Ctx;
use crate::events::{self, Event};
use crate::refusal::Refusal;

/// Minutes that the key before works after the first use of the new one.
const PREVIOUS_KEY_GRACE_MINUTES: i32 = 15;

/// How calls are admitted.
#[derive(Clone, Debug, Default)]
pub struct AuthRules {
    /// Scanners below it get no jobs.
    pub min_version: Option<Version>,
}

/// Finds the scanner of `key` and refuses a wrong key, a disabled scanner, and a call from outside its binding. What
/// it counts (failures, mismatches) stands in the transaction also when it refuses with `commit`.
pub async fn authenticate(conn: &mut Conn, ctx: &Ctx<'_>, key: &Token, source: IpAddr) -> Result<Holder, Refusal> {
    let wrong = || Refusal::new(Code::InvalidKey, "the key is missing, unknown or revoked");
    let prefix = key.prefix(KeyKind::Scanner).ok_or_else(wrong)?;
    let holder = scanner_keys::find(conn, prefix).await?.ok_or_else(wrong)?;
    let presented = key.hash();
    let matches = |stored: Option<&Vec<u8>>| {
        stored.and_then(|bytes| TokenHash::from_slice(bytes)).is_some_and(|hash| hash.matches(&presented))
    };
    let current = matches(holder.api_key_hash.as_ref());
    let previous = matches(holder.previous_api_key_hash.as_ref())
        && holder.previous_key_until.is_some_and(|until| until > ctx.now());
    if !current && !previous {
        scanner_keys::count_failure(conn, holder.id).await?;
        return Err(wrong().recorded());
    }
    if holder.status == ScannerStatus::Disabled {
        let mut refusal = Refusal::new(Code::ScannerDisabled, format!("scanner {} is disabled", holder.name));
        refusal.retry_after = Some(300);
        return Err(refusal);
    }
    check_binding(conn, ctx, &holder, source).await?;
    if current {
        scanner_keys::note_use(conn, holder.id, ctx.now(), PREVIOUS_KEY_GRACE_MINUTES).await?;
    }
    Ok(holder)
}

/// Refuses a scanner whose version is unknown or below the minimum.
pub fn admit_version(rules: &AuthRules, holder: &Holder) -> Result<(), Refusal> {
    let Some(minimum) = &rules.min_version else { return Ok(()) };
    let version = holder.scanner_version.as_deref().and_then(|text| text.parse::<Version>().ok());
    let enough = version.is_some_and(|version| version >= *minimum);
    if enough {
        return Ok(());
    }
    let detail = format!(
        "version {} is too old; at least {minimum} is needed",
        holder.scanner_version.as_deref().unwrap_or("unknown")
    );
    Err(Refusal::new(Code::VersionTooOld, detail))
}

/// True when `source` is within the binding around `bound`.
fn within_binding(mode: &str, bound: IpAddr, source: IpAddr) -> bool {
    let prefix = match (mode, bound) {
        ("none", _) => return true,
        ("subnet", IpAddr::V4(_)) => 24,
        ("subnet", IpAddr::V6(_)) => 64,
        _ => return bound == source,
    };
    IpNet::new(bound, prefix).is_ok_and(|net| net.contains(&source))
}

async fn check_binding(conn: &mut Conn, ctx: &Ctx<'_>, holder: &Holder, source: IpAddr) -> Result<(), Refusal> {
    let Some(bound) = holder.bound_ip else { return Ok(()) };
    if within_binding(&holder.binding_mode, bound, source) {
        if holder.ip_mismatch_count > 0 {
            scanner_keys::clear_mismatch(conn, holder.id).await?;
            raise(conn, ctx, holder, "scanner_ip_match", "info", source, "calls from its bound address again").await?;
        }
        return Ok(());
    }
    scanner_keys::count_mismatch(conn, holder.id, source).await?;
    if holder.ip_mismatch_count == 0 {
        let what = format!("called from {source}, outside its binding to {bound}");
        raise(conn, ctx, holder, "scanner_ip_mismatch", "high", source, &what).await?;
    }
    let mut refusal =
        Refusal::new(Code::IpBindingViolation, format!("{source} is outside the binding of this scanner"));
    refusal.retry_after = Some(60);
    Err(refusal.recorded())
}

async fn raise(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    holder: &Holder,
    kind: &str,
    severity: &str,
    source: IpAddr,
    what: &str,
) -> Result<(), Refusal> {
    events::raise(
        conn,
        ctx,
        Event {
            source: "ingest",
            kind,
            severity,
            entity_type: "scanner",
            entity_id: &holder.id.to_string(),
            summary: &format!("{} {what}", holder.name),
            detail: json!({ "sourceIp": source, "boundIp": holder.bound_ip }),
        },
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_binding_is_as_wide_as_its_mode_says() {
        for (mode, bound, source, within) in [
            ("ip", "10.0.0.7", "10.0.0.7", true),
            ("ip", "10.0.0.7", "10.0.0.8", false),
            ("subnet", "10.0.0.7", "10.0.0.200", true),
            ("subnet", "10.0.0.7", "10.0.1.7", false),
            ("subnet", "fd00::1", "fd00::ffff:1", true),
            ("subnet", "fd00::1", "fd00:0:0:1::1", false),
            ("none", "10.0.0.7", "192.168.9.9", true),
        ] {
            assert_eq!(within_binding(mode, ip(bound), ip(source)), within, "{mode} {bound} {source}");
        }
    }
}
