//! Configuration: the life of each object over the API and the pages.
mod blackouts;
mod exclusions;
mod fqdns;
mod groups;
mod inline;
mod pages;
mod port_catalog;
mod port_lists;
mod scan_templates;
mod scanners;
mod schedules;
mod subnets;
mod wrong_input;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, World};

/// Asks, with a JSON body.
async fn call(browser: &mut Browser, method: Method, path: &str, body: Value) -> Answer {
    browser.api(method, path, Some(body)).await
}

/// Makes something and gives its answer.
async fn made(browser: &mut Browser, path: &str, body: Value) -> Value {
    call(browser, Method::POST, path, body).await.expect(201).json()
}

/// Reads an answer.
async fn read(browser: &mut Browser, path: &str) -> Value {
    browser.api(Method::GET, path, None).await.expect(200).json()
}

/// The id of a JSON object.
fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// Sends each body and expects exactly these fields to be refused, and nothing to be stored or audited.
async fn refuses(world: &World, browser: &mut Browser, method: Method, path: &str, cases: Vec<(Value, Vec<&str>)>) {
    let rows = || {
        world.number("select (select count(*) from config.audit_events where kind = 'change') + (select count(*) from config.subnets) + (select count(*) from config.port_lists) + (select count(*) from config.scanners) + (select count(*) from config.scan_templates) + (select count(*) from config.exclusions) + (select count(*) from config.fqdns) + (select count(*) from config.scanner_groups) + (select count(*) from config.subnet_groups) + (select count(*) from config.fqdn_groups)")
    };
    let before = rows().await;
    for (body, fields) in cases {
        let refused = call(browser, method.clone(), path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 422, "{body}: {}", refused.body);
        assert_eq!(refused.fields(), fields, "{body}: {}", refused.body);
    }
    assert_eq!(rows().await, before, "something was stored");
}

/// A subnet and the built-in list `top-100`, put together.
async fn template(browser: &mut Browser, name: &str, subnet: &str) -> Value {
    let lists = read(browser, "/api/config/port-lists?q=top-100").await;
    let list = id(&lists["items"][0]);
    let body = json!({ "name": name, "subnetIds": [subnet], "portListIds": [list] });
    made(browser, "/api/config/scan-templates", body).await
}
