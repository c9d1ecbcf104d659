//! Counts what a worker did and tells it on stdout.
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::payload::nanos;

/// How often a worker tells its count. It is told with the time at which it was read, so this limits how soon the end
/// is noticed, not how exactly a moment in between is known.
const TICK: Duration = Duration::from_millis(5);

/// One line on stdout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A worker has started.
    Ready,
    /// So many handlers had run at that time.
    Ran {
        /// Since the start of the process.
        count: u64,
        /// Nanoseconds since 1970.
        at: u64,
    },
    /// From before the insert to the start of the handler, in nanoseconds, of every timed task; the last line.
    Waits(Vec<u64>),
    /// The measured part of enqueuing.
    Took {
        /// Its wall time.
        seconds: f64,
    },
}

/// Writes a line. A bench that is gone needs none.
pub fn say(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// The count of one worker process; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    waits: Mutex<Vec<u64>>,
}

impl Gauge {
    /// Starts telling, on a thread of its own; ends the process when stdin is closed.
    pub fn start() -> Self {
        let gauge = Self::default();
        say(&Line::Ready);
        let told = gauge.clone();
        thread::spawn(move || told.tell());
        let ending = gauge.clone();
        thread::spawn(move || {
            let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
            say(&Line::Waits(std::mem::take(&mut *ending.waits())));
            std::process::exit(0);
        });
        gauge
    }

    /// The handler of a task has started.
    pub fn ran(&self, enqueued_at: u64) {
        if enqueued_at != 0 {
            let wait = nanos().saturating_sub(enqueued_at);
            self.waits().push(wait);
        }
        self.inner.count.fetch_add(1, Ordering::Relaxed);
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.inner.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let mut told = 0;
        loop {
            thread::sleep(TICK);
            let count = self.inner.count.load(Ordering::Relaxed);
            if count != told {
                told = count;
                say(&Line::Ran { count, at: nanos() });
            }
        }
    }
}
