//! Where a span stands in a trace, as W3C `traceparent` says it.
//!
//! The ids of spans are not drawn: they are the ids that the things have anyway. A request, a task and a lease each have
//! a UUID whose second half is chance; that half is the id of its span, and what begins a trace gives it its whole id.
//! So every process knows the span of a task or an attempt from its row, and one id finds log, row and trace.
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The target of the events that tell of a span that has ended; what exports traces listens to it, logs leave it out.
///
/// Their fields: `name`, `kind` (`server`, `producer`, `consumer` or `internal`), `trace_id`, `span_id`, `parent_id`
/// where there is one, `took_us`, `error` if it failed; every other field is an attribute of the span.
pub const TARGET: &str = "mipo_span";

/// A span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    trace: [u8; 16],
    id: [u8; 8],
}

impl Span {
    /// The first span of a new trace: that of the thing with this id.
    pub fn root(id: Uuid) -> Self {
        Self { trace: id.into_bytes(), id: half(id) }
    }

    /// The span of the thing with this id in the trace of `self`.
    pub fn child(self, id: Uuid) -> Self {
        Self { trace: self.trace, id: half(id) }
    }

    /// The trace, as hex.
    pub fn trace_id(self) -> String {
        hex::encode(self.trace)
    }

    /// The span, as hex.
    pub fn span_id(self) -> String {
        hex::encode(self.id)
    }
}

/// The second half of a UUID: its variant bits keep it from being zero, which would be no id.
fn half(id: Uuid) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&id.as_bytes()[8..]);
    half
}

/// As `traceparent`: sampled always, because whoever exports at all exports everything.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace_id(), self.span_id())
    }
}

/// This text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")]
pub struct NoTraceparent;

impl FromStr for Span {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let mut parts = text.split('-');
        let (Some("00"), Some(trace), Some(id), Some(flags), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoTraceparent);
        };
        let mut span = Self { trace: [0; 16], id: [0; 8] };
        hex::decode_to_slice(trace, &mut span.trace).map_err(|_| NoTraceparent)?;
        hex::decode_to_slice(id, &mut span.id).map_err(|_| NoTraceparent)?;
        let told = flags.len() == 2 && flags.bytes().all(|byte| byte.is_ascii_hexdigit());
        if told && span.trace != [0; 16] && span.id != [0; 8] { Ok(span) } else { Err(NoTraceparent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_named_as_the_things_are() {
        let request = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
        let task = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0002);
        let root = Span::root(request);
        assert_eq!(root.to_string(), "00-01990000000070008000000000000001-8000000000000001-01");
        assert_eq!(root.child(task).to_string(), "00-01990000000070008000000000000001-8000000000000002-01");
        assert_eq!(root.to_string().parse(), Ok(root));
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(good.parse::<Span>().is_ok());
        for wrong in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(wrong.parse::<Span>(), Err(NoTraceparent), "{wrong}");
        }
    }
}
