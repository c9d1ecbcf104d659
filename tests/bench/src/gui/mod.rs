//! Pages over a full database: a real manager, asked over HTTP by somebody who is signed in.
mod visitor;

use std::path::Path;

use crate::figure::{Figure, percentile};
use crate::place::Place;
use visitor::{Visitor, make_owner};

/// A page is there within this time at the 95th percentile.
const GOAL_MS: f64 = 200.0;

/// How much there is, and how often each page is asked for.
#[derive(Clone, Copy, Debug)]
struct Size {
    live: u64,
    ended: u64,
    /// Of the last thirty days.
    sampled_minutes: u64,
    asked: usize,
}

impl Size {
    const FULL: Self = Self { live: 1_000_000, ended: 10_000_000, sampled_minutes: 43_200, asked: 60 };
    const SMOKE: Self = Self { live: 1_000, ended: 10_000, sampled_minutes: 60, asked: 2 };
}

/// The queue pages and what people ask of them. `{dead}` and `{live}` are ids of such tasks.
const PAGES: &[&str] = &[
    "/",
    "/ops/queues",
    "/ops/queues/results",
    "/ops/queues/results?range=30d",
    "/ops/workers",
    "/ops/tasks",
    "/ops/tasks?q=status:dead",
    "/ops/tasks?q=status:done",
    "/ops/tasks?q=status:ready",
    "/ops/tasks?q=status:scheduled+queue:results",
    "/ops/tasks?q=queue:planning",
    "/ops/tasks?q=kind:conclude_scan+status:done",
    "/ops/tasks?q=error:%22no+route%22",
    "/ops/tasks?q=payload:scanId%3D12",
    "/ops/tasks?q=age:%3E1d+status:dead",
    "/ops/tasks?q=worker:dispatcher-3",
    "/ops/tasks/{dead}",
    "/ops/tasks/{live}",
    "/ops/failures",
    "/ops/cron",
    "/ops/database",
    "/ops/bulk",
    "/ops/bulk/new?action=retry&q=status:dead",
    "/ops/views",
    "/api/ops/queues",
    "/api/ops/tasks",
    "/api/ops/tasks?q=status:dead",
    "/api/ops/failures",
];

/// Fills a database and asks for every page.
pub fn measure(bin_dir: &Path, smoke: bool) -> Result<Vec<Figure>, String> {
    let size = if smoke { Size::SMOKE } else { Size::FULL };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let mut place = runtime.block_on(Place::start())?;
    if !smoke {
        eprintln!("mipo-bench: filling {} live and {} ended tasks (minutes)", size.live, size.ended);
    }
    let ids = runtime.block_on(fill(&place, size))?;
    let visitor = Visitor::sign_in(place.serve(bin_dir, "manager", &[])?);
    let figures =
        visitor.and_then(|visitor| PAGES.iter().map(|page| look(&visitor, page, &ids, size, smoke)).collect());
    figures.map_err(|reason: String| format!("{reason}\n{}", place.said()))
}

/// The figure of one page.
fn look(visitor: &Visitor, page: &str, ids: &Ids, size: Size, smoke: bool) -> Result<Figure, String> {
    if !smoke {
        eprintln!("mipo-bench: {page}");
    }
    let path = page.replace("{dead}", &ids.dead).replace("{live}", &ids.live);
    // The first requests read what nobody has read since the start.
    for _ in 0..2 {
        visitor.get(&path)?;
    }
    let mut took = (0..size.asked).map(|_| visitor.get(&path)).collect::<Result<Vec<_>, _>>()?;
    took.sort_by(f64::total_cmp);
    let goal = (!smoke).then_some(GOAL_MS);
    let mut figure = Figure::lower(format!("{page}, p95"), "ms", percentile(&took, 0.95), goal);
    figure.notes = vec![
        format!("{} live and {} ended tasks, {} requests, one after the other", size.live, size.ended, size.asked),
        format!("p50 {:.1} ms", percentile(&took, 0.5)),
    ];
    Ok(figure)
}

/// Of tasks that pages are about.
struct Ids {
    dead: String,
    live: String,
}

async fn fill(place: &Place, size: Size) -> Result<Ids, String> {
    make_owner(&place.db()).await?;
    let settings = [("live", size.live), ("ended", size.ended), ("minutes", size.sampled_minutes)];
    place.fill(&settings, include_str!("queue.sql")).await?;
    // As autovacuum would have done meanwhile.
    place.fill(&[], "vacuum (analyze)").await?;
    place.fill(&[], "checkpoint").await?;
    let dead = "select id::text from jobs.task_history where status = 'dead' order by id desc limit 1";
    let live = "select id::text from jobs.tasks where run_at <= now() and status = 'pending' limit 1";
    Ok(Ids { dead: place.one(dead).await?, live: place.one(live).await? })
}
