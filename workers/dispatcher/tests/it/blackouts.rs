//! Blackout windows hold jobs at their place and let them go on there (product 7.5).
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mipo_app::blackouts::{self, NewBlackout, ScopeInput, TimingInput};
use mipo_app::{Caller, Ctx};
use mipo_dispatcher::reconcile;
use mipo_domain::clock::Clock as _;
use mipo_domain::ids::{BlackoutId, ScanId};
use mipo_domain::states::JobStatus;
use mipo_protocol::messages::Directive;
use mipo_protocol::part::DefaultState;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_testkit::MockClock;
use tokio_util::sync::CancellationToken;

use crate::world::{World, parts, scanner, seen};

const JOBS: &str = "select status || ' ' || resume_index || ' ' || hold_reasons::text from jobs.scan_jobs order by id";

/// A set clock. The signatures of jobs are judged by the clock of the database too, so it starts at the present.
fn clock() -> MockClock {
    MockClock::at(SystemClock.now())
}

async fn add(world: &World, clock: &MockClock, change: impl FnOnce(&mut NewBlackout)) -> BlackoutId {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock, entropy: &OsEntropy };
    let mut input = NewBlackout {
        name: "office-hours".to_owned(),
        scope: ScopeInput { all: Some(true), ..ScopeInput::default() },
        timing: hour(clock.in_hours(1)),
        reason: "people work".to_owned(),
    };
    change(&mut input);
    let mut tx = world.db.db_as("mipo_manager").tx("test.blackout").await.expect("begins");
    let made = blackouts::create(&mut tx, &ctx, input).await.expect("is made");
    tx.commit().await.expect("commits");
    made.id
}

/// An hour from `from` on.
fn hour(from: DateTime<Utc>) -> TimingInput {
    let to = from + TimeDelta::hours(1);
    TimingInput { kind: Some("once".to_owned()), from: Some(from), to: Some(to), ..TimingInput::default() }
}

/// Hours from the time of a clock.
trait InHours {
    fn in_hours(&self, hours: i64) -> DateTime<Utc>;
}

impl InHours for MockClock {
    fn in_hours(&self, hours: i64) -> DateTime<Utc> {
        self.now() + TimeDelta::hours(hours)
    }
}

async fn events(world: &World) -> Vec<String> {
    world.texts("select distinct type from config.system_events where entity_type = 'scan' order by type").await
}

#[tokio::test]
async fn jobs_pause_when_a_window_begins_and_go_on_where_they_were_when_it_ends() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    add(&world, &clock, |_| {}).await;
    let job = world.claim(scanner(1)).await.pop().expect("not before its time");
    world.begin(scanner(1), &job).await;
    let verdict = seen(&[(1, 22), (2, 25)], &[]);
    world.hand_in(scanner(1), &job, &parts(&job, 6, 6, &verdict, |_, _| DefaultState::Closed)[0]).await;
    assert_eq!(world.progress(scanner(1), &job).await.directive, Directive::Continue);

    clock.advance(TimeDelta::hours(1));
    world.reconcile().await;
    assert_eq!(world.texts(JOBS).await, ["running 6 {blackout}"], "its holder is told by its next call");
    assert_eq!(world.progress(scanner(1), &job).await.directive, Directive::Pause);
    world.release(scanner(1), &job).await;
    assert_eq!(world.texts(JOBS).await, ["paused 6 {blackout}"]);
    assert_eq!(world.status(scan).await, "running", "the scan stays what it is");
    world.reconcile().await;
    assert!(world.claim(scanner(1)).await.is_empty(), "a held job probes nothing");

    clock.advance(TimeDelta::hours(1));
    world.reconcile().await;
    assert_eq!(world.texts(JOBS).await, ["pending 6 {}"], "signed anew in the same round");
    let min_attempt = world.text("select min_attempt::text from jobs.scan_jobs").await;
    assert_eq!(min_attempt, (job.lease_attempt + 1).to_string());
    assert_eq!(world.scan_all(scanner(1), verdict).await, [JobStatus::Completed]);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    assert_eq!(world.text("select open_count::text from results.scans").await, "2");
    assert_eq!(events(&world).await, ["scan_completed", "scan_held", "scan_released"]);
    world.check().await;
}

#[tokio::test]
async fn a_scan_planned_inside_a_window_has_held_jobs_that_nobody_gets() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    add(&world, &clock, |input| input.timing = hour(clock.in_hours(0))).await;
    let scan = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    assert_eq!(world.texts(JOBS).await, ["paused 0 {blackout}"]);
    assert_eq!(world.status(scan).await, "pending");
    assert!(world.claim(scanner(1)).await.is_empty());
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &clock, entropy: &OsEntropy };
    let mut tx = world.db.db_as("mipo_manager").read("test.holding").await.expect("begins");
    let held = blackouts::holding(&mut tx, &ctx, scan).await.expect("answers");
    assert_eq!(
        held.iter().map(|one| (one.name.as_str(), one.until)).collect::<Vec<_>>(),
        [("office-hours", Some(micros(clock.in_hours(1))))]
    );
}

/// As the database keeps it.
fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).expect("in range")
}

