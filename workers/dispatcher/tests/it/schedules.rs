//! Schedules start their templates at their times, once, by whoever is there (product 7.6).
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::schedules::{self, NewSchedule, Schedule, TimingInput};
use mipo_app::{Caller, Ctx};
use mipo_dispatcher::schedules::round;
use mipo_dispatcher::{Config, World};
use mipo_domain::clock::Clock as _;
use mipo_runtime::OsEntropy;
use mipo_testkit::{MockClock, TestDb};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// A database with two templates, and a dispatcher whose clock the test sets.
struct Place {
    db: TestDb,
    top: PgPool,
    clock: MockClock,
    world: World,
    templates: Vec<Uuid>,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

impl Place {
    async fn new() -> Self {
        let db = mipo_testkit::database().await;
        let clock = MockClock::default();
        clock.set(at("2026-10-24T12:00:00Z"));
        let world = dispatcher(&db, &clock);
        let top = db.superuser_pool();
        let mut templates: Vec<Uuid> = Vec::new();
        for (n, name) in ["office", "lab"].into_iter().enumerate() {
            let id = Uuid::from_u128(n as u128 + 1);
            let sql = format!(
                "insert into config.subnets (id, name, cidr) values ('{id}', '{name}', '10.0.{n}.0/24');
                 insert into config.port_lists (id, name, tcp_ports) values ('{id}', '{name}', '{{[22,23)}}');
                 insert into config.scan_templates (id, name, created_by) values ('{id}', '{name}', 'test');
                 insert into config.scan_template_targets (template_id, subnet_id) values ('{id}', '{id}');
                 insert into config.scan_template_ports (template_id, port_list_id) values ('{id}', '{id}')"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&top).await.expect("inserts");
            templates.push(id);
        }
        Self { db, top, clock, world, templates }
    }

    /// As the manager does it.
    async fn schedule(&self, change: impl FnOnce(&mut NewSchedule)) -> Schedule {
        let caller = Caller::system("manager");
        let ctx = Ctx { caller: &caller, clock: &self.clock, entropy: &OsEntropy };
        let mut input = NewSchedule {
            name: "nightly".to_owned(),
            timing: TimingInput { timezone: Some("Europe/Berlin".to_owned()), ..TimingInput::default() },
            templates: self.templates.clone(),
            ..NewSchedule::default()
        };
        change(&mut input);
        let mut tx = self.db.db_as("mipo_manager").tx("test.schedule").await.expect("begins");
        let schedule = schedules::create(&mut tx, &ctx, input).await.expect("is made");
        tx.commit().await.expect("commits");
        schedule
    }

    async fn round(&self) {
        round(&self.world).await.expect("works");
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.top).await.expect(sql)
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.top).await.expect(sql);
    }

    /// Template and planned time of each scan.
    async fn scans(&self) -> Vec<String> {
        self.texts(
            "select template_name || ' ' || to_char(planned_at at time zone 'UTC', 'DD HH24:MI') from results.scans order by id",
        )
        .await
    }

    async fn events(&self) -> Vec<String> {
        self.texts("select type from config.system_events where entity_type = 'schedule' order by at, id").await
    }

    async fn next(&self) -> Vec<String> {
        self.texts("select to_char(next_start_at at time zone 'UTC', 'DD HH24:MI') from config.schedules").await
    }
}

fn dispatcher(db: &TestDb, clock: &MockClock) -> World {
    World::with(db.db_as("mipo_dispatcher"), Config::default(), Arc::new(clock.clone()), Arc::new(OsEntropy))
}

const ENDED: &str = "update results.scans set status = 'running', started_at = now();
  update results.scans set status = 'completed', completed_at = now()";

#[tokio::test]
async fn a_schedule_starts_each_of_its_templates_once_at_each_of_its_times() {
    let place = Place::new().await;
    place.schedule(|_| {}).await;
    place.round().await;
    assert_eq!(place.scans().await, [""; 0], "not before its time");
    // Summer time ends on the 25th: 02:00 in Berlin is 00:00 and then 01:00 in UTC.
    assert_eq!(place.next().await, ["25 00:00"]);
    place.clock.set(at("2026-10-25T00:00:00Z"));
    let other = dispatcher(&place.db, &place.clock);
    let (one, two) = tokio::join!(round(&place.world), round(&other));
    one.and(two).expect("both work");
    assert_eq!(place.scans().await, ["lab 25 00:00", "office 25 00:00"]);
    assert_eq!(place.next().await, ["26 01:00"]);
    let tasks = place.texts("select kind || ' ' || priority from jobs.tasks").await;
    assert_eq!(tasks, ["plan_scan 0", "plan_scan 0"]);
    let by = place.texts("select distinct started_by || ' ' || priority from results.scans").await;
    assert_eq!(by, ["schedule nightly 0"]);
    let audited =
        place.texts("select actor || ' ' || action from config.audit_events where resource_type = 'scan'").await;
    assert_eq!(audited, ["dispatcher started", "dispatcher started"]);
    place.execute(ENDED).await;
    place.clock.set(at("2026-10-26T01:00:05Z"));
    place.round().await;
    assert_eq!(place.scans().await.len(), 4);
    assert_eq!(place.events().await, [""; 0]);
}

