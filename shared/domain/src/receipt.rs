//! The execution proof of one sweep job: how it is hashed and chained (product 7.9).
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::canonical_json;
use crate::hash::Hash256;
use crate::ids::{ScanId, ScanJobId, ScannerId, TemplateId};
use crate::states::JobStatus;

/// A receipt without its open set and without the two hashes of its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The job that it proves.
    pub job_id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// The vantage.
    pub scanner_id: ScannerId,
    /// Its name at the time.
    pub scanner_name: String,
    /// What was run.
    pub template_id: TemplateId,
    /// How the job ended.
    pub final_status: JobStatus,
    /// True only if it completed and found exactly what its baseline found.
    pub no_change: bool,
    /// Changes that it recorded.
    pub change_count: u32,
    /// Open ports.
    pub open_count: u32,
    /// N.
    pub probes_planned: u64,
    /// Indices with a verdict.
    pub probes_attempted: u64,
    /// Indices that an exclusion covers.
    pub excluded_count: u64,
    /// SHA-256 of the bytes of the job's targets.
    pub scope_hash: Hash256,
    /// SHA-256 of the open set.
    pub result_hash: Hash256,
    /// The result hash of the baseline, if there is one.
    pub baseline_hash: Option<Hash256>,
    /// The job of the baseline.
    pub baseline_job_id: Option<ScanJobId>,
    /// Position in the chain of its scanner, from 1.
    pub chain_position: u64,
    /// The version that the scanner reported.
    pub scanner_version: Option<String>,
    /// JSON as the text that was stored.
    pub forensic: String,
    /// When it was written.
    #[serde(serialize_with = "micros")]
    pub created_at: DateTime<Utc>,
}

fn micros<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

impl Receipt {
    /// The hash of this receipt, chained to the one before it in the chain of its scanner.
    pub fn hash(&self, previous: Hash256) -> Hash256 {
        Hash256::chained(previous, &canonical_json::to_vec(self))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            job_id: ScanJobId::from(7),
            scan_id: ScanId::from(3),
            scanner_id: ScannerId::from(Uuid::from_u128(1)),
            scanner_name: "berlin".to_owned(),
            template_id: TemplateId::from(Uuid::from_u128(2)),
            final_status: JobStatus::TimedOut,
            no_change: false,
            change_count: 0,
            open_count: 1,
            probes_planned: 10,
            probes_attempted: 9,
            excluded_count: 1,
            scope_hash: Hash256::of(b"scope"),
            result_hash: Hash256::of(b"result"),
            baseline_hash: None,
            baseline_job_id: None,
            chain_position: 1,
            scanner_version: None,
            forensic: "{}".to_owned(),
            created_at: DateTime::from_timestamp(1_767_614_400, 1_000).expect("in range"),
        }
    }

    #[test]
    fn is_hashed_as_canonical_json_behind_its_predecessor() {
        let json = format!(
            "{{\"baselineHash\":null,\"baselineJobId\":null,\"chainPosition\":1,\"changeCount\":0,\
             \"createdAt\":\"2026-01-05T12:00:00.000001Z\",\"excludedCount\":1,\"finalStatus\":\"timed_out\",\"forensic\":\"{{}}\",\
             \"jobId\":7,\"noChange\":false,\"openCount\":1,\"probesAttempted\":9,\"probesPlanned\":10,\"resultHash\":\"{}\",\
             \"scanId\":3,\"scannerId\":\"00000000-0000-0000-0000-000000000001\",\"scannerName\":\"berlin\",\"scannerVersion\":null,\
             \"scopeHash\":\"{}\",\"templateId\":\"00000000-0000-0000-0000-000000000002\"}}",
            Hash256::of(b"result"),
            Hash256::of(b"scope"),
        );
        assert_eq!(receipt().hash(Hash256::ZERO), Hash256::chained(Hash256::ZERO, json.as_bytes()));
        assert_ne!(receipt().hash(Hash256::ZERO), receipt().hash(Hash256::of(b"another")));
    }
}
