//! What the tasks point at: a struct a kind, and the usual way to enqueue it.
//!
//! A payload holds ids and nothing else. Fields may be added if they are optional; any other change raises the
//! kind's version, and the handler then reads both.
use mipo_domain::ids::{JobErrorId, ScanId, ScanJobId, ScannerId};
use serde::{Deserialize, Serialize};

use crate::NewTask;
use crate::kinds;

/// Of the kinds that look at everything there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// Of `plan_scan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanScan {
    /// The scan to plan.
    pub scan_id: ScanId,
}

impl PlanScan {
    /// On-demand scans (`urgent`) are planned before scheduled ones.
    pub fn task(scan_id: ScanId, urgent: bool) -> NewTask {
        NewTask::new(&kinds::PLAN_SCAN, Self { scan_id })
            .unique_key(format!("plan_scan:{scan_id}"))
            .concurrency_key(format!("plan_scan:{scan_id}"))
            .priority(if urgent { 5 } else { 0 })
    }
}

/// Of `store_results`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreResults {
    /// The scanner whose parts wait to be stored.
    pub scanner_id: ScannerId,
}

impl StoreResults {
    /// One at a time for each scanner, so that its parts are stored in order.
    pub fn task(scanner_id: ScannerId) -> NewTask {
        NewTask::new(&kinds::STORE_RESULTS, Self { scanner_id })
            .unique_key(format!("store_results:{scanner_id}"))
            .concurrency_key(format!("store_results:{scanner_id}"))
    }
}

/// Of `conclude_job`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcludeJob {
    /// The ended sweep or confirm job.
    pub job_id: ScanJobId,
}

impl ConcludeJob {
    /// One at a time for each scanner, because each compares with the state that the last one left.
    pub fn task(job_id: ScanJobId, scanner_id: ScannerId) -> NewTask {
        NewTask::new(&kinds::CONCLUDE_JOB, Self { job_id })
            .unique_key(format!("conclude_job:{job_id}"))
            .concurrency_key(format!("conclude_job:{scanner_id}"))
    }
}

/// Of `conclude_scan`, and of `evaluate_tests`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcludeScan {
    /// The scan whose jobs have all ended.
    pub scan_id: ScanId,
}

impl ConcludeScan {
    /// Once for each scan at a time.
    pub fn task(scan_id: ScanId) -> NewTask {
        NewTask::new(&kinds::CONCLUDE_SCAN, Self { scan_id })
            .unique_key(format!("conclude_scan:{scan_id}"))
            .concurrency_key(format!("conclude_scan:{scan_id}"))
    }
}

/// Of `repair_job`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairJob {
    /// The job error whose repair was asked for.
    pub job_error_id: JobErrorId,
}

impl RepairJob {
    /// Once for each job error at a time.
    pub fn task(job_error_id: JobErrorId) -> NewTask {
        NewTask::new(&kinds::REPAIR_JOB, Self { job_error_id })
            .unique_key(format!("repair_job:{job_error_id}"))
            .concurrency_key(format!("repair_job:{job_error_id}"))
            .priority(5)
    }
}

/// Of `bulk_repair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkRepair {
    /// The job errors whose repair was asked for at once.
    pub job_error_ids: Vec<JobErrorId>,
}

impl BulkRepair {
    /// Several may wait: each is about others.
    pub fn task(job_error_ids: Vec<JobErrorId>) -> NewTask {
        NewTask::new(&kinds::BULK_REPAIR, Self { job_error_ids })
    }
}

/// Of `bulk_operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// The operation to work on.
    pub operation_id: uuid::Uuid,
}

impl BulkOperation {
    /// Once for each operation.
    pub fn task(operation_id: uuid::Uuid) -> NewTask {
        NewTask::new(&kinds::BULK_OPERATION, Self { operation_id })
            .unique_key(format!("bulk_operation:{operation_id}"))
            .concurrency_key(format!("bulk_operation:{operation_id}"))
    }
}
