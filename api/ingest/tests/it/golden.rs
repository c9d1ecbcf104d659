//! The published examples, as this side reads and writes them; the scanner's side is tested with the same files.
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_protocol::problem::{Code, Problem};
use mipo_protocol::signature::{JobPublicKey, RotatedKey, Signature};
use mipo_protocol::wire::Base64;
use serde_json::{Value, json};

use crate::world::{HOME, Scanner, World};

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/protocol/golden").join(name);
    serde_json::from_slice(&std::fs::read(path).expect("golden file")).expect("json")
}

/// The scanner, the keys and the job of the examples.
async fn world_of(messages: &Value) -> World {
    let world = World::new().await;
    world.run("delete from config.signing_keys").await;
    let (enrolled, beat) = (&messages["answers"]["provision"], &messages["answers"]["heartbeat"]);
    let pinned: JobPublicKey = serde_json::from_value(enrolled["jobPublicKey"].clone()).expect("a key");
    let rotated: RotatedKey = serde_json::from_value(beat["jobPublicKeys"][0].clone()).expect("a key");
    let keys = "insert into config.signing_keys (key_id, public_key, private_key, signed_by, signature, active_from)
                values ($1, $2, '\\x00', null, null, now() - interval '1 day'), ($3, $4, '\\x00', $1, $5, now())";
    sqlx::query(keys)
        .bind(&pinned.key_id.0)
        .bind(pinned.public_key.as_bytes().as_slice())
        .bind(&rotated.key_id.0)
        .bind(rotated.public_key.as_bytes().as_slice())
        .bind(rotated.signature.as_ref().map(|signature| signature.0.to_vec()))
        .execute(&world.admin)
        .await
        .expect("keys");
    let token = Token::presented(messages["requests"]["provision"]["token"].as_str().expect("a token"));
    sqlx::query("insert into config.scanners (id, name, created_by) values ($1::text::uuid, $2, 'test')")
        .bind(enrolled["scannerId"].as_str())
        .bind(enrolled["name"].as_str())
        .execute(&world.admin)
        .await
        .expect("a scanner");
    sqlx::query(
        "insert into config.provisioning_tokens (id, scanner_id, token_prefix, token_hash, expires_at, created_by)
         values (gen_random_uuid(), $1::text::uuid, $2, $3, now() + interval '1 hour', 'test')",
    )
    .bind(enrolled["scannerId"].as_str())
    .bind(token.prefix(KeyKind::Provisioning).expect("a prefix"))
    .bind(token.hash().as_bytes().as_slice())
    .execute(&world.admin)
    .await
    .expect("a token");
    world
}

async fn add_job(world: &World, messages: &Value) {
    let claim = &messages["answers"]["claim"][0];
    let spec = &golden("spec.json")[0];
    world
        .run(
            "insert into results.scans (id, template_id, template_name, started_by, requested_at, seed)
             overriding system value values (3, gen_random_uuid(), 'test', 'test', now(), decode(repeat('09', 16), 'hex'))",
        )
        .await;
    sqlx::query(
        "insert into jobs.scan_jobs (id, scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash,
           max_probes_per_second, estimated_seconds, hosts_planned, probes_planned, traceparent)
         overriding system value
         values (7, 3, $1::text::uuid, 0, $2, $3, now() + interval '1 day', decode($4, 'hex'), 200, 60, 6, $5, $6)",
    )
    .bind(messages["answers"]["provision"]["scannerId"].as_str())
    .bind(Base64::decode(claim["spec"].as_str().expect("a spec")).expect("base64").0)
    .bind(Signature::from_base64(claim["signature"].as_str().expect("a signature")).expect("base64").0.as_slice())
    .bind(spec["scopeHash"].as_str())
    .bind(spec["n"].as_i64())
    .bind(claim["traceparent"].as_str())
    .execute(&world.admin)
    .await
    .expect("a job");
}

