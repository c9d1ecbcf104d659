//! What repairs do, and that nothing is lost by them.
use mipo_app::AppError;
use mipo_app::job_errors::{self, Ask};
use mipo_app::{Caller, Ctx};
use mipo_domain::ids::{JobErrorId, ScanId};
use mipo_domain::job_errors::Class;
use mipo_domain::states::JobStatus;
use mipo_protocol::messages::ClaimedJob;
use mipo_protocol::part::DefaultState;
use mipo_protocol::problem::Code;
use mipo_protocol::spec::Spec;
use mipo_runtime::{OsEntropy, SystemClock};

use crate::world::{World, parts, scanner, seen};

const OPEN_PORTS: &[(u8, u16)] = &[(1, 22), (1, 25), (2, 22), (2, 29)];

/// A job of 20 probes, 8 of them handed in; then its scanner dies.
async fn dead_after_eight(world: &World) -> (ScanId, ClaimedJob) {
    world.seed_alarm_rules().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    let sent = parts(&job, 8, 8, &seen(OPEN_PORTS, &[2]), |_, _| DefaultState::Closed);
    world.hand_in(scanner(1), &job, &sent[0]).await;
    world
        .sql(&format!(
            "update config.scanners set last_heartbeat_at = now() - interval '10 minutes' where id = '{}'",
            scanner(1)
        ))
        .await;
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    world.reconcile().await;
    (scan, job)
}

/// Claims, works and completes as `n`.
async fn finish(world: &World, n: u128) -> (ClaimedJob, JobStatus) {
    let job = world.claim(scanner(n)).await.pop().expect("a job");
    world.begin(scanner(n), &job).await;
    let rest = parts(&job, u64::MAX, 5, &seen(OPEN_PORTS, &[2]), |_, _| DefaultState::Closed);
    for part in &rest {
        world.hand_in(scanner(n), &job, part).await;
    }
    let status = world.complete(scanner(n), &job, rest.len() as i64 - 1).await;
    world.run_tasks().await;
    (job, status)
}

#[tokio::test]
async fn a_scanner_that_died_goes_on_from_its_index() {
    let world = World::new().await;
    let (scan, _) = dead_after_eight(&world).await;
    world.sql("update config.scanners set last_heartbeat_at = now(), status = 'active'").await;
    let (job, status) = finish(&world, 1).await;
    assert_eq!((job.resume_index, status), (8, JobStatus::Completed));
    assert_eq!(world.status(scan).await, "completed");
    world.reconcile().await;
    assert_eq!(world.text("select count(*)::text from jobs.job_errors where resolved_at is null").await, "0");
    world.check().await;
}

