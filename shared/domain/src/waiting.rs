//! What a scan job is waiting for (product 6.2, 7.5): the one answer to "why does it not get on?", from what is known of
//! it, its scan and its scanner.
use crate::states::{JobStatus, ScanStatus, ScannerStatus};

/// What is known of a job.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its status.
    pub status: JobStatus,
    /// The status of its scan.
    pub scan: ScanStatus,
    /// Why it is held.
    pub hold_reasons: &'a [String],
    /// The status of its scanner; `None` when that was deleted.
    pub scanner: Option<ScannerStatus>,
    /// Its scanner gets no new jobs for now.
    pub draining: bool,
    /// It is to be signed anew before it is handed out.
    pub unsigned: bool,
    /// An open job error says why it is not handed out or does not get on.
    pub job_error: bool,
    /// Jobs of its scanner that are handed out before it.
    pub ahead: u32,
    /// Its scanner works on as many jobs as it may.
    pub busy: bool,
    /// A second look at what it found is under way.
    pub confirming: bool,
    /// Its results are state.
    pub concluded: bool,
}

/// What it is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A person, who paused the scan.
    Operator,
    /// The end of a blackout window.
    Blackout,
    /// The signature of a longer list of exclusions.
    Exclusion,
    /// Its scanner, to let go: the scan is being cancelled.
    LetGo,
    /// A repair: see its job error.
    Repair,
    /// Somebody who takes it over: its scanner was deleted.
    Scanner,
    /// Its scanner, to be enabled.
    Enabling,
    /// Its scanner, to be enrolled.
    Enrolment,
    /// Its scanner, to be heard of again.
    Return,
    /// Its scanner, to take new jobs again.
    Drain,
    /// A signature.
    Signature,
    /// So many jobs of its scanner before it, or for its scanner to have room when there are none.
    Turn(u32),
    /// Its scanner, to fetch it.
    Fetch,
    /// Its scanner, to start it.
    Start,
    /// A second look at what it found.
    Confirmation,
    /// Its results, to become state.
    Conclusion,
}

impl Waiting {
    /// A stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Blackout => "blackout",
            Self::Exclusion => "exclusion",
            Self::LetGo => "let_go",
            Self::Repair => "repair",
            Self::Scanner => "scanner_deleted",
            Self::Enabling => "scanner_disabled",
            Self::Enrolment => "scanner_enrolment",
            Self::Return => "scanner_offline",
            Self::Drain => "scanner_draining",
            Self::Signature => "signature",
            Self::Turn(_) => "turn",
            Self::Fetch => "fetch",
            Self::Start => "start",
            Self::Confirmation => "confirmation",
            Self::Conclusion => "conclusion",
        }
    }
}

/// What the job of `facts` is waiting for; `None` while it runs, and when it is done.
pub fn waiting_for(facts: &Facts<'_>) -> Option<Waiting> {
    if facts.status.is_terminal() {
        return match (facts.concluded, facts.confirming) {
            (true, _) => None,
            (false, true) => Some(Waiting::Confirmation),
            (false, false) => Some(Waiting::Conclusion),
        };
    }
    if facts.scan == ScanStatus::Cancelling {
        return Some(Waiting::LetGo);
    }
    let held = |reason: &str| facts.hold_reasons.iter().any(|held| held == reason);
    // A person comes before what ends by itself.
    for (reason, waiting) in
        [("operator", Waiting::Operator), ("blackout", Waiting::Blackout), ("exclusion", Waiting::Exclusion)]
    {
        if held(reason) {
            return Some(waiting);
        }
    }
    match facts.scanner {
        None => return Some(Waiting::Scanner),
        Some(ScannerStatus::Disabled) => return Some(Waiting::Enabling),
        Some(ScannerStatus::Pending) => return Some(Waiting::Enrolment),
        Some(ScannerStatus::Offline) => return Some(Waiting::Return),
        Some(ScannerStatus::Active) => {}
    }
    if facts.job_error {
        return Some(Waiting::Repair);
    }
    match facts.status {
        JobStatus::Running => None,
        JobStatus::Assigned => Some(Waiting::Start),
        _ if facts.unsigned => Some(Waiting::Signature),
        _ if facts.draining => Some(Waiting::Drain),
        _ if facts.ahead > 0 || facts.busy => Some(Waiting::Turn(facts.ahead)),
        _ => Some(Waiting::Fetch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> Facts<'static> {
        Facts {
            status: JobStatus::Pending,
            scan: ScanStatus::Running,
            hold_reasons: &[],
            scanner: Some(ScannerStatus::Active),
            draining: false,
            unsigned: false,
            job_error: false,
            ahead: 0,
            busy: false,
            confirming: false,
            concluded: false,
        }
    }

    #[test]
    fn the_most_urgent_reason_is_told() {
        let is = |facts: Facts<'_>| waiting_for(&facts);
        assert_eq!(is(pending()), Some(Waiting::Fetch));
        assert_eq!(is(Facts { ahead: 3, busy: true, ..pending() }), Some(Waiting::Turn(3)));
        assert_eq!(is(Facts { busy: true, ..pending() }), Some(Waiting::Turn(0)));
        assert_eq!(is(Facts { draining: true, ahead: 3, ..pending() }), Some(Waiting::Drain));
        assert_eq!(is(Facts { unsigned: true, draining: true, ..pending() }), Some(Waiting::Signature));
        assert_eq!(is(Facts { job_error: true, ahead: 3, ..pending() }), Some(Waiting::Repair));
        assert_eq!(
            is(Facts { scanner: Some(ScannerStatus::Offline), job_error: true, ..pending() }),
            Some(Waiting::Return)
        );
        assert_eq!(is(Facts { scanner: Some(ScannerStatus::Disabled), ..pending() }), Some(Waiting::Enabling));
        assert_eq!(is(Facts { scanner: Some(ScannerStatus::Pending), ..pending() }), Some(Waiting::Enrolment));
        assert_eq!(is(Facts { scanner: None, ..pending() }), Some(Waiting::Scanner));
        let (one, two) = (["exclusion".to_owned()], ["blackout".to_owned(), "operator".to_owned()]);
        assert_eq!(is(Facts { hold_reasons: &one, scanner: None, ..pending() }), Some(Waiting::Exclusion));
        assert_eq!(is(Facts { hold_reasons: &two, ..pending() }), Some(Waiting::Operator));
        assert_eq!(is(Facts { scan: ScanStatus::Cancelling, hold_reasons: &two, ..pending() }), Some(Waiting::LetGo));
    }

    #[test]
    fn a_job_that_works_waits_for_nothing_and_an_ended_one_for_its_results() {
        let of = |status, confirming, concluded| waiting_for(&Facts { status, confirming, concluded, ..pending() });
        assert_eq!(of(JobStatus::Running, false, false), None);
        assert_eq!(of(JobStatus::Assigned, false, false), Some(Waiting::Start));
        assert_eq!(of(JobStatus::Completed, true, false), Some(Waiting::Confirmation));
        assert_eq!(of(JobStatus::Failed, false, false), Some(Waiting::Conclusion));
        assert_eq!(of(JobStatus::Completed, false, true), None);
    }
}
