//! One trace from the click to the result, as W3C `traceparent`: the scan keeps it, its tasks and jobs carry it.
use mipo_domain::entropy::bytes;

use crate::Ctx;

/// A new trace for what is asked for now. Its id is the request's, so that the log line of the request, its audit row and
/// the trace are found by one id; without a request it is chance.
pub(crate) fn begin(ctx: &Ctx<'_>) -> String {
    let trace = ctx.caller.request_id.map_or_else(|| bytes::<16>(ctx.entropy), |id| id.as_uuid().into_bytes());
    // The request itself is the first span. Of zeros only, either id would be none.
    let span = bytes::<8>(ctx.entropy).map(|byte| byte | 1);
    format!("00-{}-{}-01", hex::encode(trace), hex::encode(span))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use mipo_domain::clock::Clock;
    use mipo_domain::entropy::Entropy;
    use mipo_domain::ids::RequestId;

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
        assert_eq!(begun, format!("00-{}-a1a1a1a1a1a1a1a1-01", id.as_uuid().simple()));
        let begun = begin(&Ctx { caller: &Caller::cli(), clock: &Still, entropy: &Still });
        assert_eq!(begun, format!("00-{}-a1a1a1a1a1a1a1a1-01", "a0".repeat(16)));
    }
}
