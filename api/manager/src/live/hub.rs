//! The one listener of the process. It reads what changed by snapshot and hands it to every open stream.
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mipo_domain::entropy::{Entropy, bytes};
use mipo_store::config::live::{self, Heard, News, Seen};
use mipo_store::{Db, StoreError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Changes kept for streams that come back, and for slow readers.
const KEPT: usize = 1024;
/// The listener looks this often even when nothing rings.
const POLL: Duration = Duration::from_secs(5);
/// Rests this long after each read, so that a burst becomes one read.
const REST: Duration = Duration::from_millis(100);
/// Waits this long after an error of the database.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What a stream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// One entity changed.
    Changed(Heard),
    /// Anything may have changed.
    Refresh,
}

/// A message and its place in the hub's own sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Place.
    pub n: u64,
    /// What to tell.
    pub message: Message,
}

/// Shared by all streams; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    /// Tells this run of the process from others.
    start: Arc<str>,
    kept: Arc<Mutex<Kept>>,
    sender: broadcast::Sender<Numbered>,
    /// How many streams listen to the queues.
    watching: Arc<watch::Sender<usize>>,
}

/// Held by a stream that listens to the queues.
#[derive(Debug)]
pub struct Watching(Arc<watch::Sender<usize>>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.send_modify(|streams| *streams -= 1);
    }
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    messages: VecDeque<Numbered>,
}

/// An open stream's share of the hub.
#[derive(Debug)]
pub struct Subscription {
    /// What happened between the last message that the page had and now.
    pub missed: Vec<Numbered>,
    /// What happens from now on.
    pub receiver: broadcast::Receiver<Numbered>,
}

impl Hub {
    /// A hub that has heard nothing yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let start = hex::encode(bytes::<6>(entropy));
        Self {
            start: start.into(),
            kept: Arc::default(),
            sender: broadcast::channel(KEPT).0,
            watching: Arc::new(watch::channel(0).0),
        }
    }

    /// The place that a page notes before it reads its data: what changes after it will be told.
    pub fn position(&self) -> String {
        self.id_of(self.kept().last)
    }

    /// The public form of a place: start and counter.
    pub fn id_of(&self, n: u64) -> String {
        format!("{}-{n}", self.start)
    }

    /// Joins the hub after `last_id`. An id of another run, or one too old, gives [`Message::Refresh`]; none gives
    /// only what comes.
    pub fn subscribe(&self, last_id: Option<&str>) -> Subscription {
        // Under the lock: no message can come between the copy and the subscription.
        let kept = self.kept();
        let receiver = self.sender.subscribe();
        let refresh = || vec![Numbered { n: kept.last, message: Message::Refresh }];
        let missed = match last_id {
            None => Vec::new(),
            Some(id) => match id.rsplit_once('-').filter(|(start, _)| **start == *self.start) {
                Some((_, n)) => match n.parse::<u64>() {
                    Ok(n) if n > kept.last => refresh(),
                    Ok(n) if kept.messages.front().is_some_and(|oldest| n + 1 < oldest.n) => refresh(),
                    Ok(n) => kept.messages.iter().filter(|message| message.n > n).cloned().collect(),
                    Err(_) => refresh(),
                },
                None => refresh(),
            },
        };
        Subscription { missed, receiver }
    }

    /// Counts a stream that listens to the queues, until the answer is dropped.
    pub fn watch(&self) -> Watching {
        self.watching.send_modify(|streams| *streams += 1);
        Watching(self.watching.clone())
    }

    /// How many streams listen to the queues.
    pub fn watched(&self) -> watch::Receiver<usize> {
        self.watching.subscribe()
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.sender.receiver_count()
    }

    /// Tells everybody what was read. Messages of one batch that say the same are told once.
    pub fn publish(&self, news: News) {
        if news.everything {
            self.tell([Message::Refresh]);
        } else {
            let mut told = HashSet::new();
            self.tell(news.heard.into_iter().filter(|heard| told.insert(heard.clone())).map(Message::Changed));
        }
    }

    /// Tells everybody `messages`, in this order.
    pub fn tell(&self, messages: impl IntoIterator<Item = Message>) {
        let mut kept = self.kept();
        for message in messages {
            kept.last += 1;
            let numbered = Numbered { n: kept.last, message };
            if kept.messages.len() == KEPT {
                kept.messages.pop_front();
            }
            kept.messages.push_back(numbered.clone());
            // Without a stream there is nobody to tell.
            let _ = self.sender.send(numbered);
        }
    }

    /// Listens until `stop`. Survives the loss of the database: the next read finds what was missed.
    pub async fn run(&self, db: &Db, stop: &CancellationToken) {
        let mut seen = None;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                result = self.listen(db, &mut seen) => {
                    if let Err(error) = result {
                        tracing::warn!(%error, "the live listener lost its connection and tries again");
                    }
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(AFTER_ERROR) => {}
                    }
                }
            }
        }
    }

    async fn listen(&self, db: &Db, seen: &mut Option<Seen>) -> Result<(), StoreError> {
        let mut listener = db.listener(&["mipo_live"]).await?;
        loop {
            // Read first: what was committed before the listener stood rings no more.
            let mut conn = db.pool().acquire().await?;
            if let Some(last) = seen.as_ref() {
                let news = live::since(&mut conn, last).await?;
                *seen = Some(news.seen.clone());
                self.publish(news);
            } else {
                // Pages drawn before this moment have nothing to go by.
                *seen = Some(live::now(&mut conn).await?);
                self.tell([Message::Refresh]);
            }
            drop(conn);
            tokio::time::sleep(REST).await;
            // Whether it rang or not: look.
            if let Ok(rang) = tokio::time::timeout(POLL, listener.recv()).await {
                rang?;
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    fn heard(id: usize) -> Heard {
        Heard { topic: "scans".to_owned(), entity_id: id.to_string() }
    }

    fn tell(hub: &Hub, ids: impl IntoIterator<Item = usize>) {
        hub.tell(ids.into_iter().map(|id| Message::Changed(heard(id))));
    }

    fn missed(hub: &Hub, id: &str) -> Vec<Message> {
        hub.subscribe(Some(id)).missed.into_iter().map(|numbered| numbered.message).collect()
    }

    #[test]
    fn a_stream_that_comes_back_hears_what_it_missed() {
        let hub = Hub::new(&Fixed(1));
        tell(&hub, [1, 2]);
        let place = hub.position();
        tell(&hub, [3]);
        assert_eq!(missed(&hub, &place), [Message::Changed(heard(3))]);
        assert_eq!(missed(&hub, &hub.position()), []);
    }

    #[test]
    fn a_place_of_another_run_or_too_long_ago_means_refresh() {
        let hub = Hub::new(&Fixed(1));
        let first = hub.position();
        tell(&hub, 0..KEPT + 1);
        assert_eq!(missed(&hub, &first), [Message::Refresh]);
        for odd in ["", "7", "0202020202-1", "010101010101-x", "010101010101-999999", "\u{0}"] {
            assert_eq!(missed(&hub, odd), [Message::Refresh], "{odd:?}");
        }
    }
}
