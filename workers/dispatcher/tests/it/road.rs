//! From a request to state, changes and receipts.
use mipo_app::concluding::{Concluded, conclude_job};
use mipo_domain::states::JobStatus;
use mipo_protocol::part::DefaultState;
use mipo_protocol::signature::{PublicKey, Signature};
use mipo_protocol::spec::SignedSpec;

use crate::world::{World, parts, scanner, seen};

const STATE: &str =
    "select host(ip) || ':' || port || coalesce(' ' || service, '') from results.port_current order by ip, port";
const CHANGES: &str =
    "select host(ip) || ' ' || coalesce(port::text, ports::text) || ' ' || previous_state || '>' || current_state
  || case when confirmed then ' confirmed' else '' end from results.port_changes order by at, ip, port";

#[tokio::test]
async fn a_scan_goes_from_its_request_to_its_receipt_and_the_next_one_says_what_changed() {
    let world = World::new().await;
    let first = world.ask("10.0.0.1-10.0.0.3", "20-29").await;
    world.run_tasks().await;
    assert_eq!(world.status(first).await, "pending", "planned, and waiting for its scanner");
    assert_eq!(world.text("select probes_planned || ' ' || hosts_planned from jobs.scan_jobs").await, "30 3");

    assert_eq!(world.scan_all(scanner(1), seen(&[(1, 22), (2, 25)], &[3])).await, [JobStatus::Completed]);
    assert_eq!(world.status(first).await, "running");
    world.run_tasks().await;
    assert_eq!(world.status(first).await, "completed");
    assert_eq!(world.texts(STATE).await, ["10.0.0.1:22 ssh", "10.0.0.2:25"]);
    assert_eq!(world.texts(CHANGES).await, Vec::<String>::new(), "a first sighting is no change");
    assert_eq!(
        world.texts("select host(ip) || ' ' || default_state || ' ' || open_count || ' ' || closed_count || ' ' || filtered_count from results.coverage order by ip").await,
        ["10.0.0.1 closed 1 9 0", "10.0.0.2 closed 1 9 0", "10.0.0.3 filtered 0 0 10"]
    );
    world.check().await;

    let second = world.again(first).await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22), (3, 29)], &[1])).await;
    world.run_tasks().await;
    assert_eq!(world.texts(STATE).await, ["10.0.0.1:22 ssh", "10.0.0.3:29"]);
    assert_eq!(
        world.texts(CHANGES).await,
        [
            "10.0.0.1 {[20,22),[23,30)} closed>filtered",
            "10.0.0.2 25 open>closed",
            "10.0.0.3 29 filtered>open",
            "10.0.0.3 {[20,29)} filtered>closed",
        ]
    );
    assert_eq!(
        world.text(&format!("select open_count || ' ' || change_count from results.scans where id = {second}")).await,
        "2 4"
    );
    assert_eq!(
        world.texts("select chain_position || ' ' || open_set_kind || ' ' || no_change || ' ' || change_count from results.receipts order by chain_position").await,
        ["1 full false 0", "2 delta false 4"]
    );

    let third = world.again(first).await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22), (3, 29)], &[1])).await;
    world.run_tasks().await;
    assert_eq!(
        world.text(&format!("select no_change::text from results.receipts where scan_id = {third}")).await,
        "true"
    );
    world.check().await;
}

#[tokio::test]
async fn jobs_are_signed_by_the_stored_key() {
    let world = World::new().await;
    world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    let pool = world.db.superuser_pool();
    let key: Vec<u8> =
        sqlx::query_scalar("select public_key from config.signing_keys").fetch_one(&pool).await.expect("one");
    let (spec, signature): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("select spec, signature from jobs.scan_jobs").fetch_one(&pool).await.expect("one");
    let signed = SignedSpec { spec: spec.into(), signature: Signature::from_slice(&signature).expect("64 bytes") };
    let read = signed.verify(&[PublicKey::from_slice(&key).expect("a key")]).expect("verifies");
    assert_eq!((read.scanner_id, read.min_attempt), (scanner(1), 1));
    assert_eq!(world.text("select (private_key <> public_key)::text from config.signing_keys").await, "true");
}

