//! `/api/config/fqdns` and their pages.
use axum::http::Method;
use serde_json::json;

use super::{call, id, made, read, refuses};
use crate::support::World;

const PATH: &str = "/api/config/fqdns";

#[tokio::test]
async fn an_fqdn_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = id(&made(&mut owner, "/api/scanners", json!({ "name": "berlin" })).await["scanner"]);
    let body = json!({
        "name": "www", "hostname": "WWW.Example.org.", "allowedCidrs": ["192.0.2.0/24", "2001:db8::/32"], "rateLimit": 50,
        "scannerIds": [scanner],
    });
    let fqdn = made(&mut owner, PATH, body).await;
    assert_eq!((&fqdn["hostname"], &fqdn["lastResolvedAt"]), (&json!("www.example.org"), &json!(null)), "{fqdn}");
    assert_eq!(fqdn["allowedCidrs"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    let path = format!("{PATH}/{}", id(&fqdn));
    let body = json!({ "version": 1, "description": "the shop", "scannerIds": [] });
    let edited = call(&mut owner, Method::PUT, &path, body).await.expect(200).json();
    assert_eq!((&edited["scanners"], &edited["rateLimit"], &edited["version"]), (&json!([]), &json!(50), &json!(2)));
    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "copy" })).await;
    assert_eq!((&copy["hostname"], &copy["allowedCidrs"]), (&edited["hostname"], &edited["allowedCidrs"]));
    assert_eq!(read(&mut owner, &format!("{PATH}?resolved=never&assigned=no")).await["total"], 2);
    let values = read(&mut owner, &format!("{PATH}/filter-values?column=resolved")).await;
    assert_eq!(values["values"], json!(["never"]));
    owner.api(Method::DELETE, &path, None).await.expect(204);
    assert_eq!(read(&mut owner, &format!("{path}/history")).await["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let unknown = "0190f1a5-0000-7000-8000-000000000000";
    let good = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "name": "f", "hostname": "a.example" });
        body[field] = value;
        body
    };
    let cases = vec![
        (json!({ "name": "f" }), vec!["hostname"]),
        (good("hostname", json!("")), vec!["hostname"]),
        (good("hostname", json!("10.0.0.1")), vec!["hostname"]),
        (good("hostname", json!("a_b.example")), vec!["hostname"]),
        (good("hostname", json!(format!("{}.example", "a".repeat(64)))), vec!["hostname"]),
        (good("allowedCidrs", json!(["10.0.0.0/8", "10.0.0.1/8", "x"])), vec!["allowedCidrs[1]", "allowedCidrs[2]"]),
        (good("allowedCidrs", json!(vec!["10.0.0.0/8"; 65])), vec!["allowedCidrs"]),
        (good("rateLimit", json!(100_001)), vec!["rateLimit"]),
        (good("name", json!("two words")), vec!["name"]),
        (good("description", json!("x".repeat(10_001))), vec!["description"]),
        (good("scannerIds", json!([unknown])), vec!["scannerIds[0]"]),
        (good("scannerGroupIds", json!([unknown])), vec!["scannerGroupIds[0]"]),
        (good("resolved", json!([])), vec!["resolved"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
}

#[tokio::test]
async fn resolving_keeps_what_may_be_scanned_and_tells_the_rest() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "name": "here", "hostname": "localhost", "allowedCidrs": ["127.0.0.0/8"] });
    let fqdn = made(&mut owner, PATH, body).await;
    let path = format!("{PATH}/{}", id(&fqdn));
    let resolved = call(&mut owner, Method::POST, &format!("{path}/resolve"), json!({})).await.expect(200).json();
    assert_eq!(resolved["lastResolved"], json!(["127.0.0.1"]), "{resolved}");
    assert_eq!(resolved["version"], 1, "what the machine writes is no edit");
    assert_eq!(read(&mut owner, &path).await["lastResolved"], json!(["127.0.0.1"]));

    // Nothing of it lies in its networks now.
    let body = json!({ "version": 1, "allowedCidrs": ["10.0.0.0/8"] });
    call(&mut owner, Method::PUT, &path, body).await.expect(200);
    let resolved = call(&mut owner, Method::POST, &format!("{path}/resolve"), json!({})).await.expect(200).json();
    assert_eq!(resolved["lastResolved"], json!([]), "{resolved}");
    assert_eq!(resolved["warnings"][0]["code"], "outside_allowed");
    assert_eq!(read(&mut owner, &format!("{PATH}?resolved=nothing")).await["total"], 1);

    // Another name has not been asked for yet. The reserved domain never resolves.
    let body = json!({ "version": 2, "hostname": "nowhere.invalid", "allowedCidrs": [] });
    let renamed = call(&mut owner, Method::PUT, &path, body).await.expect(200).json();
    assert_eq!(renamed["lastResolvedAt"], json!(null));
    let resolved = call(&mut owner, Method::POST, &format!("{path}/resolve"), json!({})).await.expect(200).json();
    assert_eq!((&resolved["warnings"][0]["code"], &resolved["lastResolvedAt"]), (&json!("unresolved"), &json!(null)));
    let page = owner.post(&format!("/config/fqdns/{}/resolve", id(&fqdn)), &[]).await.expect(303);
    assert_eq!(page.location(), format!("/config/fqdns/{}", id(&fqdn)));
}

#[tokio::test]
async fn the_form_keeps_what_was_typed() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    owner.get("/config/fqdns/new").await.expect(200);
    let typed = [
        ("name", "two words"),
        ("hostname", "10.0.0.1"),
        ("allowedCidrs", "10.0.0.0/8, 10.0.0.1/8"),
        ("rateLimit", "fast"),
        ("description", "<i>"),
    ];
    let page = owner.post("/config/fqdns/new", &typed).await.expect(422).body;
    for told in ["two words", "10.0.0.0/8, 10.0.0.1/8", "“fast” is not a whole number", "&lt;i&gt;"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    for field in ["name", "hostname", "allowedCidrs", "rateLimit"] {
        assert!(page.contains(&format!("f-{field}-err")), "{field}: {page}");
    }
    let typed = [("name", "www"), ("hostname", "www.example.org"), ("allowedCidrs", "10.0.0.0/8 fd00::/8")];
    let one = owner.post("/config/fqdns/new", &typed).await.expect(303).location().to_owned();
    let page = owner.get(&one).await.expect(200).body;
    assert!(page.contains("10.0.0.0/8, fd00::/8") && page.contains("never"), "{page}");
    let typed = [("version", "1"), ("name", "www2"), ("hostname", "www.example.org")];
    assert_eq!(owner.post(&one, &typed).await.expect(303).location(), one);
    assert_eq!(read(&mut owner, &format!("/api{one}")).await["allowedCidrs"], json!([]));
    assert!(owner.get("/config/fqdns").await.expect(200).body.contains("www2"));
    owner.post(&format!("{one}/delete"), &[("confirm", "www2")]).await.expect(303);
}
