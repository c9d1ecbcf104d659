//! Ids are types, all from this one registry.
//!
//! Most are UUIDv7 (RFC 9562), minted from the clock and the entropy given, so that they sort by the time of their
//! making. Scans and scan jobs are 64-bit integers from a database sequence, because people read them (`#12`).
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::entropy::{Entropy, bytes};

fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes::<10>(entropy)).into_uuid()
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, sorted by `clock`'s time.
            pub fn mint(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(clock, entropy))
            }

            /// The value that is stored.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl From<$name> for Uuid {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

macro_rules! integer_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The value that is stored.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(value)
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_ids! {
    /// An open or past alarm.
    AlarmId,
    /// A blackout window.
    BlackoutId,
    /// A bulk operation on tasks of the queue.
    BulkOperationId,
    /// A change of verdict.
    ChangeId,
    /// A discovery source.
    DiscoverySourceId,
    /// A discovery list.
    DiscoveryListId,
    /// An exclusion.
    ExclusionId,
    /// An FQDN target.
    FqdnId,
    /// A group of FQDNs.
    FqdnGroupId,
    /// A state of a job error.
    JobErrorId,
    /// An entry of the port catalog.
    PortCatalogId,
    /// A port list.
    PortListId,
    /// A port list group.
    PortListGroupId,
    /// A role.
    RoleId,
    /// A filter that somebody keeps under a name.
    SavedViewId,
    /// A scan template.
    TemplateId,
    /// A group of scan templates.
    TemplateGroupId,
    /// A scanner.
    ScannerId,
    /// A scanner group.
    ScannerGroupId,
    /// A schedule.
    ScheduleId,
    /// A subnet.
    SubnetId,
    /// A subnet group.
    SubnetGroupId,
    /// A system event.
    EventId,
    /// A task of the queue.
    TaskId,
    /// A user.
    UserId,
    /// A login session.
    SessionId,
    /// One HTTP request, for logs and problem documents.
    RequestId,
}

integer_ids! {
    /// A scan, shown as `#N`.
    ScanId,
    /// A scan job, shown as `#N`.
    ScanJobId,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::from_timestamp_millis(self.0).expect("in range")
        }
    }

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let early = ScannerId::mint(&At(1_700_000_000_000), &Fixed(255));
        let late = ScannerId::mint(&At(1_700_000_000_001), &Fixed(0));
        assert!(early < late);
        assert_eq!(early.as_uuid().get_version_num(), 7);
        assert_eq!(early.to_string().parse::<ScannerId>().expect("reads its own text"), early);
    }
}
