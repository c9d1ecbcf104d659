//! Rights (`resource:action`) and the built-in roles, product section 12.
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! rights {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// One right. A use case names the one that it needs; a role is a set of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Right {
            $(#[doc = concat!("`", $text, "`")] $name),+
        }

        impl Right {
            /// Every right there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The text stored in roles and shown to people.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

rights! {
    ScansView = "scans:view",
    ScansExecute = "scans:execute",
    SchedulesView = "schedules:view",
    SchedulesManage = "schedules:manage",
    ResultsView = "results:view",
    TestsView = "tests:view",
    TestsManage = "tests:manage",
    ExportsExecute = "exports:execute",
    ConfigView = "config:view",
    ConfigManage = "config:manage",
    ScannersView = "scanners:view",
    ScannersManage = "scanners:manage",
    DiscoveryView = "discovery:view",
    DiscoveryManage = "discovery:manage",
    SafetyView = "safety:view",
    SafetyManage = "safety:manage",
    HealthView = "health:view",
    AlarmsView = "alarms:view",
    AlarmsManage = "alarms:manage",
    AlertingView = "alerting:view",
    AlertingManage = "alerting:manage",
    JobErrorsView = "job-errors:view",
    JobErrorsExecute = "job-errors:execute",
    QueuesView = "queues:view",
    QueuesExecute = "queues:execute",
    TaskArgsView = "task-args:view",
    AuditView = "audit:view",
    IdentityView = "identity:view",
    IdentityManage = "identity:manage",
    SessionsView = "sessions:view",
    SessionsManage = "sessions:manage",
    SettingsView = "settings:view",
    SettingsManage = "settings:manage",
    BackupsView = "backups:view",
    BackupsManage = "backups:manage",
    BackupsExecute = "backups:execute",
    RestoreExecute = "restore:execute",
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no right.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a right; a right is written resource:action, such as scans:view")]
pub struct UnknownRight(pub String);

impl FromStr for Right {
    type Err = UnknownRight;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|right| right.as_str() == text).ok_or_else(|| UnknownRight(text.to_owned()))
    }
}

/// A set of rights.
pub type Rights = BTreeSet<Right>;

/// The roles that every installation has. They are immutable; to change one, clone it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltInRole {
    /// Every right.
    Admin,
    /// Runs scans, keeps configuration, repairs jobs.
    Operator,
    /// Reads.
    Viewer,
}

impl BuiltInRole {
    /// All three, strongest first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Operator, Self::Viewer];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// One line that says what it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Admin => "Everything, including users, settings, backups and restore",
            Self::Operator => "Runs and schedules scans, keeps targets and ports, repairs jobs and tasks",
            Self::Viewer => "Reads scans, results, configuration and health",
        }
    }

    /// Its rights, as the table of product section 12 gives them.
    pub fn rights(self) -> Rights {
        use Right::{
            AlarmsManage, AlarmsView, AlertingView, ConfigManage, ConfigView, DiscoveryManage, DiscoveryView,
            ExportsExecute, HealthView, JobErrorsExecute, JobErrorsView, QueuesExecute, QueuesView, ResultsView,
            SafetyView, ScannersView, ScansExecute, ScansView, SchedulesManage, SchedulesView, TestsManage, TestsView,
        };
        match self {
            Self::Admin => Right::ALL.iter().copied().collect(),
            Self::Operator => [
                ScansView,
                ScansExecute,
                SchedulesView,
                SchedulesManage,
                ResultsView,
                TestsView,
                TestsManage,
                ExportsExecute,
                ConfigView,
                ConfigManage,
                ScannersView,
                DiscoveryView,
                DiscoveryManage,
                SafetyView,
                HealthView,
                AlarmsView,
                AlarmsManage,
                AlertingView,
                JobErrorsView,
                JobErrorsExecute,
                QueuesView,
                QueuesExecute,
            ]
            .into(),
            Self::Viewer => [
                ScansView,
                SchedulesView,
                ResultsView,
                TestsView,
                ConfigView,
                ScannersView,
                DiscoveryView,
                SafetyView,
                HealthView,
                AlarmsView,
                JobErrorsView,
                QueuesView,
            ]
            .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_reads_its_own_text() {
        for right in Right::ALL {
            assert_eq!(right.as_str().parse::<Right>().expect("reads"), *right);
        }
        assert!("scans:fly".parse::<Right>().is_err());
    }

    #[test]
    fn a_viewer_changes_nothing() {
        for right in BuiltInRole::Viewer.rights() {
            assert!(right.as_str().ends_with(":view"), "{right}");
        }
    }
}
