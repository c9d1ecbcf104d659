//! What can be wrong with a scan job, and what an operator can do about it: the one table of both (product 7.8). When a
//! class holds is asked of the database; here stands what follows from it.
use std::fmt;
use std::str::FromStr;

/// The text names none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}; it is one of {known}")]
pub struct UnknownWord {
    /// What it should have named.
    pub kind: &'static str,
    /// The text.
    pub text: String,
    /// The words that there are.
    pub known: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $word),+ }

        impl $name {
            /// All of them, in the order of the product.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// All of their words.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The word in SQL and API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| UnknownWord {
                    kind: $kind,
                    text: text.to_owned(),
                    known: Self::WORDS.join(", "),
                })
            }
        }
    };
}

words! {
    /// Where the cause lies.
    Category, "category of job errors" {
        /// There is nobody to do it, or no room.
        Capacity = "capacity",
        /// A scanner is not let in.
        Auth = "auth",
        /// A scanner is not heard.
        Connectivity = "connectivity",
        /// A scanner may or can not work.
        Scanner = "scanner",
        /// The hand-out does not get on.
        Orchestration = "orchestration",
        /// What was sent or signed is not good.
        Data = "data",
    }
}

words! {
    /// What is wrong with a job.
    Class, "class of job errors" {
        /// The job's scanner was deleted.
        NoScanner = "no-scanner",
        /// Its scanner is not let in.
        FailedScannerAuth = "failed-scanner-auth",
        /// Its scanner is switched off.
        ScannerDisabled = "scanner-disabled",
        /// Its scanner calls from another address.
        ScannerIpChanged = "scanner-ip-changed",
        /// Its scanner went silent over it.
        NoHeartbeat = "no-heartbeat",
        /// Its scanner is too old.
        BinaryVersionMismatch = "binary-version-mismatch",
        /// Its scanner could fetch it and does not.
        StuckPending = "stuck-pending",
        /// It runs and gets nowhere, or lost its lease too often.
        StuckRunning = "stuck-running",
        /// It is fetched and never started.
        DispatcherFailure = "dispatcher-failure",
        /// It was too old.
        Expired = "expired",
        /// Its results do not get through.
        ResultSubmitFailed = "result-submit-failed",
        /// Its scan is gone or has ended.
        ScanDeleted = "scan-deleted",
        /// What it is to probe cannot be read, trusted or is excluded.
        TargetInvalid = "target-invalid",
        /// The limits leave it less than one probe a second.
        RateLimitExhausted = "rate-limit-exhausted",
    }
}

words! {
    /// What an operator can do about it.
    Repair, "repair" {
        /// Once more, at the same scanner.
        Redispatch = "redispatch",
        /// At another scanner.
        Reassign = "reassign",
        /// End the job.
        Fail = "fail",
        /// No new jobs for its scanner.
        Drain = "drain",
        /// A new token for its scanner.
        RegenerateToken = "regenerate_token",
        /// Let its scanner bind to where it is now.
        ReleaseBinding = "release_binding",
    }
}

impl Class {
    /// Where the cause lies.
    pub const fn category(self) -> Category {
        match self {
            Self::NoScanner | Self::RateLimitExhausted => Category::Capacity,
            Self::FailedScannerAuth | Self::ScannerIpChanged => Category::Auth,
            Self::NoHeartbeat => Category::Connectivity,
            Self::ScannerDisabled | Self::BinaryVersionMismatch => Category::Scanner,
            Self::StuckPending | Self::StuckRunning | Self::DispatcherFailure | Self::Expired => {
                Category::Orchestration
            }
            Self::ResultSubmitFailed | Self::ScanDeleted | Self::TargetInvalid => Category::Data,
        }
    }