#[tokio::test]
async fn a_reassigned_job_goes_on_at_the_other_scanner_and_each_answers_for_its_own() {
    let world = World::new().await;
    let (scan, lost) = dead_after_eight(&world).await;
    world.add_scanner(2, "paris").await;
    world.repair(Class::NoHeartbeat, "reassign", Some(scanner(2))).await;
    assert!(world.claim(scanner(1)).await.is_empty(), "it is not its job any more");

    // The dead one comes back and does not know.
    let late = parts(&lost, 20, 12, &seen(OPEN_PORTS, &[]), |_, _| DefaultState::Closed);
    let refusal = world.try_hand_in(scanner(1), &lost, &late[0]).await.expect_err("not its job");
    assert_eq!(refusal.code, Code::JobNotFound);

    let (job, status) = finish(&world, 2).await;
    assert_eq!((job.resume_index, job.lease_attempt, status), (8, 2, JobStatus::Partial));
    let spec = Spec::from_bytes(&job.spec.0).expect("a spec");
    assert_eq!((spec.scanner_id, spec.min_attempt), (scanner(2), 2), "signed for the new one");
    assert_eq!(world.status(scan).await, "partial");
    world.check().await;

    // One row a host and vantage; the share of the other is not probed.
    let rows = "select c.name || ' ' || host(v.ip) || ' ' || (v.open_count + v.closed_count + v.filtered_count + v.error_count) || '+' || v.not_probed_count
      from results.coverage v join config.scanners c on c.id = v.scanner_id order by c.name, v.ip";
    let rows = world.texts(rows).await;
    assert_eq!(rows.len(), 4, "{rows:?}");
    let counts: Vec<(u32, u32)> = rows
        .iter()
        .map(|row| row.rsplit_once(' ').and_then(|(_, counts)| counts.split_once('+')).expect("counts"))
        .map(|(looked, not)| (looked.parse().expect("a number"), not.parse().expect("a number")))
        .collect();
    assert!(counts.iter().all(|(looked, not)| looked + not == 10), "{rows:?}");
    assert_eq!(counts[0].0 + counts[1].0, 8, "berlin: {rows:?}");
    assert_eq!(counts[2].0 + counts[3].0, 12, "paris: {rows:?}");

    // Every open port stands with who saw it, once.
    let open = world.text("select count(*) || ' ' || count(distinct (ip, port)) from results.port_current").await;
    assert_eq!(open, "4 4");
    let by_index = spec.index_space().expect("an index space");
    for row in world.texts("select scanner_id || ' ' || host(ip) || ' ' || port from results.port_current").await {
        let [id, ip, port] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let probe = mipo_domain::targets::Probe {
            ip: ip.parse().expect("an address"),
            protocol: mipo_domain::ports::Protocol::Tcp,
            port: port.parse().expect("a port"),
        };
        let by = if by_index.index_of(probe).expect("in scope") < 8 { scanner(1) } else { scanner(2) };
        assert_eq!(id, by.to_string(), "{row}");
    }

    // The receipt says so.
    let told = "select r.final_status || ' ' || r.scanner_name || ' ' || r.open_count || ' ' || (r.forensic::jsonb -> 'vantages')::text
      from results.receipts r";
    let told = world.text(told).await;
    assert!(told.starts_with("partial paris 4 "), "{told}");
    assert!(told.contains("\"indices\": [[0, 8]]") && told.contains("\"indices\": [[8, 20]]"), "{told}");
    assert!(told.contains("berlin") && told.contains("paris"), "{told}");
}

#[tokio::test]
async fn a_job_that_had_nothing_is_reassigned_whole() {
    let world = World::new().await;
    world.seed_alarm_rules().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    world.add_scanner(2, "paris").await;
    world.sql(&format!("update config.scanners set status = 'disabled' where id = '{}'", scanner(1))).await;
    world.reconcile().await;
    world.repair(Class::ScannerDisabled, "reassign", Some(scanner(2))).await;
    let (_, status) = finish(&world, 2).await;
    assert_eq!(status, JobStatus::Completed);
    assert_eq!(world.status(scan).await, "completed");
    assert_eq!(world.text("select coalesce(forensic::jsonb ->> 'vantages', 'one') from results.receipts").await, "one");
    world.check().await;
}

#[tokio::test]
async fn a_job_that_ends_right_after_its_reassign_keeps_what_the_first_one_found() {
    let world = World::new().await;
    let (scan, _) = dead_after_eight(&world).await;
    world.add_scanner(2, "paris").await;
    world.repair(Class::NoHeartbeat, "reassign", Some(scanner(2))).await;
    world.control(scan, "cancel").await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelled");
    let vantages = world
        .texts("select distinct c.name from results.coverage v join config.scanners c on c.id = v.scanner_id")
        .await;
    assert_eq!(vantages, ["berlin"], "paris has probed nothing");
    world.check().await;
}

