//! Logs: JSON a line for machines, or text for people. Control characters never reach the terminal or the file as
//! they are (product S22): JSON escapes the first 32, the writers the rest.
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use mipo_domain::trace::TARGET;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::traces::Traces;

/// `LOG_FORMAT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text.
    Pretty,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        })
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("must be json or pretty".to_owned()),
        }
    }
}

/// Where logs go.
#[derive(Clone, Debug)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// An open file.
    File(Arc<Mutex<File>>),
}

/// Starts logging for the whole process; later calls change nothing. `filter` is in the syntax of `RUST_LOG` and was
/// checked by [`check_filter`].
pub fn init(filter: &str, format: LogFormat, target: LogTarget) {
    init_with(filter, format, target, tracing_subscriber::layer::Identity::new(), None);
}

/// The same, with a layer that also hears what `filter` keeps from the log, down to level info: for what is finer,
/// nobody would be there to read it. `traces` are exported beside it.
pub fn init_with(
    filter: &str,
    format: LogFormat,
    target: LogTarget,
    extra: impl Layer<Registry> + Send + Sync,
    traces: Option<Traces>,
) {
    let mut filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Ends of spans are for what exports traces.
    if let Ok(no_spans) = format!("{TARGET}=off").parse() {
        filter = filter.add_directive(no_spans);
    }
    let layer = tracing_subscriber::fmt::layer().with_ansi(false);
    let spans = traces.map(|traces| traces.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO)));
    // Where nothing is exported nobody may listen to spans, or each would be put into words for nothing.
    let extra = extra.with_filter(Targets::new().with_default(LevelFilter::INFO).with_target(TARGET, LevelFilter::OFF));
    let registry = tracing_subscriber::registry().with(extra).with(spans);
    // A second call finds a subscriber in place; tests and `mipo up` rely on the first one.
    let _ = match format {
        LogFormat::Json => {
            let json = layer.json().flatten_event(true).with_writer(Escaped(target, escape_json));
            registry.with(json.with_filter(filter)).try_init()
        }
        LogFormat::Pretty => registry.with(layer.with_writer(Escaped(target, escape)).with_filter(filter)).try_init(),
    };
}

/// Refuses what [`init`] could not use.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| format!("not a log filter: {error}"))
}

impl<'a> MakeWriter<'a> for LogTarget {
    type Writer = Box<dyn Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Stderr => Box::new(io::stderr()),
            Self::File(file) => Box::new(Locked(file)),
        }
    }
}

struct Locked<'a>(&'a Mutex<File>);

impl Write for Locked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

struct Escaped(LogTarget, fn(&str) -> String);

impl<'a> MakeWriter<'a> for Escaped {
    type Writer = EscapingWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter(self.0.make_writer(), self.1)
    }
}

struct EscapingWriter<'a>(Box<dyn Write + 'a>, fn(&str) -> String);

impl Write for EscapingWriter<'_> {
    /// The formatter hands over one whole event at a time; its own line end is the last byte.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all((self.1)(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters as `\u{…}`, but a line end at the very end.
pub fn escape(text: &str) -> String {
    let (body, end) = text.strip_suffix('\n').map_or((text, ""), |body| (body, "\n"));
    let mut out = String::with_capacity(text.len());
    for character in body.chars() {
        if character.is_control() { out.extend(character.escape_default()) } else { out.push(character) }
    }
    out + end
}

/// DEL and the control characters after it as `\u0000` escapes: JSON allows them as they are, and terminals obey them.
fn escape_json(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\u{7f}'..='\u{9f}' => {
                let code = u32::from(character);
                out.push_str("\\u00");
                out.extend([code >> 4, code & 15].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_holds_no_control_character_and_means_the_same() {
        let said = "a\u{7f}b\u{9b}31mü";
        let line = serde_json::json!({ "said": said }).to_string() + "\n";
        let escaped = escape_json(&line);
        assert!(!escaped.trim_end().chars().any(char::is_control), "{escaped:?}");
        let read: serde_json::Value = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(read["said"], said);
    }

    #[test]
    fn control_characters_cannot_forge_a_line_or_move_the_cursor() {
        assert_eq!(escape("a\nb\x1b[2J\u{9b}\n"), "a\\nb\\u{1b}[2J\\u{9b}\n");
    }
}
