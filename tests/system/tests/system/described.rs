//! The admin API holds what its document promises: Schemathesis reads the document and tries every operation with right
//! and wrong input.
//!
//! `tests/run api` installs it and names its program by `MIPO_SCHEMATHESIS`; without it the test passes at once. Only a
//! manager runs: nothing that is asked for is carried out, so nothing is probed.
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mipo_app::passwords::Passwords;
use mipo_app::setup::{NewOwner, ensure_owner};
use mipo_app::{Caller, builtins, seeds};
use mipo_runtime::OsEntropy;
use mipo_store::Db;
use serde_json::{Value, json};

use crate::processes::{Process, binary, free_port, until};
use crate::stack::{Stack, ctx};

const PATIENCE: Duration = Duration::from_mins(2);
const PASSWORD: &str = "a long enough phrase for tests";

/// Everything but `negative_data_rejection` and `positive_data_acceptance`, which know a document's schemas and not what
/// its words say of their fields, and `ignored_auth`, which cannot take away a cookie that every request is given: the
/// manager's own tests try each operation without a session and without its right.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,missing_required_header,unsupported_method,use_after_free,\
                      ensure_resource_availability";

/// These end the session that everything else is tried with; their own tests are beside the manager.
const ENDS_SESSION: &str = "^/api/(auth/logout$|me/sessions)";

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let Some(program) = std::env::var_os("MIPO_SCHEMATHESIS").map(PathBuf::from) else { return };
    let stack = Stack::migrated().await;
    owner(&stack).await;
    let port = free_port();
    let manager = Process::start("manager", stack.folder(), stack.service_of(&binary("mipo"), "manager", port));
    let base = format!("http://127.0.0.1:{port}");
    let (cookie, csrf) = signed_in(&base).await;

    let long = std::env::var_os("MIPO_TEST_LONG").is_some();
    let mut command = Command::new(program);
    command.current_dir(stack.folder()).arg("run").arg(format!("{base}/api/openapi.json"));
    command.args(["--header", &format!("Cookie: {cookie}"), "--header", &format!("X-CSRF-Token: {csrf}")]);
    command.args(["--checks", CHECKS, "--max-examples", if long { "100" } else { "10" }]);
    command.args(["--phases", if long { "examples,coverage,fuzzing,stateful" } else { "examples,coverage,fuzzing" }]);
    command.args(["--request-timeout", "30", "--no-color", "--suppress-health-check", "all", "--warnings", "off"]);
    command.args(["--exclude-path-regex", ENDS_SESSION]);
    if !long {
        // The same inputs each time: what another seed finds, the long run finds.
        command.args(["--seed", "1"]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("joins").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!manager.said().contains("panicked"), "{}", manager.said());
    // Else most of it was tried by nobody.
    assert!(still_signed_in(&base, &cookie).await, "the session has ended on the way");
}

/// What the first start of a manager and its setup page would do.
async fn owner(stack: &Stack) {
    let (db, caller) = (Db::from_pool(stack.pool.clone()), Caller::cli());
    let ctx = ctx(&caller);
    let mut tx = db.tx("test.seed").await.expect("a transaction");
    seeds::identity(&mut tx, &ctx).await.expect("roles and rules");
    builtins::seed(&mut tx, &ctx).await.expect("built-in objects");
    tx.commit().await.expect("committed");
    let passwords = Passwords::new(&OsEntropy).expect("a hasher");
    let owner = NewOwner { username: "owner", email: "owner@example.org", password: PASSWORD };
    assert!(ensure_owner(&db, &ctx, &passwords, 15, &owner).await.expect("an owner"));
}

async fn still_signed_in(base: &str, cookie: &str) -> bool {
    let (url, cookie) = (format!("{base}/api/me"), cookie.to_owned());
    let asked = tokio::task::spawn_blocking(move || ureq::get(url).header("cookie", cookie).call().is_ok());
    asked.await.expect("joins")
}

/// The cookie and the CSRF token of the owner.
async fn signed_in(base: &str) -> (String, String) {
    let url = format!("{base}/api/auth/login");
    until("the owner signs in", PATIENCE, async || {
        let url = url.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let body = json!({ "username": "owner", "password": PASSWORD });
            let mut answer = ureq::post(url).send_json(body).ok()?;
            let cookie = answer.headers().get("set-cookie")?.to_str().ok()?.split(';').next()?.to_owned();
            let csrf = answer.body_mut().read_json::<Value>().ok()?["csrfToken"].as_str()?.to_owned();
            Some((cookie, csrf))
        });
        asked.await.expect("joins")
    })
    .await
}