#[tokio::test]
async fn what_cannot_be_planned_fails_with_its_reason() {
    let world = World::new().await;
    world.sql("insert into config.exclusions (id, name, cidr, reason) values (gen_random_uuid(), 'lab', '10.9.0.0/16', 'fragile')").await;
    let excluded = world.ask("10.9.0.0/24", "22").await;
    let large = world.ask("10.0.0.0/7", "22").await;
    world.run_tasks().await;
    world.sql("update config.scanners set draining_until = now() + interval '1 hour'").await;
    let drained = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    for (scan, reason) in [(excluded, "nothing_to_scan"), (large, "scope_too_large"), (drained, "no_scanner")] {
        let told = format!(
            "select status || ' ' || status_reason || ' ' || (jsonb_array_length(warnings) > 0) from results.scans where id = {scan}"
        );
        assert_eq!(world.text(&told).await, format!("failed {reason} true"));
    }
    assert_eq!(world.text("select count(*)::text from config.system_events where type = 'scan_failed'").await, "3");
    world.check().await;
}

#[tokio::test]
async fn a_partial_job_keeps_what_it_knows_and_leaves_the_rest_alone() {
    let world = World::new().await;
    let first = world.ask("10.0.0.1", "1-20").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 5), (1, 7)], &[])).await;
    world.run_tasks().await;
    let second = world.again(first).await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    // Eight indices of twenty, everything closed: what was not reached keeps its state.
    let sent = parts(
        &job,
        8,
        3,
        &seen(&[], &[]),
        |seq, _| if seq == 1 { DefaultState::Filtered } else { DefaultState::Closed },
    );
    for part in &sent {
        world.hand_in(scanner(1), &job, part).await;
    }
    assert_eq!(world.complete(scanner(1), &job, sent.len() as i64 - 1).await, JobStatus::Partial);
    world.run_tasks().await;
    assert_eq!(world.status(second).await, "partial");
    let counts = format!(
        "select open_count || ' ' || closed_count || ' ' || not_probed_count from results.coverage where scan_id = {second}"
    );
    assert_eq!(world.text(&counts).await, "0 8 12");
    let looked_at: usize = world.texts("select port::text from results.port_changes").await.len();
    assert_eq!(world.texts("select port::text from results.port_current").await.len() + looked_at, 2);
    world.check().await;
}

#[tokio::test]
async fn concluding_twice_is_concluding_once() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
    let job = world.text("select id::text from jobs.scan_jobs").await.parse::<i64>().expect("an id").into();
    let conclude = async || {
        let mut tx = world.dispatcher.db.tx("test.conclude").await.expect("a transaction");
        let concluded = conclude_job(&mut tx, &world.dispatcher.ctx(), job).await.expect("concludes");
        tx.commit().await.expect("commits");
        concluded
    };
    assert_eq!(conclude().await, Concluded::Waits);
    world.run_tasks().await;
    assert_eq!(conclude().await, Concluded::Yes);
    assert_eq!(world.status(scan).await, "completed");
    world.check().await;
}

#[tokio::test]
async fn two_vantages_keep_two_states() {
    let world = World::new().await;
    world.add_scanner(2, "oslo").await;
    let scan = world.ask("10.0.0.1", "22-23").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "running", "one vantage has not looked yet");
    world.scan_all(scanner(2), seen(&[(1, 23)], &[])).await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    let state = "select s.name || ' ' || p.port from results.port_current p join config.scanners s on s.id = p.scanner_id order by 1";
    assert_eq!(world.texts(state).await, ["berlin 22", "oslo 23"]);
    world.check().await;
}

