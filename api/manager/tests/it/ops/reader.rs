//! Pages and endpoints of the queues read as `mipo_ops_read`, which cannot write: without its grants none of them
//! answers, and what people do still works.
use axum::http::Method;

use super::{audited, because, dead, post};
use crate::support::World;

const PAGES: &[&str] = &[
    "/ops/queues",
    "/ops/queues/repair",
    "/ops/queues/repair/limits",
    "/ops/workers",
    "/ops/tasks",
    "/ops/bulk",
    "/ops/bulk/new?action=retry&q=status:dead",
    "/ops/failures",
    "/ops/cron",
];

const ENDPOINTS: &[&str] = &[
    "/api/ops/queues",
    "/api/ops/queues/repair",
    "/api/ops/workers",
    "/api/ops/tasks",
    "/api/ops/bulk",
    "/api/ops/failures",
    "/api/ops/cron",
];

/// These read what PostgreSQL itself knows, which no grant of ours opens or closes: they need the role, not its grants.
const OF_THE_SERVER: &[&str] = &["/ops/database", "/api/ops/database"];

#[tokio::test]
async fn every_look_at_the_queues_is_by_the_role_that_cannot_write() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let died = dead(&world).await;
    let tasks = [format!("/ops/tasks/{died}"), format!("/ops/tasks/{died}/discard")];
    let pages: Vec<&str> = PAGES.iter().copied().chain(tasks.iter().map(String::as_str)).collect();
    let task = format!("/api/ops/tasks/{died}");
    let endpoints: Vec<&str> = ENDPOINTS.iter().copied().chain([&*task]).collect();
    for path in &pages {
        owner.get(path).await.expect(200);
    }
    for path in &endpoints {
        owner.api(Method::GET, path, None).await.expect(200);
    }
    for path in OF_THE_SERVER {
        owner.get(path).await.expect(200);
    }
    // Grants are of this test's own database; the manager keeps its own.
    world
        .tamper("revoke usage on schema jobs from mipo_ops_read; revoke select on all tables in schema jobs from mipo_ops_read")
        .await;
    for path in &pages {
        owner.get(path).await.expect(500);
    }
    for path in &endpoints {
        owner.api(Method::GET, path, None).await.expect(500);
    }
    post(&mut owner, &format!("{task}/discard"), because()).await;
    assert_eq!(audited(&world).await, "change owner discarded task the cable is back");
}
