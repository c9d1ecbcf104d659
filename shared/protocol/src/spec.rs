//! The signed spec: the bytes that say what a job may do (product 6.4).
use chrono::{DateTime, Duration, Utc};
use mipo_domain::exclusions::Exclusion;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::permutation::Seed;
use mipo_domain::states::JobKind;
use mipo_domain::targets::{BadTargets, IndexSpace, Target};
use serde::{Deserialize, Serialize};

use crate::signature::{KeyId, PublicKey, Purpose, Signature, SigningKey};
use crate::wire::{Base64, CLOCK_ERROR_SECONDS};

/// The version of the spec.
pub const VERSION: u32 = 1;

/// How a confirm job votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Votes {
    /// So many equal verdicts decide.
    pub need: u32,
    /// So many probes at most.
    pub of: u32,
    /// At least so long apart.
    pub spacing_ms: u64,
}

impl Votes {
    /// 2 of 3, a second apart.
    pub const DEFAULT: Self = Self { need: 2, of: 3, spacing_ms: 1000 };
}

/// What a job may do. Written once by the dispatcher; everybody else keeps the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// 1.
    pub v: u32,
    /// The key that signs it.
    pub key_id: KeyId,
    /// The job.
    pub job_id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// What it is for.
    pub kind: JobKind,
    /// The only scanner that may run it.
    pub scanner_id: ScannerId,
    /// The lowest lease attempt that it is good for.
    pub min_attempt: u32,
    /// What to probe, in the order of the index space.
    pub targets: Vec<Target>,
    /// What to skip of it.
    pub exclusions: Vec<Exclusion>,
    /// Most probes a second, 0 = unlimited.
    pub rate_pps: u32,
    /// Most probes a second on one address, 0 = unlimited.
    pub per_host_pps: u32,
    /// The seed of the probing order.
    pub seed: Seed,
    /// When it was signed.
    pub not_before: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// How a confirm job votes; null for a sweep.
    pub votes: Option<Votes>,
}

/// A spec and its signature, as they are stored and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedSpec {
    /// The bytes of the spec.
    pub spec: Base64,
    /// The signature over them.
    pub signature: Signature,
}

/// Why a spec is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No pinned key signed these bytes.
    #[error("the signature of the job does not verify with any pinned key")]
    BadSignature,
    /// The bytes are no spec.
    #[error("the spec cannot be read: {0}")]
    Unreadable(String),
    /// A version that this program does not know.
    #[error("spec version {0} is not known here")]
    UnknownVersion(u32),
    /// The key id is not that of the key that signed it.
    #[error("the spec names another key than the one that signed it")]
    WrongKeyId,
    /// For another scanner.
    #[error("the job is for another scanner")]
    OtherScanner,
    /// The id beside the spec is not the one in it.
    #[error("the job id beside the spec is not the one in it")]
    OtherJob,
    /// Signed in the future.
    #[error("the spec is not valid yet")]
    NotYetValid,
    /// Too old.
    #[error("the spec has expired")]
    Expired,
    /// A replay: the lease attempt is too low.
    #[error("lease attempt {attempt} is a replay; it must be at least {least}")]
    Replayed {
        /// What was handed out.
        attempt: u32,
        /// The least that is accepted.
        least: u32,
    },
    /// The targets make no index space.
    #[error("the targets of the spec are not valid: {0}")]
    Targets(#[from] BadTargets),
}

/// What a scanner knows when it decides whether to accept a job.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// The id of this scanner.
    pub scanner_id: ScannerId,
    /// The server's time, as far as the scanner knows it.
    pub now: DateTime<Utc>,
    /// The job id beside the spec.
    pub job_id: ScanJobId,
    /// The lease attempt handed out.
    pub lease_attempt: u32,
    /// The highest attempt that the spool remembers for the job.
    pub remembered_attempt: Option<u32>,
}

impl Spec {
    /// The bytes that are signed and stored. Only the dispatcher calls this; nobody writes a spec a second time.
    ///
    /// # Panics
    /// Never: a spec has no maps and no floating point.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a spec has string keys and whole numbers only")
    }

    /// Writes and signs it. `key_id` is set to the key's.
    pub fn sign(mut self, key: &SigningKey) -> SignedSpec {
        self.key_id = key.public().key_id();
        let bytes = self.to_bytes();
        let signature = key.sign(Purpose::Job, &bytes);
        SignedSpec { spec: Base64(bytes), signature }
    }

    /// Reads bytes whose signature was checked before, or that never left the database.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SpecError> {
        let spec: Self = serde_json::from_slice(bytes).map_err(|error| SpecError::Unreadable(error.to_string()))?;
        if spec.v != VERSION {
            return Err(SpecError::UnknownVersion(spec.v));
        }
        Ok(spec)
    }

    /// The index space of its targets.
    pub fn index_space(&self) -> Result<IndexSpace, SpecError> {
        Ok(IndexSpace::new(&self.targets, self.seed)?)
    }

    /// The job's scope hash: SHA-256 of the bytes of `targets`.
    pub fn scope_hash(&self) -> Hash256 {
        scope_hash(&self.targets)
    }

    /// Refuses what a scanner must not run.
    pub fn admit(&self, admission: &Admission) -> Result<(), SpecError> {
        let slack = Duration::seconds(CLOCK_ERROR_SECONDS);
        if self.scanner_id != admission.scanner_id {
            return Err(SpecError::OtherScanner);
        }
        if self.job_id != admission.job_id {
            return Err(SpecError::OtherJob);
        }
        if admission.now < self.not_before - slack {
            return Err(SpecError::NotYetValid);
        }
        if admission.now > self.expires_at + slack {
            return Err(SpecError::Expired);
        }
        let least = admission.remembered_attempt.map_or(0, |seen| seen.saturating_add(1)).max(self.min_attempt);
        if admission.lease_attempt < least {
            return Err(SpecError::Replayed { attempt: admission.lease_attempt, least });
        }
        Ok(())
    }
}

/// SHA-256 of the bytes of `targets` as they stand in a spec.
///
/// # Panics
/// Never: targets have no maps and no floating point.
pub fn scope_hash(targets: &[Target]) -> Hash256 {
    Hash256::of(&serde_json::to_vec(targets).expect("targets have string keys and whole numbers only"))
}

impl SignedSpec {
    /// Checks the bytes with the pinned keys and then reads them.
    pub fn verify(&self, pinned: &[PublicKey]) -> Result<Spec, SpecError> {
        let bytes = &self.spec.0;
        let key = pinned
            .iter()
            .find(|key| key.verifies(Purpose::Job, bytes, &self.signature))
            .ok_or(SpecError::BadSignature)?;
        let spec = Spec::from_bytes(bytes)?;
        if spec.key_id != key.key_id() {
            return Err(SpecError::WrongKeyId);
        }
        Ok(spec)
    }
}