    /// What helps, the recommended one first.
    pub const fn repairs(self) -> &'static [Repair] {
        use Repair::{Drain, Fail, Reassign, Redispatch, RegenerateToken, ReleaseBinding};
        match self {
            Self::NoScanner | Self::BinaryVersionMismatch => &[Reassign, Fail],
            Self::FailedScannerAuth => &[RegenerateToken, Reassign, Fail],
            Self::ScannerDisabled | Self::NoHeartbeat => &[Drain, Reassign, Fail],
            Self::ScannerIpChanged => &[ReleaseBinding, RegenerateToken],
            Self::StuckPending => &[Redispatch, Reassign, Fail],
            Self::StuckRunning | Self::DispatcherFailure | Self::ResultSubmitFailed | Self::RateLimitExhausted => {
                &[Redispatch, Fail]
            }
            Self::Expired => &[],
            Self::ScanDeleted | Self::TargetInvalid => &[Fail],
        }
    }

    /// What happened, in one sentence.
    pub const fn trigger(self) -> &'static str {
        match self {
            Self::NoScanner => "The scanner of the job was deleted.",
            Self::FailedScannerAuth => {
                "The scanner has no key that works, or called five times within 5 minutes with a wrong one."
            }
            Self::ScannerDisabled => "The scanner is disabled and still has the job.",
            Self::ScannerIpChanged => {
                "Within the last 10 minutes the scanner called from another address than the one it is bound to, and was refused."
            }
            Self::NoHeartbeat => "The scanner has been silent for more than 4 minutes and had begun with the job.",
            Self::BinaryVersionMismatch => "The scanner is older than the oldest version that gets jobs.",
            Self::StuckPending => {
                "The scanner is active and has room, but has fetched nothing for 15 minutes while the job waits."
            }
            Self::StuckRunning => {
                "The job runs three times as long as estimated without progress for 5 minutes, or lost its lease so often that it is not handed out by itself any more."
            }
            Self::DispatcherFailure => "The job was fetched twice in a row and not started.",
            Self::Expired => "The job was not done within the longest time that a job may take, and has timed out.",
            Self::ResultSubmitFailed => {
                "Three results in a row were refused, or results are missing 5 minutes after the scanner called the job complete."
            }
            Self::ScanDeleted => "The scan of the job is gone or has ended, and the job has not.",
            Self::TargetInvalid => {
                "What the job is to probe cannot be read, its signature does not hold, or exclusions cover all of it."
            }
            Self::RateLimitExhausted => "The limits leave the job less than one probe a second.",
        }
    }

    /// What the people who run the scanner can look at, beside the repairs.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NoScanner => "Give the job to another scanner that reaches the same targets.",
            Self::FailedScannerAuth => {
                "Make a new token and enrol the scanner with it; its old key stops to work at once."
            }
            Self::ScannerDisabled => "Enable the scanner again, or give its jobs to another.",
            Self::ScannerIpChanged => {
                "If the machine has moved, release the binding. If not, somebody else may have its key: make a new token."
            }
            Self::NoHeartbeat => {
                "Look at the machine, its service and its network. It goes on where it stopped when it is back."
            }
            Self::BinaryVersionMismatch => "Install the current version on the machine; it goes on by itself then.",
            Self::StuckPending => "Look at the log of the scanner, then hand the job out anew.",
            Self::StuckRunning => {
                "Look at the scanner's machine: load, network, firewalls. Then hand the job out anew."
            }
            Self::DispatcherFailure => "Look at the log of the scanner: it says why it does not start the job.",
            Self::Expired => "There is nothing to repair: run the scan again. Acknowledge the alarm to close this.",
            Self::ResultSubmitFailed => "Look at the log of the scanner: each refusal says what was wrong.",
            Self::ScanDeleted => "End the job.",
            Self::TargetInvalid => "End the job, look at targets and exclusions, and run the scan again.",
            Self::RateLimitExhausted => {
                "Raise the limit, or give the scanner fewer jobs at once, and run the scan again. Handed out anew, the job goes on at one probe a second."
            }
        }
    }
}

impl Repair {
    /// The words of its button.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Redispatch => "Hand out anew",
            Self::Reassign => "Reassign",
            Self::Fail => "End the job",
            Self::Drain => "Drain the scanner",
            Self::RegenerateToken => "Make a new token",
            Self::ReleaseBinding => "Release the binding",
        }
    }

    /// What it will do, for whoever is about to.
    pub const fn effect(self) -> &'static str {
        match self {
            Self::Redispatch => {
                "The job is taken from whoever holds it, signed anew and waits for the same scanner; it goes on where its results stop."
            }
            Self::Reassign => {
                "The job is signed anew for another active scanner, which goes on where the results stop. What was accepted stays with the scanner that probed it; such a job ends partial."
            }
            Self::Fail => {
                "The job ends as failed, or partial where it has results; these stay. The scanner is told to stop, and later results are refused."
            }
            Self::Drain => "The scanner gets no new jobs for 24 hours; what it works on it finishes.",
            Self::RegenerateToken => {
                "The scanner's key stops to work at once. A one-time token, shown once, enrols it again within the hour."
            }
            Self::ReleaseBinding => {
                "The scanner's next good heartbeat binds it to the address that it comes from; its failure counters start at 0."
            }
        }
    }

    /// True when many job errors can be repaired by it at once. A new token is shown once, to one person.
    pub const fn in_bulk(self) -> bool {
        !matches!(self, Self::RegenerateToken)
    }

    /// True when it is about the scanner and not about the job.
    pub const fn of_scanner(self) -> bool {
        matches!(self, Self::Drain | Self::RegenerateToken | Self::ReleaseBinding)
    }

    /// True when it ends or takes something that does not come back.
    pub const fn harms(self) -> bool {
        matches!(self, Self::Fail | Self::RegenerateToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_itself() {
        for class in Class::ALL {
            assert_eq!(class.as_str().parse(), Ok(*class));
        }
        for repair in Repair::ALL {
            assert_eq!(repair.as_str().parse(), Ok(*repair));
        }
        let error = "explode".parse::<Repair>().expect_err("no repair");
        assert!(error.to_string().contains("redispatch, reassign, fail"), "{error}");
    }

    #[test]
    fn each_class_offers_what_the_product_says() {
        let offers = |class: Class| class.repairs().iter().map(|repair| repair.as_str()).collect::<Vec<_>>().join(" ");
        for (class, category, repairs) in [
            ("no-scanner", "capacity", "reassign fail"),
            ("failed-scanner-auth", "auth", "regenerate_token reassign fail"),
            ("scanner-disabled", "scanner", "drain reassign fail"),
            ("scanner-ip-changed", "auth", "release_binding regenerate_token"),
            ("no-heartbeat", "connectivity", "drain reassign fail"),
            ("binary-version-mismatch", "scanner", "reassign fail"),
            ("stuck-pending", "orchestration", "redispatch reassign fail"),
            ("stuck-running", "orchestration", "redispatch fail"),
            ("dispatcher-failure", "orchestration", "redispatch fail"),
            ("expired", "orchestration", ""),
            ("result-submit-failed", "data", "redispatch fail"),
            ("scan-deleted", "data", "fail"),
            ("target-invalid", "data", "fail"),
            ("rate-limit-exhausted", "capacity", "redispatch fail"),
        ] {
            let class: Class = class.parse().expect("a class");
            assert_eq!((class.category().as_str(), offers(class).as_str()), (category, repairs), "{class}");
        }
        assert_eq!(Class::ALL.len(), 14);
    }
}
