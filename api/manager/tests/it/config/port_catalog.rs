//! `/api/config/port-catalog`, and what port lists take from it.
use axum::http::Method;
use serde_json::{Value, json};

use super::{call, id, made, read, refuses};
use crate::support::World;

const PATH: &str = "/api/config/port-catalog";
const LISTS: &str = "/api/config/port-lists";

async fn entry(browser: &mut crate::support::Browser, name: &str) -> Value {
    let found = read(browser, &format!("{PATH}?q={name}&pageSize=200")).await;
    let items = found["items"].as_array().expect("items").clone();
    items.into_iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name} is there"))
}

#[tokio::test]
async fn the_built_in_entries_say_where_they_are_from_and_stay() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    assert!(read(&mut owner, &format!("{PATH}?builtIn=true")).await["total"].as_i64().expect("a number") > 300);
    let ssh = entry(&mut owner, "ssh").await;
    assert_eq!((&ssh["ports"], &ssh["builtIn"]), (&json!("22"), &json!(true)), "{ssh}");
    assert!(ssh["sources"][0].as_str().expect("a source").contains("IANA"), "{ssh}");
    let by_port = read(&mut owner, &format!("{PATH}?q=3306")).await;
    assert_eq!(by_port["items"][0]["name"], "mysql", "found by its port");
    let path = format!("{PATH}/{}", id(&ssh));
    for (method, body) in [(Method::PUT, Some(json!({ "version": 1, "ports": "2222" }))), (Method::DELETE, None)] {
        assert_eq!(owner.api(method, &path, body).await.expect(403).code(), "BUILT_IN");
    }
    let copy = call(&mut owner, Method::POST, &format!("{path}/clone"), json!({ "name": "our-ssh" })).await.expect(201);
    assert_eq!((&copy.json()["builtIn"], &copy.json()["sources"]), (&json!(false), &ssh["sources"]));
}

#[tokio::test]
async fn what_is_missing_of_the_built_in_objects_can_be_loaded_again() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    world
        .tamper("delete from config.port_catalog where name = 'ssh'; delete from config.port_lists where name = 'top-100'; delete from config.exclusions where name = 'loopback-v4'")
        .await;
    let reload = "/api/admin/seeds/reload-builtins";
    let mut added = owner.api(Method::POST, reload, None).await.expect(200).json();
    added["added"].as_array_mut().expect("names").sort_by_key(ToString::to_string);
    assert_eq!(added["added"], json!(["loopback-v4", "ssh", "top-100"]));
    assert_eq!(owner.api(Method::POST, reload, None).await.expect(200).json()["added"], json!([]));
    world.user("olga", &["operator"]).await;
    let mut operator = world.signed_in("olga").await;
    assert_eq!(operator.api(Method::POST, reload, None).await.expect(403).code(), "FORBIDDEN");
}

