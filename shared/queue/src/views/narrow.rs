//! A filter as conditions of SQL, on a live or an ended task `t`.
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::filter::{Compare, Filter, Shown, Term, Test};

/// Which table `t` is a row of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// `jobs.tasks`; the statement begins with [`FULL_KEYS`].
    Live,
    /// `jobs.task_history`
    Ended,
}

/// The keys whose limit is reached; [`LIVE_STATE`] looks into it.
pub(crate) const FULL_KEYS: &str = "with full_keys as materialized (
  select t.concurrency_key from jobs.tasks t where t.concurrency_slot is not null
  group by t.concurrency_key having count(*) >= max(t.concurrency_limit)) ";

/// The shown state of a live task; as `jobs.shown_state`, for many rows at once.
pub(crate) const LIVE_STATE: &str = "case
  when t.status = 'running' then 'running'
  when t.run_at > now() then case when t.snoozed then 'snoozed' when t.attempts > 0 then 'retrying' else 'scheduled' end
  when t.rank = 'infinity' or t.concurrency_key in (select concurrency_key from full_keys) then 'waiting'
  else 'ready' end";

/// Running tasks: those with a slot of their key, and those that stand at the front of a line. A claim takes from the
/// front and leaves the rank, so they are there; an index over who runs would be written by each claim.
pub(crate) const RUNNING: &str = "select t.id from jobs.tasks t where t.concurrency_slot is not null
  union all
  select f.id from jobs.queues q cross join lateral (
    select t.id, t.status from jobs.tasks t where t.queue = q.name and t.concurrency_key is null order by t.rank, t.id
    limit (select 1000 + coalesce(sum(w.slots), 0) from jobs.workers w where w.last_seen_at > now() - interval '1 minute')
  ) f where f.status = 'running'";

/// The states of `states` that are stored in the table of `side`.
pub(crate) fn of_side(states: &[Shown], side: Side) -> Vec<Shown> {
    states.iter().copied().filter(|state| state.is_ended() == (side == Side::Ended)).collect()
}

/// Adds `and …` for each term.
pub(crate) fn push(query: &mut QueryBuilder<Postgres>, filter: &Filter, side: Side) {
    for term in &filter.terms {
        push_term(query, term, side);
    }
}

/// Adds `and …` for the terms on ids alone, which bound what an index on ids is asked.
pub(crate) fn push_ids(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    for term in filter.terms.iter().filter(|term| matches!(term.test, Test::Id(_))) {
        push_term(query, term, Side::Live);
    }
}

fn push_term(query: &mut QueryBuilder<Postgres>, term: &Term, side: Side) {
    query.push(if term.not { " and not coalesce((" } else { " and ((" });
    match &term.test {
        Test::Queue(names) => {
            query.push("t.queue = any(").push_bind(names.clone()).push(")");
        }
        Test::Kind(names) => {
            query.push("t.kind = any(").push_bind(names.clone()).push(")");
        }
        Test::Status(states) => {
            let words: Vec<String> = of_side(states, side).iter().map(ToString::to_string).collect();
            query.push(if side == Side::Live { LIVE_STATE } else { "t.status" });
            query.push(" = any(").push_bind(words).push(")");
        }
        Test::Error(texts) => {
            let patterns: Vec<String> = texts.iter().map(|text| pattern(text)).collect();
            query.push("t.last_error ilike any(").push_bind(patterns).push(")");
        }
        Test::Fingerprint(texts) => {
            query.push("t.fingerprint = any(").push_bind(texts.clone()).push(")");
        }
        Test::Age(compare, age) => {
            query.push(if side == Side::Live { "greatest(t.run_at, t.created_at)" } else { "t.finished_at" });
            query.push(if *compare == Compare::Older { " < " } else { " > " });
            query.push("now() - make_interval(secs => ").push_bind(age.seconds() as f64).push(")");
        }
        Test::Id(prefixes) => {
            for (n, prefix) in prefixes.iter().enumerate() {
                let (first, last) = bounds(prefix);
                query.push(if n == 0 { "" } else { " or " });
                query.push("t.id between ").push_bind(first).push(" and ").push_bind(last);
            }
        }
        Test::Worker(names) => {
            query
                .push("t.locked_by = any(array(select w.no from jobs.workers w where w.id = any(")
                .push_bind(names.clone());
            query.push(") or w.name = any(").push_bind(names.clone());
            query.push(") or w.host = any(").push_bind(names.clone()).push(")))");
        }
        Test::Payload(test) => {
            let path: Vec<String> = std::iter::once("ids".to_owned()).chain(test.path.iter().cloned()).collect();
            query.push("t.payload #>> ").push_bind(path).push(" = ").push_bind(test.value.clone());
        }
    }
    query.push(if term.not { "), false)" } else { "))" });
}

/// `text` anywhere, its own wildcards taken as they are.
fn pattern(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// The first and the last id that begin with `prefix`, which the filter has found to be the beginning of one.
fn bounds(prefix: &str) -> (Uuid, Uuid) {
    let filled = |rest: Uuid| {
        let rest = rest.to_string();
        format!("{prefix}{}", rest.get(prefix.len()..).unwrap_or_default()).parse().unwrap_or(Uuid::nil())
    };
    (filled(Uuid::nil()), filled(Uuid::max()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range() {
        let (first, last) = bounds("01938f00-12");
        assert_eq!(first.to_string(), "01938f00-1200-0000-0000-000000000000");
        assert_eq!(last.to_string(), "01938f00-12ff-ffff-ffff-ffffffffffff");
        let whole = "01938f00-1234-7000-8000-000000000001";
        assert_eq!(bounds(whole).0, bounds(whole).1);
    }
}
