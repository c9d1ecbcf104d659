//! What a template's sources become: groups, names, lists, ports, rates; and what an auditor can recompute.
use mipo_domain::hash::Hash256;
use mipo_domain::receipt::Receipt;
use mipo_protocol::signature::SigningKey;
use mipo_protocol::spec::Spec;

use crate::world::{World, scanner, seen};

/// A template of a subnet by group, a name with a guard, a discovery list, and two port lists, one by group.
const TEMPLATE: &str = "
  insert into config.scanner_groups (id, name) values ('00000000-0000-7000-8000-0000000000a1', 'both');
  insert into config.subnets (id, name, cidr, rate_limit) values ('00000000-0000-7000-8000-0000000000b1', 'lab', '10.7.0.0/30', 100);
  insert into config.subnets (id, name, cidr) values ('00000000-0000-7000-8000-0000000000b2', 'orphan', '10.8.0.0/30');
  insert into config.subnet_groups (id, name) values ('00000000-0000-7000-8000-0000000000b3', 'labs');
  insert into config.subnet_group_members values ('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000b1');
  insert into config.fqdns (id, name, hostname, allowed_cidrs) values ('00000000-0000-7000-8000-0000000000c1', 'here', 'localhost', '{127.0.0.0/8}');
  insert into config.discovery_sources (id, name, key_prefix, key_hash) values ('00000000-0000-7000-8000-0000000000d1', 'cmdb', 'p', decode(repeat('00', 32), 'hex'));
  insert into config.discovery_lists (id, source_id, name, scanner_id) values ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000d1', 'hosts', '{one}');
  insert into config.discovery_ips (list_id, ip) values ('00000000-0000-7000-8000-0000000000d2', '10.7.0.1'), ('00000000-0000-7000-8000-0000000000d2', '2001:db9::7');
  insert into config.scanner_group_members values ('00000000-0000-7000-8000-0000000000a1', '{one}'), ('00000000-0000-7000-8000-0000000000a1', '{two}');
  insert into config.target_scanners (subnet_id, scanner_group_id) values ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1');
  insert into config.target_scanners (fqdn_id, scanner_id) values ('00000000-0000-7000-8000-0000000000c1', '{two}');
  insert into config.port_lists (id, name, tcp_ports, udp_ports) values ('00000000-0000-7000-8000-0000000000e1', 'web', '{[80,81)}', '{[53,54)}');
  insert into config.port_lists (id, name, tcp_ports, rate_limit) values ('00000000-0000-7000-8000-0000000000e2', 'ssh', '{[22,23)}', 40);
  insert into config.port_list_groups (id, name) values ('00000000-0000-7000-8000-0000000000e3', 'few');
  insert into config.port_list_group_members values ('00000000-0000-7000-8000-0000000000e3', '00000000-0000-7000-8000-0000000000e2');
  insert into config.scan_templates (id, name, created_by) values ('00000000-0000-7000-8000-0000000000f1', 'nightly', 'test');
  insert into config.scan_template_targets (template_id, subnet_group_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000b3');
  insert into config.scan_template_targets (template_id, subnet_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000b2');
  insert into config.scan_template_targets (template_id, fqdn_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000c1');
  insert into config.scan_template_targets (template_id, discovery_list_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000d2');
  insert into config.scan_template_ports (template_id, port_list_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000e1');
  insert into config.scan_template_ports (template_id, port_list_group_id) values ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000e3');
";

#[tokio::test]
async fn a_template_is_resolved_shared_and_told_about() {
    let world = World::new().await;
    let (one, two) = (scanner(1), world.add_scanner(2, "oslo").await);
    world.sql(&TEMPLATE.replace("{one}", &one.to_string()).replace("{two}", &two.to_string())).await;
    world.sql("delete from config.exclusions").await;
    let scan = world.run_template("00000000-0000-7000-8000-0000000000f1").await;
    world.run_tasks().await;

    let mut found = Vec::new();
    for id in [one, two] {
        let pool = world.db.superuser_pool();
        let specs: Vec<Vec<u8>> =
            sqlx::query_scalar("select spec from jobs.scan_jobs where scanner_id = $1 order by id")
                .bind(id.as_uuid())
                .fetch_all(&pool)
                .await
                .expect("reads");
        for bytes in specs {
            let spec = Spec::from_bytes(&bytes).expect("a spec");
            let targets: Vec<String> =
                spec.targets.iter().map(|target| format!("{} {}", target.address_set(), target.ports)).collect();
            let who = if id == one { "berlin" } else { "oslo" };
            found.push(format!("{who} {}: {}", spec.rate_pps, targets.join("; ")));
        }
    }
    // The subnet's 100 is shared by two; the list of ssh allows 40, which is lower.
    assert_eq!(found, ["berlin 40: 10.7.0.0/30 22,80; 2001:db9::7 22,80", "oslo 40: 10.7.0.0/30, 127.0.0.1 22,80",]);
    let mut warnings = world
        .texts(&format!("select w ->> 'code' from results.scans, jsonb_array_elements(warnings) w where id = {scan}"))
        .await;
    warnings.sort();
    warnings.retain(|code| code != "outside_allowed");
    assert_eq!(warnings, ["source_without_scanner", "udp_not_scanned"]);
    assert_eq!(world.text("select (last_resolved @> '[\"127.0.0.1\"]')::text from config.fqdns").await, "true");
    assert_eq!(world.text("select count(*)::text from jobs.scope_cuts").await, "2");
    let scope = "select (length(scope) > 0 and length(scope_hash) = 32)::text from results.scans";
    assert_eq!(world.text(scope).await, "true");
}

#[tokio::test]
async fn a_receipt_hashes_to_what_is_stored_of_it() {
    let world = World::new().await;
    let first = world.ask("10.0.0.1", "20-29").await;
    for scan in 0..3 {
        if scan > 0 {
            world.again(first).await;
        }
        world.run_tasks().await;
        world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
        world.run_tasks().await;
    }
    let pool = world.db.superuser_pool();
    let rows: Vec<(serde_json::Value, Vec<u8>)> = sqlx::query_as(
        "select jsonb_build_object('job', job_id, 'scan', scan_id, 'scanner', scanner_id, 'name', scanner_name, 'template', template_id,
           'status', final_status, 'noChange', no_change, 'changes', change_count, 'open', open_count, 'planned', probes_planned,
           'attempted', probes_attempted, 'excluded', excluded_count, 'scope', encode(scope_hash, 'hex'), 'result', encode(result_hash, 'hex'),
           'baseline', encode(baseline_hash, 'hex'), 'baselineJob', baseline_job_id, 'position', chain_position,
           'version', scanner_version, 'forensic', forensic, 'at', created_at), receipt_hash
         from results.receipts order by chain_position",
    )
    .fetch_all(&pool)
    .await
    .expect("reads");
    let mut previous = Hash256::ZERO;
    for (row, stored) in &rows {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let number = |key: &str| row[key].as_u64().expect("a number");
        let receipt = Receipt {
            job_id: row["job"].as_i64().expect("an id").into(),
            scan_id: row["scan"].as_i64().expect("an id").into(),
            scanner_id: text("scanner").expect("an id").parse().expect("an id"),
            scanner_name: text("name").expect("a name"),
            template_id: text("template").expect("an id").parse().expect("an id"),
            final_status: text("status").expect("a status").parse().expect("a status"),
            no_change: row["noChange"].as_bool().expect("a flag"),
            change_count: number("changes") as u32,
            open_count: number("open") as u32,
            probes_planned: number("planned"),
            probes_attempted: number("attempted"),
            excluded_count: number("excluded"),
            scope_hash: text("scope").expect("a hash").parse().expect("a hash"),
            result_hash: text("result").expect("a hash").parse().expect("a hash"),
            baseline_hash: text("baseline").map(|hash| hash.parse().expect("a hash")),
            baseline_job_id: row["baselineJob"].as_i64().map(Into::into),
            chain_position: number("position"),
            scanner_version: text("version"),
            forensic: text("forensic").expect("a text"),
            created_at: text("at").expect("a time").parse().expect("a time"),
        };
        let own = receipt.hash(previous);
        assert_eq!(own.as_bytes().as_slice(), stored.as_slice());
        previous = own;
    }
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_job_key_is_replaced_by_overlap() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    let (announced, first) = world.job_keys().await;
    assert!(announced.is_empty(), "one key needs no word about it");
    let spec_key = "select convert_from(spec, 'UTF8')::jsonb ->> 'keyId' from jobs.scan_jobs";
    assert_eq!(world.text(spec_key).await, first.key_id().to_string());

    // The new key is announced, vouched for by the old one, which goes on signing.
    let configured = SigningKey::from_seed(&[7; 32]);
    let other = world.with_signing_key(&configured);
    for _ in 0..2 {
        mipo_dispatcher::reconcile::round(&other).await;
    }
    let (announced, pinned) = world.job_keys().await;
    assert_eq!(announced.iter().map(|key| key.public_key).collect::<Vec<_>>(), [configured.public()]);
    assert!(announced[0].is_vouched_for(&[first]));
    assert_eq!(pinned, first, "a scanner that enrols now learns the new one by the announcement");
    world.sql("update jobs.scan_jobs set resign_requested_at = now()").await;
    mipo_dispatcher::reconcile::round(&other).await;
    assert_eq!(world.text(spec_key).await, first.key_id().to_string());

    // Two heartbeats later it signs. A job that a scanner holds keeps the old key in use.
    let held = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &held).await;
    world.sql("update config.signing_keys set active_from = active_from - interval '3 minutes'").await;
    mipo_dispatcher::reconcile::round(&other).await;
    let retired = "select count(*)::text from config.signing_keys where retired_at is not null";
    assert_eq!((world.text(retired).await.as_str(), world.job_keys().await.1), ("0", first));

    // What waits is signed anew; then nothing carries the old signature, and it is retired.
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    for _ in 0..2 {
        mipo_dispatcher::reconcile::round(&other).await;
    }
    assert_eq!(world.text(spec_key).await, configured.public().key_id().to_string());
    assert_eq!(world.text(retired).await, "1");
    let (announced, pinned) = world.job_keys().await;
    assert_eq!(pinned, configured.public());
    assert!(announced[0].is_vouched_for(&[first]), "a scanner that was off meanwhile still learns it");
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    assert!(job.signed_spec().verify(&[first, configured.public()]).is_ok());
    drop(job);
    assert_eq!(world.status(scan).await, "running");
}