#[tokio::test]
async fn an_entry_is_imported_into_lists_which_remember_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "name": "shop", "description": "our shop", "ports": "8443, 9443", "sources": ["the wiki"] });
    let shop = made(&mut owner, PATH, body).await;
    let ssh = entry(&mut owner, "ssh").await;
    let body = json!({ "name": "doors", "ports": "80", "catalogImports": [id(&ssh), id(&shop)] });
    let list = made(&mut owner, LISTS, body).await;
    assert_eq!(list["ports"], "22,80,8443,9443");
    assert_eq!(list["catalogImports"], json!([{ "id": id(&shop), "name": "shop" }, { "id": id(&ssh), "name": "ssh" }]));
    let path = format!("{PATH}/{}", id(&shop));
    let refused = owner.api(Method::DELETE, &path, None).await.expect(409);
    assert_eq!((refused.code().as_str(), &refused.json()["usedBy"][0]["name"]), ("IN_USE", &json!("doors")));
    assert_eq!(read(&mut owner, &format!("{path}/details")).await["usedBy"][0]["kind"], "port list");

    // Another port of the entry later is none of the list's business; nor is what was taken out of the list by hand.
    call(&mut owner, Method::PUT, &path, json!({ "version": 1, "ports": "8443, 9443, 10443" })).await.expect(200);
    let list_path = format!("{LISTS}/{}", id(&list));
    let edit = json!({ "version": 1, "ports": "22" });
    let list = call(&mut owner, Method::PUT, &list_path, edit).await.expect(200).json();
    assert_eq!((&list["ports"], list["catalogImports"].as_array().map(Vec::len)), (&json!("22"), Some(2)));
    let edit = json!({ "version": 2, "catalogImports": [id(&ssh)] });
    let list = call(&mut owner, Method::PUT, &list_path, edit).await.expect(200).json();
    assert_eq!((&list["ports"], list["catalogImports"].as_array().map(Vec::len)), (&json!("22"), Some(1)), "forgotten");
    owner.api(Method::DELETE, &path, None).await.expect(204);
    let history = read(&mut owner, &format!("{path}/history")).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "name": "x", "ports": "1" });
        body[field] = value;
        body
    };
    let cases = vec![
        (with("name", json!("a b")), vec!["name"]),
        (with("ports", json!("")), vec!["ports"]),
        (with("ports", json!("0, 70000")), vec!["ports[0]", "ports[1]"]),
        (with("description", json!("x".repeat(10_001))), vec!["description"]),
        (with("sources", json!(vec!["x"; 21])), vec!["sources"]),
        (with("sources", json!(["x", "y".repeat(201)])), vec!["sources[1]"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    let nobody = "019b76a0-0000-7000-8000-000000000000";
    let cases = vec![
        (json!({ "name": "x" }), vec!["ports"]),
        (json!({ "name": "x", "ports": "1", "catalogImports": [nobody] }), vec!["catalogImports[0]"]),
    ];
    refuses(&world, &mut owner, Method::POST, LISTS, cases).await;
}

#[tokio::test]
async fn the_pages_of_the_catalog() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let page = owner.get("/config/port-catalog?q=postgresql").await.expect(200);
    assert!(page.body.contains("5432") && page.body.contains("IANA"), "{}", page.body);
    owner.get("/config/port-catalog/new").await.expect(200);
    let wrong = [("name", "a b"), ("ports", "70000"), ("sources", "one\ntwo")];
    let page = owner.post("/config/port-catalog/new", &wrong).await.expect(422);
    for words in ["a b", "f-ports-err", "one\ntwo"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let typed = [("name", "shop"), ("ports", "8443"), ("sources", "the wiki\nthe firewall")];
    owner.post("/config/port-catalog/new", &typed).await.expect(303);
    let shop = entry(&mut owner, "shop").await;
    assert_eq!(shop["sources"], json!(["the wiki", "the firewall"]));
    let path = format!("/config/port-catalog/{}", id(&shop));
    owner.post(&path, &[("version", "1"), ("name", "shop"), ("ports", "8443, 9443")]).await.expect(303);
    owner.get(&format!("{path}/clone")).await.expect(200);
    owner.post(&format!("{path}/clone"), &[("name", "shop")]).await.expect(422);

    let page = owner.get("/config/port-lists/new?catalog=shop").await.expect(200);
    assert!(page.body.contains(r#"name="catalogImports" value="shop""#), "{}", page.body);
    let seen = owner.post("/config/port-lists/preview", &[("ports", "22"), ("catalogImports", "shop, nothing")]).await;
    assert!(seen.expect(200).body.contains("There is no entry “nothing”"));
    let typed = [("name", "doors"), ("ports", "22"), ("catalogImports", "shop, nothing")];
    let page = owner.post("/config/port-lists/new", &typed).await.expect(422);
    assert!(page.body.contains("f-catalogImports-err") && page.body.contains("shop, nothing"), "{}", page.body);
    let typed = [("name", "doors"), ("ports", "22"), ("catalogImports", "shop SSH")];
    owner.post("/config/port-lists/new", &typed).await.expect(303);
    let list = &read(&mut owner, &format!("{LISTS}?q=doors")).await["items"][0];
    assert_eq!(list["ports"], "22,8443,9443");
    let page = owner.get(&format!("{path}/delete")).await.expect(200);
    assert!(page.body.contains("It is in use") && page.body.contains(&format!("/config/port-lists/{}", id(list))));
}
