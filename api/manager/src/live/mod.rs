//! Live pages (product 6.7): one listener a process hears what changed, every open page is told by its stream, and the
//! page fetches the region anew from current state.
//!
//! A page subscribes by `data-live="scans:12 alarms"` on its regions; `assets/js/live.js` collects them. A topic alone
//! means every entity of it. [`TOPICS`] says which right a topic needs.
pub mod hub;
pub mod rates;
pub mod sampler;
pub mod stream;

use mipo_domain::rights::Right;
use mipo_store::config::live::topics;

pub use hub::Hub;
pub use rates::Rates;

/// Every topic that a page can listen to, and the right that it needs.
pub const TOPICS: &[(&str, Right)] = &[
    (topics::SCANS, Right::ScansView),
    (topics::SCANNERS, Right::ScannersView),
    (topics::ALARMS, Right::AlarmsView),
    (topics::JOB_ERRORS, Right::JobErrorsView),
    (topics::EVENTS, Right::HealthView),
    (topics::CONFIG, Right::ConfigView),
    (topics::QUEUES, Right::QueuesView),
];

/// A topic, or one entity of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The topic.
    pub topic: &'static str,
    /// What the topic needs.
    pub right: Right,
    /// Only this entity, if set.
    pub entity: Option<String>,
}

impl Interest {
    /// Reads `scans` or `scans:12`.
    pub fn parse(text: &str) -> Option<Self> {
        let (topic, entity) = text.split_once(':').map_or((text, None), |(topic, id)| (topic, Some(id.to_owned())));
        let (topic, right) = TOPICS.iter().find(|(name, _)| *name == topic)?;
        Some(Self { topic, right: *right, entity: entity.filter(|id| !id.is_empty()) })
    }

    /// True when it covers the change.
    pub fn covers(&self, topic: &str, entity_id: &str) -> bool {
        self.topic == topic && self.entity.as_deref().is_none_or(|id| id == entity_id)
    }
}
