//! What every page has.
use axum::http::StatusCode;

use crate::world::World;

#[tokio::test]
async fn an_empty_home_page_says_what_to_do_first() {
    let world = World::new().await;
    let owner = world.owner().await;
    let page = owner.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in ["First steps", "Add a scanner", "Name a target", "Run a scan", "Backups are off"] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
}

#[tokio::test]
async fn a_region_is_drawn_alone_and_with_its_root() {
    let world = World::new().await;
    let owner = world.owner().await;
    for (path, id) in [("/", "now"), ("/scans/recent", "rows"), ("/scans/run", "templates")] {
        let region = owner.region(path, id).await;
        let text = region.text.trim();
        assert!(text.starts_with('<') && text.contains(&format!("id=\"{id}\"")), "{path}: {text}");
        assert!(!text.contains("<html"), "{path}");
        let whole = owner.get(path).await.text;
        assert!(whole.contains("<html") && whole.contains(&format!("id=\"{id}\"")), "{path}");
    }
}

#[tokio::test]
async fn nothing_on_a_page_needs_an_exception_from_the_content_policy() {
    let world = World::new().await;
    let owner = world.owner().await;
    for path in ["/", "/scans/run", "/scans/recent", "/scans/history", "/nowhere"] {
        let page = owner.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        for inline in [" style=", "<style", "onclick=", "javascript:", "data:"] {
            assert!(!page.text.contains(inline), "{path} has {inline}");
        }
        for script in page.text.split("<script").skip(1) {
            assert!(script.trim_start().starts_with("src=\"/assets/"), "{path}: {script}");
        }
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_hash() {
    let world = World::new().await;
    let stranger = world.stranger();
    for name in ["css/base.css", "js/mipo.js", "vendor/htmx.min.js", "icons.svg"] {
        let asset = stranger.get(&mipo_manager::assets::url(name)).await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert!(asset.headers["cache-control"].to_str().unwrap().contains("immutable"), "{name}");
    }
    let old = stranger.get("/assets/000000000000/css/base.css").await;
    assert_eq!(old.headers["cache-control"], "no-store");
    assert_eq!(stranger.get("/assets/x/../../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_that_is_no_page_says_so_inside_the_shell() {
    let world = World::new().await;
    let owner = world.owner().await;
    let page = owner.get("/scans/123456").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("There is no such scan") && page.text.contains("id=\"nav\""), "{}", page.text);
}

#[tokio::test]
async fn the_navigation_offers_only_what_works_for_this_person() {
    let world = World::new().await;
    let viewer = world.person("mia", "viewer").await;
    let page = viewer.get("/").await.text;
    let mut links: Vec<&str> = page
        .split("<nav class=\"nav\"")
        .nth(1)
        .unwrap()
        .split("</nav>")
        .next()
        .unwrap()
        .split("href=\"/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|path| !path.starts_with("assets"))
        .collect();
    links.dedup();
    assert!(links.contains(&"scans/recent") && !links.contains(&"scans/run"), "{links:?}");
    for link in links {
        assert_eq!(viewer.get(&format!("/{link}")).await.status, StatusCode::OK, "/{link}");
    }
}
