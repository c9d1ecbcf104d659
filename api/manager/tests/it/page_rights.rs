//! Every page and every form with a role that has no right (S28): the routes are read from the sources, so that a new
//! one is walked without being named here.
use std::path::Path;

use crate::support::World;

/// What everybody who is signed in may use, and what is for those who are not.
const FREE: &[&str] = &[
    "/",
    "/login",
    "/logout",
    "/setup",
    "/reauth",
    "/theme",
    "/nav",
    "/profile",
    "/profile/password",
    "/profile/preferences",
    "/profile/sessions/end-others",
    "/profile/sessions/{id}/end",
    // Leads to a page that refuses.
    "/scans/status",
];

/// A route as it stands in the sources: path, and the methods that it takes.
struct Route {
    path: String,
    get: bool,
    post: bool,
}

fn sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else {
            out.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

fn routes() -> Vec<Route> {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui"), &mut text);
    text.split(".route(")
        .skip(1)
        .filter_map(|rest| {
            // The path, then the handlers up to the next route or the end of the statement.
            let rest = rest.trim_start().strip_prefix('"')?;
            let (path, rest) = rest.split_once('"')?;
            let handlers = rest.split_once(';').map_or(rest, |(handlers, _)| handlers);
            let handlers = handlers.split_once(".merge(").map_or(handlers, |(handlers, _)| handlers);
            let (get, post) = (handlers.contains("get("), handlers.contains("post("));
            Some(Route { path: path.to_owned(), get, post })
        })
        .collect()
}

fn concrete(path: &str) -> String {
    // Scans and workers are numbers, everything else has a UUID.
    let is_scan = path.starts_with("/scans/") && !path.starts_with("/scans/schedules/");
    let id = if is_scan || path.starts_with("/ops/workers/") { "7" } else { "019b76a0-0000-7000-8000-000000000000" };
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_role_without_rights_gets_no_page_and_no_form() {
    let world = World::new().await;
    world.user("nothing", &[]).await;
    let mut nobody = world.signed_in("nothing").await;
    let (mut pages, mut forms) = (0, 0);
    for Route { path, get, post } in routes() {
        assert!(get || post, "{path} is read wrongly");
        if FREE.contains(&&*path) {
            continue;
        }
        let concrete = concrete(&path);
        if get {
            pages += 1;
            let page = nobody.get(&concrete).await;
            assert_eq!(page.status, 403, "GET {path}: {} {}", page.location(), page.body);
            assert!(page.body.contains("needs the right"), "GET {path}: {}", page.body);
        }
        if post {
            forms += 1;
            let answer = nobody.post(&concrete, &[]).await;
            assert_eq!(answer.status, 403, "POST {path}: {} {}", answer.location(), answer.body);
            assert!(answer.body.contains("needs the right"), "POST {path}: {}", answer.body);
        }
    }
    assert!(pages >= 30 && forms >= 30, "{pages} pages, {forms} forms");
}

#[tokio::test]
async fn nobody_gets_a_page_or_a_form_without_signing_in() {
    let world = World::new().await;
    let mut stranger = world.browser();
    for Route { path, get, post } in routes() {
        if ["/login", "/logout", "/setup", "/scans/status"].contains(&&*path) {
            continue;
        }
        if get {
            let location = stranger.get(&concrete(&path)).await.expect(303).location().to_owned();
            assert!(location.starts_with("/login"), "GET {path}: {location}");
        }
        if post {
            stranger.post(&concrete(&path), &[]).await.expect(401);
        }
    }
}

#[tokio::test]
async fn the_navigation_holds_only_what_opens() {
    let world = World::new().await;
    world.user("nothing", &[]).await;
    world.user("vera", &["viewer"]).await;
    let entries = || mipo_manager::ui::nav::AREAS.iter().flat_map(|area| area.entries);
    for name in ["nothing", "vera", "owner"] {
        let mut browser = world.signed_in(name).await;
        let home = browser.get("/").await.expect(200).body;
        for entry in entries() {
            let shown = home.contains(&format!(r#"<a href="{}" data-name"#, entry.path));
            let status = browser.get(entry.path).await.status;
            assert_eq!(shown, status == 200, "{name} {}: {status}", entry.path);
        }
    }
}
