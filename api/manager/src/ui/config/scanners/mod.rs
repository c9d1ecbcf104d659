//! `/config/scanners`: the agents that probe.
pub mod actions;
pub mod detail;
pub mod list;
pub mod new;
pub mod token;

use chrono::{DateTime, Utc};
use mipo_app::scanners::{self, Scanner};
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;

use crate::lists::Columns;
use crate::ui::Page;
use crate::ui::show::{self, Html};
use crate::ui::tables::{Col, Listing, RowMenu};

pub(super) const LIST: &str = "/config/scanners";
pub(super) const TITLE: &str = "Scanners";
/// A key older than this should be rotated (S11).
const KEY_DAYS: i64 = 90;

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &[
        "name",
        "description",
        "status",
        "binding",
        "version",
        "rateLimit",
        "lastHeartbeat",
        "createdBy",
        "created",
    ],
    filters: &["status", "binding", "version", "createdBy"],
    default_sort: "name",
    words: &[("status", &["pending", "active", "offline", "disabled"]), ("binding", &["ip", "subnet", "asn", "none"])],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("status", "Status"),
    Col::fill("description", "Description"),
    Col::text("lastHeartbeat", "Last heartbeat"),
    Col::text("jobs", "Jobs"),
    Col::text("binding", "Binding"),
    Col::text("version", "Version"),
    Col::text("hash", "Binary hash"),
    Col::num("rateLimit", "Rate limit"),
    Col::text("createdBy", "Created by"),
    Col::text("created", "Created"),
];

/// Bindings to choose from; `asn` needs a table that is not there.
const BINDINGS: &[(&str, &str)] = &[
    ("ip", "Address: calls only from the address of its first heartbeat"),
    ("subnet", "Network: calls from the /24 (IPv6: /64) around it"),
    ("none", "None: calls from anywhere"),
];

/// The same as a filter.
pub(crate) const BINDING_WORDS: &[(&str, &str)] = &[("ip", "Address"), ("subnet", "Network"), ("none", "None")];

/// Lives of a token to choose from, in minutes.
const LIVES: &[(&str, &str)] = &[("15", "15 minutes"), ("60", "1 hour"), ("240", "4 hours"), ("1440", "24 hours")];

pub(super) fn path(id: ScannerId) -> String {
    format!("{LIST}/{id}")
}

/// A scanner as it is shown.
pub(super) struct Row {
    pub(super) scanner: Scanner,
    pub(super) now: DateTime<Utc>,
}

impl Row {
    fn draining(&self) -> bool {
        scanners::is_draining(&self.scanner, self.now)
    }

    fn binding(&self) -> String {
        match (self.scanner.binding_mode.as_str(), &self.scanner.bound_ip) {
            ("none", _) => "none".to_owned(),
            (mode, Some(ip)) => format!("{mode} {ip}"),
            (mode, None) => format!("{mode}, at the first heartbeat"),
        }
    }

    fn hash(&self) -> String {
        self.scanner.binary_sha256.as_ref().map(hex::encode).unwrap_or_default()
    }

    fn key_is_old(&self) -> bool {
        self.scanner.api_key_created_at.is_some_and(|at| (self.now - at).num_days() >= KEY_DAYS)
    }

    /// A live token waits to be used.
    fn token_waits(&self) -> bool {
        self.scanner.token_expires_at.is_some_and(|at| at > self.now)
    }

    /// The status as a sentence.
    fn sentence(&self) -> String {
        match self.scanner.status.as_str() {
            "pending" if self.scanner.api_key_prefix.is_some() => {
                "It has its key; it becomes active with its first heartbeat.".to_owned()
            }
            "pending" if self.token_waits() => "Its token waits to be used on the scanner's host.".to_owned(),
            "pending" => "Its token has expired; make a new one.".to_owned(),
            "active" if self.draining() => "It calls regularly, and gets no new jobs while it drains.".to_owned(),
            "active" => "It calls regularly and gets jobs.".to_owned(),
            "offline" if self.scanner.api_key_prefix.is_none() => {
                "It has no key; use its token on its host.".to_owned()
            }
            "offline" => "It has been silent for more than two minutes; its jobs wait for its return.".to_owned(),
            _ => "It is disabled: its calls are refused and it gets no jobs.".to_owned(),
        }
    }

    fn metric(&self, name: &str) -> Option<f64> {
        self.scanner.metrics.get(name).and_then(serde_json::Value::as_f64)
    }

    /// Load and memory as of the last heartbeat.
    fn load(&self) -> Option<String> {
        let (load, cpus) = (self.metric("loadAvg1m")?, self.metric("numCpus")?);
        Some(format!("{load:.2} on {}", show::count(cpus as i64, "CPU", "CPUs")))
    }

    fn memory(&self) -> Option<String> {
        let (free, total) = (self.metric("memoryAvailableBytes")?, self.metric("memoryTotalBytes")?);
        let gib = |bytes: f64| bytes / f64::from(1 << 30);
        Some(format!("{:.1} of {:.1} GiB free", gib(free), gib(total)))
    }

    fn state(&self) -> Html {
        show::state(&self.scanner.status)
    }

    /// What can be done with it.
    fn menu(&self, list: &Listing, page: &Page) -> RowMenu {
        let Scanner { id, name, status, .. } = &self.scanner;
        let (path, may) = (path(*id), page.shell.may(Right::ScannersManage));
        let (disabled, draining) = (status == "disabled", self.draining());
        let bound = self.scanner.bound_ip.is_some() || self.scanner.ip_mismatch_count > 0;
        let row = format!("scanner-{id}");
        RowMenu::new(page, &row, name)
            .link(&path, "Open")
            .edit_if(may, list.edit(id, &row))
            .post_if(may && disabled, format!("{path}/enable"), "Enable")
            .post_if(may && !disabled && draining, format!("{path}/undrain"), "End the drain")
            .post_if(may && status == "active" && !draining, format!("{path}/drain"), "Drain")
            .post_if(may && bound, format!("{path}/release-binding"), "Release binding")
            .link_if(may, format!("{path}/token"), "New token…")
            .link_if(may && self.scanner.api_key_prefix.is_some(), format!("{path}/rotate-key"), "Rotate key…")
            .harm_if(may && !disabled, format!("{path}/disable"), "Disable…")
            .harm_if(may, format!("{path}/delete"), "Delete…")
    }
}
