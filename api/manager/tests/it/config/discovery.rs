//! Discovery sources and lists: the admin API and the pages.
use axum::http::Method;
use serde_json::json;

use super::pages::region;
use super::{call, id, made, read, refuses};
use crate::support::World;

const SOURCES: &str = "/api/config/discovery/sources";
const LISTS: &str = "/api/config/discovery/lists";

/// A list of the only source, with three addresses.
const LIST: &str = "
  insert into config.scanners (id, name, created_by) values ('0190f1a5-0000-7000-8000-000000000001', 'berlin', 'test');
  insert into config.discovery_lists (id, source_id, name, scanner_id, ip_count)
    select '0190f1a5-0000-7000-8000-0000000000d2', id, 'servers', '0190f1a5-0000-7000-8000-000000000001', 3 from config.discovery_sources;
  insert into config.discovery_ips (list_id, ip) select '0190f1a5-0000-7000-8000-0000000000d2', ip
    from unnest('{10.0.0.1,10.0.0.2,2001:db8::7}'::inet[]) ip";
const LIST_ID: &str = "0190f1a5-0000-7000-8000-0000000000d2";

#[tokio::test]
async fn a_source_lives_from_create_to_delete_and_shows_its_key_once() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let source = made(&mut owner, SOURCES, json!({ "name": "cmdb", "description": "assets" })).await;
    let key = source["key"].as_str().expect("a key").to_owned();
    assert!(
        key.starts_with("mipo_dk_") && key.starts_with(source["keyPrefix"].as_str().expect("a prefix")),
        "{source}"
    );
    let path = format!("{SOURCES}/{}", id(&source));
    let stored = read(&mut owner, &path).await;
    assert!(stored.get("key").is_none() && !stored.to_string().contains(&key), "{stored}");
    let dump = world.text("select string_agg(t::text, ' ') from (select d::text as t from config.discovery_sources d union all select e::text from config.audit_events e) x").await;
    assert!(!dump.contains(&key), "only the hash is stored");

    let body = json!({ "version": 1, "enabled": false });
    let edited = call(&mut owner, Method::PUT, &path, body).await.expect(200).json();
    assert_eq!(
        (&edited["enabled"], &edited["description"], &edited["version"]),
        (&json!(false), &json!("assets"), &json!(2))
    );
    let rotated = call(&mut owner, Method::POST, &format!("{path}/rotate-key"), json!({})).await.expect(200).json();
    assert_ne!(rotated["key"], json!(key));
    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "copy" })).await;
    assert_eq!((&copy["description"], &copy["lists"], &copy["enabled"]), (&json!("assets"), &json!(0), &json!(true)));
    assert_ne!(copy["key"], rotated["key"]);
    assert_eq!(read(&mut owner, &format!("{SOURCES}?enabled=false")).await["total"], 1);
    let values = read(&mut owner, &format!("{SOURCES}/filter-values?column=enabled")).await;
    assert_eq!(values["values"], json!(["false", "true"]));
    owner.api(Method::DELETE, &path, None).await.expect(204);
    let history = read(&mut owner, &format!("{path}/history")).await;
    let actions: Vec<_> =
        history["items"].as_array().expect("a list").iter().map(|change| change["action"].clone()).collect();
    assert_eq!(actions, ["deleted", "key rotated", "updated", "created"]);
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let cases = vec![
        (json!({}), vec!["name"]),
        (json!({ "name": "two words" }), vec!["name"]),
        (json!({ "name": "x".repeat(101) }), vec!["name"]),
        (json!({ "name": "x", "description": "x".repeat(10_001) }), vec!["description"]),
        (json!({ "name": "x", "key": "mine" }), vec!["key"]),
    ];
    refuses(&world, &mut owner, Method::POST, SOURCES, cases).await;
    made(&mut owner, SOURCES, json!({ "name": "x".repeat(100) })).await;
    let taken = call(&mut owner, Method::POST, SOURCES, json!({ "name": "X".repeat(100) })).await.expect(409);
    assert_eq!(taken.code(), "NAME_TAKEN");
}

