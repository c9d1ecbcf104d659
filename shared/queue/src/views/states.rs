//! How many tasks stand in each state, for the tabs above their list.
use mipo_domain::ids::TaskId;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _};

use super::Count;
use super::narrow::{self, FULL_KEYS, LIVE_STATE, Side};
use super::tasks::{self, Ask};
use crate::QueueError;
use crate::filter::{Filter, Shown, Test};

/// The number of tasks in each state that pass `filter`, whatever it says of states; none where only looking at every
/// task would tell.
pub async fn by_state(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<(Shown, Option<Count>)>, QueueError> {
    let mut filter = filter.clone();
    filter.terms.retain(|term| !matches!(term.test, Test::Status(_)));
    let mut counts = live(conn, &filter).await?;
    for state in Shown::ALL.into_iter().filter(|state| state.is_ended()) {
        let ask = Ask { filter: filter.clone().and(Test::Status(vec![state])), ..Ask::default() };
        counts.push((state, tasks::ended_total(conn, &ask).await?));
    }
    Ok(counts)
}

async fn live(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<(Shown, Option<Count>)>, QueueError> {
    let states: Vec<Shown> = Shown::ALL.into_iter().filter(|state| !state.is_ended()).collect();
    let ask = Ask { filter: filter.clone(), ..Ask::default() };
    if !tasks::few_live(conn, &ask).await? {
        let mut counts = Vec::with_capacity(states.len());
        for state in states {
            let one = filter.clone().and(Test::Status(vec![state]));
            counts.push((state, tasks::sampled(conn, &one).await?.map(Count::about)));
        }
        return Ok(counts);
    }
    let mut query = QueryBuilder::<Postgres>::new(FULL_KEYS);
    query
        .push("select s.state, count(*) from (select ")
        .push(LIVE_STATE)
        .push(" as state from jobs.tasks t where true");
    narrow::push(&mut query, filter, Side::Live);
    query.push(") s group by s.state");
    let rows = query.build().fetch_all(conn).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push((row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?));
    }
    let count = |state: Shown| found.iter().find(|(word, _)| word == state.as_str()).map_or(0, |(_, count)| *count);
    Ok(states.into_iter().map(|state| (state, Some(Count::exact(count(state))))).collect())
}

/// Tasks that are named as relatives of another.
const NAMED: i64 = 20;

/// A task that is tied to another by a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Its id.
    pub id: TaskId,
    /// Its kind.
    pub kind: String,
    /// Its shown state.
    pub state: String,
}

/// The first live tasks that wait for the tasks of `group` to end, and how many they are.
pub async fn waiting_for(conn: &mut PgConnection, group: &str) -> Result<(Vec<Relative>, Count), QueueError> {
    let rows = sqlx::query!(
        r#"select t.id, t.kind, jobs.shown_state(t) as "state!" from jobs.tasks t where t.waits_for = $1 order by t.id limit $2"#,
        group,
        NAMED
    )
    .fetch_all(&mut *conn)
    .await?;
    let relatives = rows.into_iter().map(|row| Relative { id: row.id.into(), kind: row.kind, state: row.state });
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from jobs.tasks t where t.waits_for = $1 limit $2) n"#,
        group,
        super::COUNT_LIMIT + 1
    )
    .fetch_one(conn)
    .await?;
    Ok((relatives.collect(), Count::capped(count)))
}
