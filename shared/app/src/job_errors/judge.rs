//! Whether what a job is to probe can be read, is what the dispatcher signed, and has anything left to probe.
use mipo_domain::exclusions::Exclusions;
use mipo_protocol::signature::{PublicKey, Signature};
use mipo_protocol::spec::{SignedSpec, Spec};
use mipo_protocol::wire::Base64;
use mipo_store::Conn;
use mipo_store::config::signing_keys;
use mipo_store::jobs::job_errors as store;

use crate::AppError;

/// Jobs that are judged in one transaction.
const BATCH: i64 = 200;

/// Judges a batch of jobs whose spec nobody has looked at since it was signed. Answers how many.
pub async fn judge_specs(conn: &mut Conn) -> Result<usize, AppError> {
    let jobs = store::unjudged(conn, BATCH).await?;
    if jobs.is_empty() {
        return Ok(0);
    }
    let keys = public_keys(conn).await?;
    let found: Vec<_> = jobs.iter().map(|job| (job.id, flaw(&job.spec, &job.signature, &keys))).collect();
    store::set_flaws(conn, &found).await?;
    Ok(found.len())
}

/// The keys that may have signed a job which has not ended.
pub(crate) async fn public_keys(conn: &mut Conn) -> Result<Vec<PublicKey>, AppError> {
    let keys = signing_keys::in_use(conn).await?;
    Ok(keys.iter().filter_map(|key| PublicKey::from_slice(&key.public_key).ok()).collect())
}

/// What is wrong with it, a word of `jobs.scan_jobs.spec_flaw`.
pub(crate) fn flaw(bytes: &[u8], signature: &[u8], keys: &[PublicKey]) -> Option<&'static str> {
    let Ok(spec) = Spec::from_bytes(bytes) else { return Some("unreadable") };
    if spec.index_space().is_err() {
        return Some("unreadable");
    }
    let Some(signature) = Signature::from_slice(signature) else { return Some("signature") };
    let signed = SignedSpec { spec: Base64(bytes.to_vec()), signature };
    if signed.verify(keys).is_err() {
        return Some("signature");
    }
    let exclusions = Exclusions::new(spec.exclusions);
    let left = |target: &mipo_domain::targets::Target| exclusions.subtract(&target.address_set(), &target.ports);
    spec.targets.iter().all(|target| left(target).is_empty()).then_some("excluded")
}

#[cfg(test)]
mod tests {
    use mipo_domain::address::IpSet;
    use mipo_domain::exclusions::Exclusion;
    use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
    use mipo_domain::permutation::Seed;
    use mipo_domain::ports::PortSet;
    use mipo_domain::states::JobKind;
    use mipo_domain::targets::Target;
    use mipo_protocol::signature::SigningKey;

    use super::*;

    #[test]
    fn a_spec_is_read_trusted_and_not_empty() {
        let key = SigningKey::from_seed(&[7; 32]);
        let range = "10.0.0.1-10.0.0.4".parse().expect("a range");
        let ports = PortSet::from_ranges([(20, 22)]);
        let at = chrono::DateTime::from_timestamp(1_767_614_400, 0).expect("in range");
        let spec = |exclusions: Vec<Exclusion>| Spec {
            v: mipo_protocol::spec::VERSION,
            key_id: key.public().key_id(),
            job_id: ScanJobId::from(1),
            scan_id: ScanId::from(1),
            kind: JobKind::Sweep,
            scanner_id: ScannerId::from(uuid::Uuid::from_u128(1)),
            min_attempt: 1,
            targets: vec![Target::tcp(&IpSet::from_ranges([range]), ports.clone())],
            exclusions,
            rate_pps: 0,
            per_host_pps: 0,
            seed: Seed([0; 16]),
            not_before: at,
            expires_at: at,
            votes: None,
        };
        let exclude = |cidr: &str| Exclusion::all_ports(cidr.parse().expect("a network"));
        let judged = |signed: &SignedSpec, keys: &[PublicKey]| flaw(&signed.spec.0, &signed.signature.0, keys);

        let good = spec(vec![exclude("10.0.0.4/32")]).sign(&key);
        assert_eq!(judged(&good, &[key.public()]), None);
        assert_eq!(judged(&good, &[SigningKey::from_seed(&[8; 32]).public()]), Some("signature"));
        assert_eq!(flaw(&good.spec.0, &[0; 64], &[key.public()]), Some("signature"));
        assert_eq!(flaw(b"{}", &good.signature.0, &[key.public()]), Some("unreadable"));
        assert_eq!(judged(&spec(vec![exclude("10.0.0.0/24")]).sign(&key), &[key.public()]), Some("excluded"));
    }
}