#[tokio::test]
async fn a_template_that_is_reached_by_itself_and_by_groups_is_started_once() {
    let place = Place::new().await;
    place
        .execute(
            "insert into config.scan_template_groups (id, name) values ('00000000-0000-0000-0000-00000000000a', 'both'), ('00000000-0000-0000-0000-00000000000b', 'one');
             insert into config.scan_template_group_members (group_id, template_id)
             select g.id, t.id from config.scan_template_groups g, config.scan_templates t where g.name = 'both' or t.name = 'lab'",
        )
        .await;
    place
        .schedule(|input| {
            input.templates.truncate(1);
            input.template_groups = vec![Uuid::from_u128(10), Uuid::from_u128(11)];
        })
        .await;
    place.clock.set(at("2026-10-25T00:00:00Z"));
    place.round().await;
    assert_eq!(place.scans().await, ["lab 25 00:00", "office 25 00:00"]);
}

#[tokio::test]
async fn the_next_run_that_is_shown_is_its_true_start() {
    let place = Place::new().await;
    let made = place.schedule(|input| input.timing.jitter_minutes = Some(90)).await;
    let (planned, starts) = (made.next_planned_at.expect("enabled"), made.next_start_at.expect("enabled"));
    assert_eq!(planned, at("2026-10-25T00:00:00Z"));
    assert!((TimeDelta::zero()..=TimeDelta::minutes(90)).contains(&(starts - planned)), "{starts}");
    place.clock.set(starts - TimeDelta::seconds(1));
    place.round().await;
    assert_eq!(place.scans().await.len(), 0, "a second before");
    place.clock.set(starts);
    place.round().await;
    assert_eq!(place.scans().await.len(), 2);
}

#[tokio::test]
async fn of_missed_runs_the_newest_is_caught_up_if_it_is_not_too_old() {
    let place = Place::new().await;
    place
        .schedule(|input| {
            input.timing = TimingInput { kind: Some("hourly".to_owned()), minute: Some(30), ..TimingInput::default() };
            input.templates.truncate(1);
        })
        .await;
    // Nobody was there for three runs; the last was 50 minutes ago.
    place.clock.set(at("2026-10-24T15:20:00Z"));
    place.round().await;
    assert_eq!(place.scans().await, ["office 24 14:30"]);
    assert_eq!(place.next().await, ["24 15:30"]);
    place.execute(ENDED).await;
    place.execute("update config.schedules set catch_up_minutes = 10").await;
    place.clock.set(at("2026-10-24T17:20:00Z"));
    place.round().await;
    assert_eq!(place.scans().await.len(), 1, "too late");
    assert_eq!(place.events().await, ["schedule_missed"]);
    assert_eq!(place.next().await, ["24 17:30"]);
}

#[tokio::test]
async fn a_run_beside_one_that_has_not_ended_is_left_out_queued_or_run() {
    for (policy, at_once, after, events) in
        [("skip", 1, 1, vec!["schedule_skipped"]), ("queue", 1, 2, vec![]), ("parallel", 2, 2, vec![])]
    {
        let place = Place::new().await;
        place
            .schedule(|input| {
                input.overlap_policy = Some(policy.to_owned());
                input.templates.truncate(1);
            })
            .await;
        place.clock.set(at("2026-10-25T00:00:00Z"));
        place.round().await;
        place.clock.set(at("2026-10-26T01:00:00Z"));
        place.round().await;
        assert_eq!(place.scans().await.len(), at_once, "{policy}");
        // Six hours later the first one ends: for one that waited that is no miss.
        place.clock.set(at("2026-10-26T07:00:00Z"));
        place
            .execute(
                "update results.scans set status = 'running', started_at = now() where id = 1;
                 update results.scans set status = 'completed', completed_at = '2026-10-26 07:00Z' where id = 1",
            )
            .await;
        place.round().await;
        assert_eq!(place.scans().await.len(), after, "{policy}");
        assert_eq!(place.events().await, events, "{policy}");
        assert_eq!(place.next().await, ["27 01:00"], "{policy}");
    }
}

#[tokio::test]
async fn what_is_disabled_does_not_run_by_itself_and_what_cannot_be_read_stops_nobody_else() {
    let place = Place::new().await;
    place.schedule(|input| input.disabled = true).await;
    place.schedule(|input| input.name = "broken".to_owned()).await;
    place.schedule(|input| input.name = "sound".to_owned()).await;
    place.execute("update config.schedules set timezone = 'Europe/Atlantis' where name = 'broken'").await;
    place.clock.set(at("2026-10-25T00:00:00Z"));
    place.round().await;
    let by = place.texts("select distinct started_by from results.scans").await;
    assert_eq!(by, ["schedule sound"]);
    assert_eq!(place.events().await, ["schedule_missed"]);
    let now = place.clock.now();
    let due: Vec<DateTime<Utc>> =
        sqlx::query_scalar("select next_start_at from config.schedules where next_start_at <= $1")
            .bind(now)
            .fetch_all(&place.top)
            .await
            .expect("reads");
    assert!(due.is_empty(), "nothing stays due for ever: {due:?}");
}