#[tokio::test]
async fn a_window_holds_whom_it_is_about_and_nobody_else() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    let rome = world.add_scanner(2, "rome").await;
    let subnet = uuid::Uuid::from_u128(7);
    world
        .sql(&format!(
            "insert into config.subnets (id, name, cidr) values ('{subnet}', 'lab', '10.0.1.0/24');
             insert into config.subnet_groups (id, name) values ('{subnet}', 'labs');
             insert into config.subnet_group_members (group_id, subnet_id) values ('{subnet}', '{subnet}')"
        ))
        .await;
    for target in ["10.0.0.0/24", "10.0.1.7", "2001:db8:1::1"] {
        world.ask(target, "22").await;
    }
    world.run_tasks().await;
    let held = "select scan_id || ' ' || (select name from config.scanners c where c.id = j.scanner_id)
      from jobs.scan_jobs j where hold_reasons <> '{}' order by 1";
    let now = hour(clock.in_hours(0));
    let some = |scope: ScopeInput| {
        let now = now.clone();
        move |input: &mut NewBlackout| {
            input.timing = now;
            input.scope = scope;
        }
    };
    let lab = ScopeInput { subnets: Some(vec![subnet]), ..ScopeInput::default() };
    let by_subnet = add(&world, &clock, some(lab)).await;
    assert_eq!(world.texts(held).await, ["2 berlin", "2 rome"], "at once, for jobs that wait");
    let labs = ScopeInput { subnet_groups: Some(vec![subnet]), ..ScopeInput::default() };
    let by_group = some(labs);
    let by_group = add(&world, &clock, |input| {
        by_group(input);
        input.name = "by-group".to_owned();
    })
    .await;
    remove(&world, &clock, by_subnet).await;
    assert_eq!(world.texts(held).await, ["2 berlin", "2 rome"], "another window holds them still");
    remove(&world, &clock, by_group).await;
    assert_eq!(world.texts(held).await, [""; 0]);
    assert_eq!(
        world.text("select count(*)::text from jobs.scan_jobs where resign_requested_at is not null").await,
        "2",
        "what goes on is signed anew"
    );
    let scope = ScopeInput { scanners: Some(vec![rome.as_uuid()]), ..ScopeInput::default() };
    add(&world, &clock, some(scope)).await;
    assert_eq!(world.texts(held).await, ["1 rome", "2 rome", "3 rome"]);
}

async fn remove(world: &World, clock: &MockClock, id: BlackoutId) {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock, entropy: &OsEntropy };
    let mut tx = world.db.db_as("mipo_manager").tx("test.blackout").await.expect("begins");
    blackouts::delete(&mut tx, &ctx, id).await.expect("is deleted");
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn a_job_that_is_held_too_long_times_out_and_its_scan_says_why() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    add(&world, &clock, |input| input.timing = hour(clock.in_hours(0))).await;
    let scan = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    world.sql("update jobs.scan_jobs set age_from = now() - interval '25 hours'").await;
    world.reconcile().await;
    world.run_tasks().await;
    let job = world.text("select status || ' ' || error_message from jobs.scan_jobs").await;
    assert_eq!(job, "timed_out blackout: not done within 1440 minutes");
    assert_eq!(end(&world, scan).await, "failed blackout");
    world.check().await;
}

async fn end(world: &World, scan: ScanId) -> String {
    world.text(&format!("select status || ' ' || status_reason from results.scans where id = {scan}")).await
}

#[tokio::test]
async fn a_window_and_an_operator_hold_apart() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    let scan = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    add(&world, &clock, |_| {}).await;
    world.control(scan, "pause").await;
    clock.advance(TimeDelta::hours(1));
    world.reconcile().await;
    assert_eq!(world.texts(JOBS).await, ["paused 0 {operator,blackout}"]);
    world.control(scan, "resume").await;
    world.run_tasks().await;
    assert_eq!(world.texts(JOBS).await, ["paused 0 {blackout}"], "the window holds on");
    clock.advance(TimeDelta::hours(1));
    world.control(scan, "pause").await;
    world.reconcile().await;
    assert_eq!(world.texts(JOBS).await, ["paused 0 {operator}"]);
    world.control(scan, "resume").await;
    world.run_tasks().await;
    assert_eq!(world.texts(JOBS).await, ["pending 0 {}"]);
}

#[tokio::test]
async fn the_reconciler_wakes_at_the_edge_of_a_window() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    assert_eq!(reconcile::until_edge(&world.dispatcher).await, None);
    add(&world, &clock, |input| input.timing = hour(clock.in_hours(1))).await;
    add(&world, &clock, |input| {
        input.name = "later".to_owned();
        input.timing = hour(clock.in_hours(3));
    })
    .await;
    // The clock stands still, so the wait is exact but for what the database rounds.
    let minutes = |wait: Option<Duration>| wait.map(|wait| (wait.as_secs_f64() / 60.0).round() as u64);
    assert_eq!(minutes(reconcile::until_edge(&world.dispatcher).await), Some(60), "its begin");
    clock.advance(TimeDelta::minutes(61));
    assert_eq!(minutes(reconcile::until_edge(&world.dispatcher).await), Some(59), "its end");
    clock.advance(TimeDelta::minutes(60));
    assert_eq!(minutes(reconcile::until_edge(&world.dispatcher).await), Some(59), "the begin of the next");
}

#[tokio::test]
async fn a_dispatcher_that_runs_holds_and_releases_by_itself() {
    let clock = clock();
    let world = World::with_clock(clock.clone()).await;
    world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    add(&world, &clock, |_| {}).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconcile::run(Arc::clone(&world.dispatcher), stop.clone()));
    clock.advance(TimeDelta::hours(1));
    world.dispatcher.ring();
    until(&world, "paused 0 {blackout}").await;
    clock.advance(TimeDelta::hours(1));
    world.dispatcher.ring();
    until(&world, "pending 0 {}").await;
    stop.cancel();
    running.await.expect("ends");
}

async fn until(world: &World, expected: &str) {
    let held = async {
        while world.texts(JOBS).await != [expected] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), held).await.unwrap_or_else(|_| panic!("never {expected}"));
}
