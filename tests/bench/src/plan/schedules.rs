//! Thousands of schedules whose starts fall into one minute, and a real dispatcher.
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use mipo_app::schedules::{self, NewSchedule, TimingInput};
use mipo_app::{Caller, Ctx, templates};
use mipo_app::{port_lists, subnets};
use mipo_domain::clock::Clock as _;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::{Conn, Db};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::figure::{Figure, percentile};
use crate::place::Place;

/// Each start is at most so late.
const GOAL_S: f64 = 1.0;

/// A daily time twelve hours from now, which nothing reaches while the bench runs.
pub fn later() -> TimingInput {
    let at = SystemClock.now() + TimeDelta::hours(12);
    TimingInput {
        kind: Some("daily".to_owned()),
        hour: Some(at.hour().into()),
        minute: Some(at.minute().into()),
        ..TimingInput::default()
    }
}

/// Makes `count` schedules of one template.
pub async fn make(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    template: Uuid,
    name: &str,
    count: u32,
    timing: &TimingInput,
) -> Result<(), String> {
    for number in 0..count {
        let input = NewSchedule {
            name: format!("{name}-{number}"),
            timing: timing.clone(),
            templates: vec![template],
            overlap_policy: Some("parallel".to_owned()),
            ..NewSchedule::default()
        };
        schedules::create(conn, ctx, input).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// How late the starts of a minute are.
pub fn late(
    runtime: &Runtime,
    place: &mut Place,
    bin_dir: &Path,
    count: u32,
    smoke: bool,
) -> Result<Vec<Figure>, String> {
    let due = runtime.block_on(spread(&place.db(), count, smoke))?;
    place.serve(bin_dir, "dispatcher", &[])?;
    let late = runtime.block_on(wait(place, due, count)).map_err(|reason| format!("{reason}\n{}", place.said()))?;
    let name = format!("{count} schedules of one minute with a minute's jitter, start after the time");
    let goal = (!smoke).then_some(GOAL_S);
    Ok(vec![
        Figure::lower(format!("{name}, p50"), "s", percentile(&late, 0.5), None),
        Figure::lower(format!("{name}, last"), "s", percentile(&late, 1.0), goal),
    ])
}

/// Makes them; answers when the last of them starts. `at_once`: in three seconds, whatever they say themselves.
async fn spread(db: &Db, count: u32, at_once: bool) -> Result<DateTime<Utc>, String> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("bench.schedules").await.map_err(|error| error.to_string())?;
    let subnet = subnets::NewSubnet { name: "due".to_owned(), cidr: "10.250.0.0/30".to_owned(), ..Default::default() };
    let subnet = subnets::create(&mut tx, &ctx, subnet).await.map_err(|error| error.to_string())?.id;
    let ports = port_lists::NewPortList { name: "due".to_owned(), ports: "22".to_owned(), ..Default::default() };
    let ports = port_lists::create(&mut tx, &ctx, ports).await.map_err(|error| error.to_string())?.id;
    let sources = templates::Sources {
        subnets: vec![subnet.as_uuid()],
        port_lists: vec![ports.as_uuid()],
        ..templates::Sources::default()
    };
    let template = templates::NewTemplate { name: "due".to_owned(), sources, ..templates::NewTemplate::default() };
    let template = templates::create(&mut tx, &ctx, template).await.map_err(|error| error.to_string())?.id;
    // Far enough for all of them to be made before the first is due.
    let ahead = TimeDelta::seconds(10 + i64::from(count) / 100);
    let at = SystemClock.now() + ahead + TimeDelta::minutes(1);
    let timing = TimingInput {
        kind: Some("cron".to_owned()),
        cron_expression: Some(format!("{} {} * * *", at.minute(), at.hour())),
        jitter_minutes: Some(1),
        ..TimingInput::default()
    };
    make(&mut tx, &ctx, template.as_uuid(), "due", count, &timing).await?;
    if at_once {
        let sql = "update config.schedules set next_start_at = now() + interval '3 seconds', next_planned_at = date_trunc('second', now()) where name like 'due-%'";
        sqlx::raw_sql(sql).execute(&mut *tx).await.map_err(|error| error.to_string())?;
    }
    let last = "select max(next_start_at) from config.schedules where name like 'due-%'";
    let last = sqlx::query_scalar::<_, DateTime<Utc>>(last).fetch_one(&mut *tx).await.map_err(|e| e.to_string())?;
    // The starts are kept, because a schedule that has run shows its next one.
    sqlx::raw_sql(
        "create table public.due as select id, next_start_at as at from config.schedules where name like 'due-%'",
    )
    .execute(&mut *tx)
    .await
    .map_err(|error| error.to_string())?;
    tx.commit().await.map_err(|error| error.to_string())?;
    if !at_once && SystemClock.now() > last - TimeDelta::minutes(1) {
        return Err("the machine was too slow to make the schedules before the first was due".to_owned());
    }
    Ok(last)
}

/// Seconds that each start was late, sorted.
async fn wait(place: &Place, last: DateTime<Utc>, count: u32) -> Result<Vec<f64>, String> {
    let started = "select count(*) from results.scans where schedule_id is not null";
    let until = last + TimeDelta::minutes(2);
    loop {
        let number: i64 =
            sqlx::query_scalar(started).fetch_one(&place.pool).await.map_err(|error| error.to_string())?;
        if number >= i64::from(count) {
            break;
        }
        if SystemClock.now() > until {
            return Err(format!("{number} of {count} schedules have started"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let late = "select extract(epoch from s.created_at - d.at)::float8 from results.scans s join public.due d on d.id = s.schedule_id order by 1";
    sqlx::query_scalar(late).fetch_all(&place.pool).await.map_err(|error| error.to_string())
}
