//! Two ingest nodes and a dispatcher under a fleet of scripted scanners: real HTTP, real jobs, nothing probed.
mod fleet;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::{Caller, Ctx, builtins, scanners, seeds};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;

use crate::figure::{Figure, percentile};
use crate::place::Place;
use fleet::{Call, Fleet};

/// How much there is.
#[derive(Clone, Copy, Debug)]
struct Size {
    scanners: usize,
    /// Scanners of one scan; one scan begins each second.
    scanners_a_scan: usize,
    seconds: u64,
}

impl Size {
    const FULL: Self = Self { scanners: 2_000, scanners_a_scan: 30, seconds: 600 };
    const SMOKE: Self = Self { scanners: 20, scanners_a_scan: 5, seconds: 4 };
}

/// The fleet calls from one address; in life each scanner has its own.
const SETTINGS: [(&str, &str); 1] = [("UNAUTH_CALLS_PER_MINUTE", "1000000")];

/// A job reaches a scanner that waits within this time at the 99th percentile.
const GOAL_MS: f64 = 250.0;

/// For the last jobs to be finished.
const REST: Duration = Duration::from_secs(30);

/// Lets the fleet work, and tells how soon jobs reached it and how long its calls took.
pub fn measure(bin_dir: &Path, smoke: bool) -> Result<Vec<Figure>, String> {
    let size = if smoke { Size::SMOKE } else { Size::FULL };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let mut place = runtime.block_on(Place::start())?;
    let nodes = [place.serve(bin_dir, "ingest", &SETTINGS)?, place.serve(bin_dir, "ingest", &SETTINGS)?];
    place.serve(bin_dir, "dispatcher", &[])?;
    let measured = runtime.block_on(run(&place, nodes, size, smoke));
    measured.map_err(|reason| format!("{reason}\n{}", place.said()))
}

async fn run(place: &Place, nodes: [String; 2], size: Size, smoke: bool) -> Result<Vec<Figure>, String> {
    let say = |what: &str| {
        if !smoke {
            eprintln!("mipo-bench: {what}");
        }
    };
    say(&format!("enrolling {} scanners", size.scanners));
    let tokens = scanners_of(&place.db(), size.scanners).await.map_err(|error| error.to_string())?;
    let names: Vec<_> = (0..size.scanners).map(name_of).collect();
    let fleet = Arc::new(Fleet::default());
    let enrolled = Arc::clone(&fleet);
    let threads = tokio::task::spawn_blocking(move || fleet::enlist(&enrolled, &nodes, tokens)).await;
    let threads = threads.map_err(|error| error.to_string())??;
    say(&format!("{} s of work", size.seconds));
    fleet.measure_from_now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for second in 0..size.seconds {
        ticks.tick().await;
        let begin = usize::try_from(second).unwrap_or_default() * size.scanners_a_scan;
        let chosen = (begin..begin + size.scanners_a_scan).map(|n| names[n % names.len()].clone()).collect();
        start_scan(&place.db(), second, chosen).await.map_err(|error| error.to_string())?;
    }
    let jobs = u64::try_from(size.scanners_a_scan).unwrap_or_default() * size.seconds;
    let until = tokio::time::Instant::now() + REST;
    while fleet.completed() < jobs && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    fleet.stop();
    tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())))
        .await
        .map_err(|e| e.to_string())?;
    if fleet.completed() < jobs {
        return Err(format!("{} of {jobs} jobs were completed; {:?}", fleet.completed(), fleet.errors()));
    }
    figures(place, &fleet, size, smoke).await
}

async fn figures(place: &Place, fleet: &Fleet, size: Size, smoke: bool) -> Result<Vec<Figure>, String> {
    let goal = |goal: f64| (!smoke).then_some(goal);
    let created = "select id, (extract(epoch from created_at) * 1e9)::bigint from jobs.scan_jobs";
    let created: Vec<(i64, i64)> = sqlx::query_as(created).fetch_all(&place.pool).await.map_err(|e| e.to_string())?;
    let created: BTreeMap<_, _> = created.into_iter().collect();
    let mut waits: Vec<_> = fleet
        .delivered()
        .into_iter()
        .filter_map(|(job, at)| Some((at as i64 - created.get(&job)?) as f64 / 1e6))
        .collect();
    waits.sort_by(f64::total_cmp);
    let errors = fleet.errors();
    let mut figures = vec![
        Figure::lower("errors", "calls", errors.len() as f64, goal(0.0)),
        Figure::lower(
            "job, from the planner's transaction to the waiting scanner, p50",
            "ms",
            percentile(&waits, 0.5),
            None,
        ),
        Figure::lower(
            "job, from the planner's transaction to the waiting scanner, p99",
            "ms",
            percentile(&waits, 0.99),
            goal(GOAL_MS),
        ),
    ];
    for (call, took) in fleet.took() {
        figures.push(Figure::lower(
            format!("{call}, p99 of {} calls", took.len()),
            "ms",
            percentile(&took, 0.99),
            None,
        ));
    }
    let setting = format!(
        "{} scanners on 2 ingest nodes, {} jobs a second, {} s; database, services and fleet share the machine",
        size.scanners, size.scanners_a_scan, size.seconds
    );
    for figure in &mut figures {
        figure.notes.push(setting.clone());
        figure.notes.extend(errors.iter().take(3).cloned());
    }
    Ok(figures)
}

fn name_of(number: usize) -> String {
    format!("scanner-{number}")
}

/// Makes the scanners; answers their one-time tokens.
async fn scanners_of(db: &Db, count: usize) -> Result<Vec<String>, mipo_app::AppError> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("bench.seed").await?;
    seeds::identity(&mut tx, &ctx).await?;
    builtins::seed(&mut tx, &ctx).await?;
    let mut tokens = Vec::with_capacity(count);
    for number in 0..count {
        let input =
            scanners::NewScanner { name: name_of(number), token_minutes: 24 * 60, ..scanners::NewScanner::default() };
        tokens.push(scanners::create(&mut tx, &ctx, input).await?.token.reveal().to_owned());
    }
    tx.commit().await?;
    Ok(tokens)
}

/// One address, three ports, on all of `scanners`: one job each.
async fn start_scan(db: &Db, number: u64, scanners: Vec<String>) -> Result<(), mipo_app::AppError> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let typed = AdHoc {
        targets: vec![format!("10.7.{}.{}", number / 250 % 250, 1 + number % 250)],
        ports: "22,80,443".to_owned(),
        scanners,
    };
    let mut tx = db.tx("bench.scan").await?;
    scans::start(&mut tx, &ctx, StartScan { what: What::AdHoc(typed), reason: "bench".to_owned() }).await?;
    Ok(tx.commit().await?)
}

impl Call {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Start => "start",
            Self::Progress => "progress",
            Self::Results => "results",
            Self::Complete => "complete",
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