#[tokio::test]
async fn the_next_scan_compares_with_what_each_vantage_saw() {
    let world = World::new().await;
    let (scan, _) = dead_after_eight(&world).await;
    world.add_scanner(2, "paris").await;
    world.repair(Class::NoHeartbeat, "reassign", Some(scanner(2))).await;
    finish(&world, 2).await;
    let changes = "select count(*)::text from results.port_changes";
    let before = world.text(changes).await;
    // berlin is back and looks at everything: what it saw itself has not changed, what it never saw is new to it.
    world.sql("update config.scanners set last_heartbeat_at = now(), status = 'active'").await;
    let again = world.again(scan).await;
    world.run_tasks().await;
    for n in [1, 2] {
        world.scan_all(scanner(n), seen(OPEN_PORTS, &[2])).await;
    }
    world.run_tasks().await;
    assert_eq!(world.status(again).await, "completed");
    let repeated =
        "select count(*)::text from (select ip, port, scanner_id from results.port_changes where port is not null
      group by ip, port, scanner_id having count(*) > 1) twice";
    assert_eq!(world.text(repeated).await, "0", "before: {before}");
    world.check().await;
}

#[tokio::test]
async fn redispatch_takes_the_job_back_and_the_old_holder_is_refused() {
    let world = World::new().await;
    world.seed_alarm_rules().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    world.sql("update jobs.scan_jobs set started_at = now() - interval '1 hour', last_progress_at = now() - interval '1 hour'").await;
    world.reconcile().await;
    world.repair(Class::StuckRunning, "redispatch", None).await;
    assert_eq!(
        world.text("select status || ' ' || min_attempt || ' ' || failed_leases from jobs.scan_jobs").await,
        "pending 2 0"
    );
    let part = &parts(&job, 8, 8, &seen(&[], &[]), |_, _| DefaultState::Closed)[0];
    let refusal = world.try_hand_in(scanner(1), &job, part).await.expect_err("it lost its lease");
    assert_eq!(refusal.code, Code::LeaseLost);
    let (_, status) = finish(&world, 1).await;
    assert_eq!(status, JobStatus::Completed);
    world.reconcile().await;
    assert_eq!(world.status(scan).await, "completed");
    world.check().await;
}

#[tokio::test]
async fn a_failed_job_tells_its_scanner_to_stop() {
    let world = World::new().await;
    let (scan, _) = dead_after_eight(&world).await;
    world.sql("update config.scanners set last_heartbeat_at = now(), status = 'active'").await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    world.sql("update jobs.scan_jobs set started_at = now() - interval '1 hour', last_progress_at = now() - interval '1 hour'").await;
    world.reconcile().await;
    world.repair(Class::StuckRunning, "fail", None).await;
    let refusal = world
        .try_hand_in(scanner(1), &job, &parts(&job, 12, 4, &seen(&[], &[]), |_, _| DefaultState::Closed)[0])
        .await
        .expect_err("it has ended");
    assert_eq!(refusal.code, Code::JobEnded);
    assert_eq!(world.status(scan).await, "partial", "what was accepted stays");
    world.check().await;
}

#[tokio::test]
async fn a_drained_scanner_gets_no_new_jobs_and_a_released_one_is_bound_anew() {
    let world = World::new().await;
    dead_after_eight(&world).await;
    world.repair(Class::NoHeartbeat, "drain", None).await;
    assert!(world.claim(scanner(1)).await.is_empty());
    let drains = "select (draining_until > now() + interval '23 hours')::text from config.scanners";
    assert_eq!(world.text(drains).await, "true");

    world.sql("update config.scanners set bound_ip = '192.0.2.1', last_heartbeat_at = now(), status = 'active'").await;
    world.call_from("192.0.2.9", scanner(1)).await.expect_err("outside its binding");
    world.reconcile().await;
    world.repair(Class::ScannerIpChanged, "release_binding", None).await;
    world.call_from("192.0.2.9", scanner(1)).await.expect("it may");
    world.reconcile().await;
    assert_eq!(world.text("select count(*)::text from jobs.job_errors where resolved_at is null").await, "0");
}