/// An answer with the values of the example where they are of this moment.
fn but_for(mut answer: Value, fields: &[&str], example: &Value) -> Value {
    for field in fields {
        assert_eq!(answer[field].is_string(), example[field].is_string(), "{field}: {answer}");
        answer[field] = example[field].clone();
    }
    answer
}

#[tokio::test]
async fn the_published_messages_are_a_conversation() {
    let messages = golden("messages.json");
    let (requests, answers) = (&messages["requests"], &messages["answers"]);
    let world = world_of(&messages).await;
    let answer = world.post_from(HOME, "/scanner/provision", None, &requests["provision"]).await.good();
    let key = answer["apiKey"].as_str().expect("a key").to_owned();
    assert_eq!(but_for(answer, &["apiKey", "serverTime"], &answers["provision"]), answers["provision"]);
    let id = answers["provision"]["scannerId"].as_str().expect("an id").parse().expect("an id");
    let hall = Scanner { id, key };
    add_job(&world, &messages).await;

    let claimed = world.get(&hall, requests["claim"].as_str().expect("a path")).await.good();
    assert_eq!(claimed, answers["claim"]);
    assert_eq!(world.post(&hall, "/scanner/jobs/7/start", &requests["start"]).await.good(), answers["start"]);
    let beat = world.post(&hall, "/scanner/heartbeat", &requests["heartbeat"]).await.good();
    assert_eq!(but_for(beat, &["serverTime"], &json!({ "serverTime": answers["heartbeat"]["serverTime"] })), {
        let mut expected = answers["heartbeat"].clone();
        expected.as_object_mut().expect("an object").remove("minVersion");
        expected
    });

    let part = golden("part.json");
    let request = Request::post("/scanner/jobs/7/results")
        .header("x-api-key", &hall.key)
        .header("x-mipo-part-sha256", part["sha256"].as_str().expect("a hash"))
        .body(Body::from(part["text"].as_str().expect("a text").to_owned()))
        .expect("a request");
    assert_eq!(world.call(HOME, request).await.good(), answers["results"]);
    let counts = world
        .text(
            "select json_build_object('attempted', probes_attempted, 'errors', error_count, 'excluded', excluded_count,
               'notProbed', not_probed_count, 'open', result_count)::text from jobs.scan_jobs",
        )
        .await;
    assert_eq!(serde_json::from_str::<Value>(&counts).expect("json"), part["counts"]);

    world
        .run("insert into config.exclusions (id, name, cidr, reason) values (gen_random_uuid(), 'late', '10.0.0.10/32', 'test')")
        .await;
    world.run("update config.scanners set rate_limit = 50").await;
    world.run("update jobs.scan_jobs set hold_reasons = '{operator}'").await;
    assert_eq!(world.post(&hall, "/scanner/jobs/7/progress", &requests["progress"]).await.good(), answers["progress"]);
    assert_eq!(world.post(&hall, "/scanner/jobs/7/complete", &requests["complete"]).await.good(), answers["complete"]);
    let ended = world.post(&hall, "/scanner/jobs/7/release", &requests["release"]).await;
    assert_eq!(ended.refusal(), "JOB_ENDED");
    let example =
        messages["problems"].as_array().expect("a list").iter().find(|problem| problem["code"] == "JOB_ENDED");
    assert_eq!(but_for(ended.json(), &["detail", "requestId"], example.expect("listed")), *example.expect("listed"));
    let rotated = world.post(&hall, "/scanner/key/rotate", &json!({})).await.good();
    assert_eq!(but_for(rotated, &["apiKey"], &answers["rotate"]), answers["rotate"]);
}

#[test]
fn every_problem_is_published() {
    let messages = golden("messages.json");
    for code in Code::ALL {
        let example = messages["problems"].as_array().expect("a list").iter().find(|p| p["code"] == code.as_str());
        let example: Problem = serde_json::from_value(example.expect("listed").clone()).expect("a problem");
        assert_eq!(example, Problem::new(*code, &*example.detail, &*example.request_id));
    }
}