#[tokio::test]
async fn a_list_is_looked_at_slowed_down_and_deleted_unless_a_template_uses_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let source = made(&mut owner, SOURCES, json!({ "name": "cmdb" })).await;
    world.tamper(LIST).await;
    let path = format!("{LISTS}/{LIST_ID}");
    let list = read(&mut owner, &path).await;
    assert_eq!(
        (&list["source"]["name"], &list["scanner"]["name"], &list["ipCount"]),
        (&json!("cmdb"), &json!("berlin"), &json!(3))
    );
    assert_eq!(read(&mut owner, &format!("{LISTS}?source=cmdb&scanner=berlin")).await["total"], 1);
    assert_eq!(read(&mut owner, &format!("{LISTS}/filter-values?column=scanner")).await["values"], json!(["berlin"]));
    assert_eq!(read(&mut owner, &format!("{SOURCES}/{}", id(&source))).await["ipCount"], 3);
    let ips = read(&mut owner, &format!("{path}/ips?pageSize=2")).await;
    assert_eq!(
        (&ips["total"], &ips["items"][0]["ip"], ips["items"].as_array().map(Vec::len)),
        (&json!(3), &json!("10.0.0.1"), Some(2))
    );
    let within = read(&mut owner, &format!("{path}/ips?q=2001:db8::/32")).await;
    assert_eq!((&within["total"], &within["items"][0]["ip"]), (&json!(1), &json!("2001:db8::7")));
    assert_eq!(owner.api(Method::GET, &format!("{path}/ips?q=abc"), None).await.expect(422).fields(), ["q"]);

    let slower =
        call(&mut owner, Method::PUT, &path, json!({ "version": 1, "rateLimit": 50 })).await.expect(200).json();
    assert_eq!((&slower["rateLimit"], &slower["version"]), (&json!(50), &json!(2)));
    let refused = call(&mut owner, Method::PUT, &path, json!({ "version": 2, "rateLimit": -1 })).await.expect(422);
    assert_eq!(refused.fields(), ["rateLimit"]);

    let ports = read(&mut owner, "/api/config/port-lists?q=top-100").await;
    let body = json!({ "name": "nightly", "discoveryListIds": [LIST_ID], "portListIds": [id(&ports["items"][0])] });
    let template = made(&mut owner, "/api/config/scan-templates", body).await;
    // The documentation network is excluded, so two of three are left.
    assert_eq!((&template["ips"], &template["discoveryLists"][0]["name"]), (&json!(2), &json!("cmdb/servers")));
    for path in [&path, &format!("{SOURCES}/{}", id(&source))] {
        assert_eq!(owner.api(Method::DELETE, path, None).await.expect(409).code(), "IN_USE", "{path}");
    }
    let user = format!(r#"href="/config/scan-templates/{}""#, id(&template));
    for page in [format!("/config/discovery/lists/{LIST_ID}"), format!("/config/discovery/{}", id(&source))] {
        let asked = owner.get(&format!("{page}/delete")).await.expect(200).body;
        assert!(asked.contains(&user), "{page}: {asked}");
    }
    owner.api(Method::DELETE, &format!("/api/config/scan-templates/{}", id(&template)), None).await.expect(204);
    owner.api(Method::DELETE, &path, None).await.expect(204);
    owner.api(Method::GET, &format!("{path}/ips"), None).await.expect(404);
    assert_eq!(world.number("select count(*) from config.discovery_ips").await, 0);
}

#[tokio::test]
async fn pages_show_the_key_once_and_keep_what_was_typed() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let empty = owner.get("/config/discovery").await.expect(200).body;
    assert!(empty.contains("No discovery source yet"), "{empty}");
    owner.get("/config/discovery/new").await.expect(200);
    let page =
        owner.post("/config/discovery/new", &[("name", "two words"), ("description", "<i>")]).await.expect(422).body;
    assert!(page.contains("two words") && page.contains("&lt;i&gt;") && page.contains("f-name-err"), "{page}");
    let answer = owner.post("/config/discovery/new", &[("name", "cmdb")]).await.expect(200);
    assert!(answer.body.contains("mipo_dk_") && answer.header("cache-control").contains("no-store"), "{}", answer.body);
    world.tamper(LIST).await;
    let source = id(&read(&mut owner, SOURCES).await["items"][0]);
    let one = format!("/config/discovery/{source}");
    let page = owner.get(&one).await.expect(200).body;
    assert!(page.contains("servers") && page.contains("berlin") && page.contains("are answered"), "{page}");
    // What is pushed while the page is open is fetched into it.
    let lists = region(&mut owner, &one, "lists").await.expect(200).body;
    assert!(lists.contains("servers") && !lists.contains("<html"), "{lists}");
    assert_eq!(owner.post(&one, &[("version", "1"), ("name", "cmdb")]).await.expect(303).location(), one);
    assert!(owner.get(&one).await.expect(200).body.contains("are refused"), "the box was not ticked");
    assert!(owner.get(&format!("{one}/rotate-key")).await.expect(200).body.contains("no more at once"));
    assert!(owner.post(&format!("{one}/rotate-key"), &[]).await.expect(200).body.contains("mipo_dk_"));

    let list = format!("/config/discovery/lists/{LIST_ID}");
    let page = owner.get(&format!("{list}?q=10.0.0.2")).await.expect(200).body;
    assert!(page.contains("10.0.0.2") && !page.contains("10.0.0.1<"), "{page}");
    let rows = region(&mut owner, &list, "rows").await.expect(200).body;
    assert!(rows.contains("2001:db8::7") && !rows.contains("<html"), "{rows}");
    assert!(owner.get(&format!("{list}?q=abc")).await.expect(200).body.contains("no address"));
    let page = owner.post(&list, &[("version", "1"), ("rateLimit", "fast")]).await.expect(422).body;
    assert!(page.contains("“fast” is not a whole number"), "{page}");
    assert_eq!(owner.post(&list, &[("version", "1"), ("rateLimit", "20")]).await.expect(303).location(), list);
    owner.post(&format!("{list}/delete"), &[("confirm", "servers")]).await.expect(303);
    owner.post(&format!("{one}/delete"), &[("confirm", "cmdb")]).await.expect(303);
}
