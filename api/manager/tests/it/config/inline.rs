//! Editing in the row of a list, on every list with starred columns.
use serde_json::json;

use super::{id, made, read};
use crate::support::World;

/// A list, its API, and the id of something in it that can be edited.
type Editable = (&'static str, &'static str, String);

async fn editables(owner: &mut crate::support::Browser) -> Vec<Editable> {
    let scanner = made(owner, "/api/scanners", json!({ "name": "one", "bindingMode": "ip" })).await;
    let subnet = made(owner, "/api/config/subnets", json!({ "name": "one", "cidr": "10.0.0.0/24" })).await;
    let list = made(owner, "/api/config/port-lists", json!({ "name": "one", "ports": "22" })).await;
    let entry = made(owner, "/api/config/port-catalog", json!({ "name": "one", "ports": "22" })).await;
    let scanner_id = id(&scanner["scanner"]);
    let body = json!({ "name": "one", "hostname": "www.example.org" });
    let fqdn = made(owner, "/api/config/fqdns", body).await;
    let template = super::template(owner, "one", &id(&subnet)).await;
    let mut groups = Vec::new();
    for (path, field, member) in [
        ("scanner-groups", "scannerIds", scanner_id.clone()),
        ("subnet-groups", "subnetIds", id(&subnet)),
        ("fqdn-groups", "fqdnIds", id(&fqdn)),
        ("port-list-groups", "portListIds", id(&list)),
        ("scan-template-groups", "templateIds", id(&template)),
    ] {
        let body = json!({ "name": "one", field: [member] });
        groups.push(id(&made(owner, &format!("/api/config/{path}"), body).await));
    }
    let mut groups = groups.into_iter();
    let mut group = || groups.next().expect("five");
    vec![
        ("/config/scanners", "/api/scanners", scanner_id),
        ("/config/subnets", "/api/config/subnets", id(&subnet)),
        ("/config/port-lists", "/api/config/port-lists", id(&list)),
        ("/config/port-catalog", "/api/config/port-catalog", id(&entry)),
        ("/config/scan-templates", "/api/config/scan-templates", id(&template)),
        ("/config/scanner-groups", "/api/config/scanner-groups", group()),
        ("/config/subnet-groups", "/api/config/subnet-groups", group()),
        ("/config/fqdn-groups", "/api/config/fqdn-groups", group()),
        ("/config/port-list-groups", "/api/config/port-list-groups", group()),
        ("/config/scan-template-groups", "/api/config/scan-template-groups", group()),
    ]
}

#[tokio::test]
async fn a_row_is_edited_in_its_place_and_refused_there() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for (list, api, id) in editables(&mut owner).await {
        let at = format!("{list}?q=one&edit={id}");
        let page = owner.get(&at).await.expect(200);
        assert!(page.body.contains("data-inline") && page.body.contains(r#"name="name" value="one""#), "{}", page.body);
        let post = format!("{list}/{id}/inline");
        let back = ("back", &*format!("{list}?q=one"));
        let wrong = [("version", "1"), back, ("name", "two words"), ("description", "<kept>")];
        let page = owner.post(&post, &wrong).await.expect(422);
        for words in ["two words", "f-name-err", "&lt;kept&gt;", "data-inline"] {
            assert!(page.body.contains(words), "{list}: {words}: {}", page.body);
        }
        let saved = [("version", "1"), back, ("name", "one-b"), ("description", "new")];
        assert_eq!(owner.post(&post, &saved).await.expect(303).location(), format!("{list}?q=one"));
        let stored = read(&mut owner, &format!("{api}/{id}")).await;
        assert_eq!((&stored["name"], &stored["description"]), (&json!("one-b"), &json!("new")), "{list}");
        // What is not in the row, because its column is hidden, stays; so does what somebody else was quicker with.
        let late = owner.post(&post, &[("version", "1"), back, ("name", "late")]).await.expect(422);
        assert!(late.body.contains("Somebody else changed it") && late.body.contains(r#"value="late""#), "{list}");
        let page = owner.get(&format!("{list}?q=one")).await.expect(200);
        assert!(!page.body.contains("data-inline") && page.body.contains("Edit in the row"), "{list}");
    }
}

#[tokio::test]
async fn a_rate_is_a_number_and_a_refusal_stores_nothing() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for (list, api, id) in editables(&mut owner).await.into_iter().take(3) {
        let post = format!("{list}/{id}/inline");
        let wrong = [("version", "1"), ("back", list), ("name", "other"), ("rateLimit", "fast")];
        let page = owner.post(&post, &wrong).await.expect(422);
        assert!(page.body.contains("“fast” is not a whole number"), "{list}: {}", page.body);
        assert_eq!(read(&mut owner, &format!("{api}/{id}")).await["name"], "one", "{list}");
        owner.post(&post, &[("version", "1"), ("back", list), ("rateLimit", "50")]).await.expect(303);
        assert_eq!(read(&mut owner, &format!("{api}/{id}")).await["rateLimit"], 50, "{list}");
    }
}

#[tokio::test]
async fn nobody_edits_who_may_not_and_nothing_that_is_built_in() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let editables = editables(&mut owner).await;
    let built_in = id(&read(&mut owner, "/api/config/port-lists?q=top-100").await["items"][0]);
    let post = format!("/config/port-lists/{built_in}/inline");
    let page = owner.post(&post, &[("version", "1"), ("name", "mine")]).await.expect(422);
    assert!(page.body.contains("cannot be changed"), "{}", page.body);
    world.user("vera", &["viewer"]).await;
    let mut viewer = world.signed_in("vera").await;
    for (list, _, id) in editables {
        let page = viewer.get(&format!("{list}?edit={id}")).await.expect(200);
        assert!(!page.body.contains("data-inline") && !page.body.contains("Edit in the row"), "{list}");
        viewer.post(&format!("{list}/{id}/inline"), &[("version", "1"), ("name", "mine")]).await.expect(403);
    }
    // The way back is the list, wherever somebody says that it is.
    let (list, _, id) = (
        "/config/port-lists",
        "",
        id(&made(&mut owner, "/api/config/port-lists", json!({ "name": "two", "ports": "1" })).await),
    );
    let typed = [("version", "1"), ("back", "https://elsewhere.example/x?q=two"), ("name", "three")];
    assert_eq!(
        owner.post(&format!("{list}/{id}/inline"), &typed).await.expect(303).location(),
        format!("{list}?q=two")
    );
}