#[tokio::test]
async fn jobs_of_a_scanner_are_concluded_in_the_order_in_which_they_ended() {
    let world = World::new().await;
    let older = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
    world.lose_tasks().await;
    let newer = world.ask("10.0.0.1", "22").await;
    // The task that concludes the older one is lost; only the plan of the newer one runs.
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[], &[])).await;
    world.lose_tasks().await;
    let job = async |scan| {
        let id = world.text(&format!("select id::text from jobs.scan_jobs where scan_id = {scan}")).await;
        id.parse::<i64>().expect("an id").into()
    };
    world.store_all(scanner(1)).await;
    let conclude = async |id| {
        let mut tx = world.dispatcher.db.tx("test.conclude").await.expect("a transaction");
        let concluded = conclude_job(&mut tx, &world.dispatcher.ctx(), id).await.expect("concludes");
        tx.commit().await.expect("commits");
        concluded
    };
    let (first, second) = (job(older).await, job(newer).await);
    assert_eq!(conclude(second).await, Concluded::Waits, "an older look must not overwrite a newer one");
    assert_eq!(conclude(first).await, Concluded::Yes);
    assert_eq!(conclude(second).await, Concluded::Yes);
    assert_eq!(world.text("select count(*)::text from results.port_current").await, "0", "it is closed by now");
    world.lose_tasks().await;
    world.reconcile().await;
    world.run_tasks().await;
    world.check().await;
}

#[tokio::test]
async fn an_exclusion_made_in_the_middle_of_a_job_leaves_nothing_that_contradicts_itself() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    let verdict = seen(&[(1, 22), (2, 22), (2, 23)], &[]);
    let sent = parts(&job, u64::MAX, 10, &verdict, |_, _| DefaultState::Closed);
    world.hand_in(scanner(1), &job, &sent[0]).await;
    world.run_tasks().await;
    world.exclude("10.0.0.2/32", "").await;
    assert_eq!(world.progress(scanner(1), &job).await.added_exclusions.len(), 1, "the holder hears of it");
    world.hand_in(scanner(1), &job, &sent[1]).await;
    world.complete(scanner(1), &job, 1).await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    assert_eq!(world.texts("select host(ip) || ' ' || port from results.port_current").await, ["10.0.0.1 22"]);
    world.check().await;
}

#[tokio::test]
async fn without_a_baseline_a_receipt_counts_no_change_and_the_scan_does() {
    let world = World::new().await;
    let first = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
    world.run_tasks().await;
    // Another scope over the same ports: what it finds closed is a change, but there is nothing to compare receipts by.
    let second = world.ask("10.0.0.1", "20-25").await;
    world.run_tasks().await;
    world.scan_all(scanner(1), seen(&[], &[])).await;
    world.run_tasks().await;
    let counts = |scan| {
        format!(
            "select r.change_count || ' ' || s.change_count || ' ' || (r.baseline_job_id is null) from results.receipts r
             join results.scans s on s.id = r.scan_id where s.id = {scan}"
        )
    };
    assert_eq!(world.text(&counts(second)).await, "0 1 true");
    assert!(world.text(&counts(first)).await.starts_with("0 "));
    world.check().await;
}

#[tokio::test]
async fn one_trace_and_one_chain_lead_from_the_request_to_the_end() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    let trace = world.text("select traceparent from results.scans").await;
    assert_eq!(trace, world.text("select traceparent from jobs.tasks where kind = 'plan_scan'").await);
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    assert_eq!(job.traceparent.as_deref(), Some(trace.as_str()), "the scanner carries it on");
    world.begin(scanner(1), &job).await;
    // A repeated start is no second change.
    world.begin(scanner(1), &job).await;
    let sent = parts(&job, u64::MAX, 9, &seen(&[(1, 25)], &[]), |_, _| DefaultState::Closed);
    for part in &sent {
        world.hand_in(scanner(1), &job, part).await;
    }
    world.complete(scanner(1), &job, sent.len() as i64 - 1).await;
    let concluding = "select traceparent from jobs.tasks where kind = 'conclude_job'";
    assert_eq!(trace, world.text(concluding).await);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    let ending = "select traceparent from jobs.task_history where kind = 'conclude_scan'";
    assert_eq!(trace, world.text(ending).await);
    let chain = "select actor_type || ' ' || action from config.audit_events
                 where resource_type = 'scan' order by seq";
    assert_eq!(world.texts(chain).await, ["cli started", "system planned", "scanner running", "system ended"]);
}
