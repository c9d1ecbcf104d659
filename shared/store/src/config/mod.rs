//! Schema `config`: identity, configuration, alerting, audit.
pub mod adhoc_templates;
pub mod alarms;
pub mod assignments;
pub mod audit;
pub mod backup_settings;
pub mod blackouts;
pub mod events;
pub mod exclusions;
pub mod expiry;
pub mod fqdns;
pub mod groups;
pub mod idempotency_keys;
pub mod job_keys;
pub mod live;
pub mod login_throttle;
pub mod planning;
pub mod port_catalog;
pub mod port_lists;
pub mod provisioning;
pub mod roles;
pub mod saved_views;
pub mod scan_templates;
pub mod scanner_keys;
pub mod scanners;
pub mod schedules;
pub mod served_files;
pub mod service_heartbeats;
pub mod sessions;
pub mod settings;
pub mod setup_tokens;
pub mod signing_keys;
pub mod silent_scanners;
pub mod subnets;
pub mod template_choices;
pub mod users;

/// Something that refers to a row: what it is, its id and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// `scan template`, `subnet group`, `scan`, …
    pub kind: String,
    /// Its id, as text.
    pub id: String,
    /// Its name.
    pub name: String,
}
