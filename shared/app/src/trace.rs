//! One trace from the click to the result, as W3C `traceparent`: the scan keeps it, its tasks and jobs carry it.
use mipo_domain::ids::RequestId;
use mipo_domain::trace::Span;

use crate::Ctx;

/// A new trace for what is asked for now. It is named as the request, so that the log line of the request, its audit row
/// and the trace are found by one id; the request is its first span. Without a request its name is chance.
pub(crate) fn begin(ctx: &Ctx<'_>) -> String {
    let id = ctx.caller.request_id.unwrap_or_else(|| RequestId::mint(ctx.clock, ctx.entropy));
    Span::root(id.as_uuid()).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use mipo_domain::clock::Clock;
    use mipo_domain::entropy::Entropy;

    use super::*;
    use crate::Caller;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }

    impl Entropy for Still {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xa0);
        }
    }

    #[test]
    fn the_trace_is_named_as_the_request() {
        let id = RequestId::mint(&Still, &Still);
        let caller = Caller { request_id: Some(id), ..Caller::cli() };
        let begun = begin(&Ctx { caller: &caller, clock: &Still, entropy: &Still });
        assert_eq!(begun, format!("00-{}-a0a0a0a0a0a0a0a0-01", id.as_uuid().simple()));
        let begun = begin(&Ctx { caller: &Caller::cli(), clock: &Still, entropy: &Still });
        assert!(begun.parse::<Span>().is_ok(), "{begun}");
    }
}
