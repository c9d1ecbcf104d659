//! What an attempt logs is kept with it.
//!
//! [`LogCapture`] is a layer of the process's subscriber. An event goes to the attempt in whose handler it was made:
//! the handler runs inside a task-local scope, so neither spans nor names have to be looked up.
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use mipo_domain::trace::TARGET;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that are kept of one attempt; the first ones, since they tell how it came to the rest.
const MAX_LINES: usize = 200;

/// Characters that are kept of one line.
const MAX_CHARS: usize = 500;

tokio::task_local! {
    static CURRENT: Lines;
}

/// The lines of one attempt. Clones are handles on the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    started: Instant,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    text: String,
    lines: usize,
    left_out: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { started: Instant::now(), kept: Arc::default() }
    }
}

impl Lines {
    /// Runs `handler` so that its events come here.
    pub(crate) fn collect<F: Future>(&self, handler: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), handler)
    }

    /// What was logged, as text; nothing when nothing was.
    pub(crate) fn take(&self) -> Option<String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = std::mem::take(&mut *kept);
        if kept.left_out > 0 {
            let _ = writeln!(kept.text, "… {} lines more", kept.left_out);
        }
        (!kept.text.is_empty()).then_some(kept.text)
    }

    fn add(&self, level: Level, message: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines == MAX_LINES {
            kept.left_out += 1;
            return;
        }
        kept.lines += 1;
        let millis = self.started.elapsed().as_millis();
        let line: String = message.chars().filter(|c| *c != '\0').take(MAX_CHARS).collect();
        let _ = writeln!(kept.text, "+{millis} ms {level} {}", line.escape_debug());
    }
}

/// The layer that keeps the log lines of attempts (level info and above). Add it to the process's subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCapture;

impl<S: Subscriber> Layer<S> for LogCapture {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::INFO || event.metadata().target() == TARGET {
            return;
        }
        let _ = CURRENT.try_with(|lines| {
            let mut line = Line::default();
            event.record(&mut line);
            lines.add(level, &format!("{}{}", line.message, line.fields));
        });
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