#[tokio::test]
async fn what_was_asked_and_done_is_kept_and_audited() {
    let world = World::new().await;
    dead_after_eight(&world).await;
    world.repair(Class::NoHeartbeat, "drain", None).await;
    let kept = "select repairs -> 0 ->> 'action' || '|' || (repairs -> 0 ->> 'reason') || '|' || (repairs -> 0 ->> 'by') || '|' || (repairs -> 0 ->> 'state')
      from jobs.job_errors";
    assert_eq!(world.text(kept).await, "drain|as the handbook says|cli|done");
    let audited = "select actor || ' ' || action || ': ' || reason from config.audit_events where resource_type = 'job-error' order by seq";
    assert_eq!(
        world.texts(audited).await,
        ["cli repair requested: as the handbook says", "dispatcher repaired: as the handbook says"]
    );
}

#[tokio::test]
async fn what_does_not_help_or_is_done_already_is_refused() {
    let world = World::new().await;
    dead_after_eight(&world).await;
    let field = |asked: Result<(), AppError>| match asked {
        Err(AppError::Invalid(errors)) => errors[0].field.clone(),
        Err(AppError::Conflict { code, .. }) => code.to_owned(),
        other => panic!("{other:?}"),
    };
    let class = Class::NoHeartbeat;
    assert_eq!(field(world.ask_repair(class, "redispatch", None).await), "action");
    assert_eq!(field(world.ask_repair(class, "explode", None).await), "action");
    assert_eq!(field(world.ask_repair(class, "reassign", None).await), "scannerId");
    assert_eq!(field(world.ask_repair(class, "reassign", Some(scanner(9))).await), "scannerId");
    assert_eq!(field(world.ask_repair(class, "reassign", Some(scanner(1))).await), "scannerId", "it is silent");
    assert_eq!(field(world.ask_repair(class, "drain", Some(scanner(1))).await), "scannerId");
    world.ask_repair(class, "drain", None).await.expect("asks");
    assert_eq!(field(world.ask_repair(class, "fail", None).await), "REPAIR_PENDING");

    // It clears before anybody carries it out.
    world.sql("update config.scanners set last_heartbeat_at = now(), status = 'active'").await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(world.text("select repairs -> 0 ->> 'state' from jobs.job_errors").await, "refused");
    assert_eq!(world.text("select coalesce(draining_until::text, 'no') from config.scanners").await, "no");
}

#[tokio::test]
async fn many_are_repaired_at_once_or_none_when_their_number_is_another() {
    let world = World::new().await;
    world.seed_alarm_rules().await;
    for host in 1..=3 {
        world.ask(&format!("10.0.0.{host}"), "22").await;
    }
    world.run_tasks().await;
    world.sql("update config.scanners set status = 'disabled'").await;
    world.reconcile().await;
    let ids: Vec<JobErrorId> = world
        .texts("select state_id::text from jobs.job_errors order by state_id")
        .await
        .iter()
        .map(|id| id.parse().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 3);
    let told = "select count || ' ' || state from config.alarms where rule = 'job-error'";
    assert_eq!(world.texts(told).await, ["1 open"], "one alarm for the scanner");
    let ask = Ask { action: "fail".to_owned(), scanner_id: None, reason: "gone for good".to_owned() };
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };

    let mut tx = world.manager.tx("test.bulk").await.expect("a transaction");
    let refused = job_errors::ask_many(&mut tx, &ctx, &ids, &ask, Some(2)).await;
    assert!(matches!(refused, Err(AppError::Conflict { code: "COUNT_CHANGED", .. })), "{refused:?}");
    drop(tx);
    let mut tx = world.manager.tx("test.bulk").await.expect("a transaction");
    let done = job_errors::ask_many(&mut tx, &ctx, &ids, &ask, Some(3)).await.expect("asks");
    assert_eq!((done.asked, done.left_out.len()), (3, 0));
    tx.commit().await.expect("commits");
    world.run_tasks().await;
    world.reconcile().await;
    assert_eq!(world.texts("select distinct status from jobs.scan_jobs").await, ["failed"]);
    assert_eq!(world.texts("select distinct repairs -> 0 ->> 'state' from jobs.job_errors").await, ["done"]);
    assert_eq!(world.text("select count(*)::text from jobs.job_errors where resolved_at is null").await, "0");
    assert_eq!(world.texts(told).await, ["1 resolved"]);
    world.check().await;
}
