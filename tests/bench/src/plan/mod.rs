//! Planning: the pure planner on huge and on scattered scopes, a plan through the database, and schedules by the
//! thousand that a real dispatcher starts.
mod memory;
mod schedules;
mod stored;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::exclusions::{Exclusion, Exclusions};
use mipo_domain::ids::ScannerId;
use mipo_domain::planner::{Limits, Plan, PlanInput, Refusal, ScannerInput, SourceInput, cut, plan};
use mipo_domain::ports::{PortSet, Ports};
use mipo_runtime::{OsEntropy, SystemClock};

use crate::figure::{Figure, median};
use crate::place::Place;

/// How much there is.
#[derive(Clone, Copy, Debug)]
struct Size {
    subnets: u32,
    exclusions: u32,
    schedules: u32,
    /// Schedules that a dispatcher starts within a minute.
    starting: u32,
}

impl Size {
    const FULL: Self = Self { subnets: 10_000, exclusions: 1_000, schedules: 500, starting: 10_000 };
    const SMOKE: Self = Self { subnets: 50, exclusions: 10, schedules: 5, starting: 20 };
}

/// Measures all of it; the median of so many rounds where a round is short.
pub fn measure(bin_dir: &Path, smoke: bool, rounds: usize) -> Result<Vec<Figure>, String> {
    let size = if smoke { Size::SMOKE } else { Size::FULL };
    let goal = |goal: f64| (!smoke).then_some(goal);
    let mut figures = Vec::new();
    for (name, text) in [("10.0.0.0/8 × 50 ports", "10.0.0.0/8"), ("2001:db8::/64 × 50 ports", "2001:db8::/64")] {
        let (ms, mib, what) = pure(&input(vec![source(text)?], &[]), rounds)?;
        let mut time = Figure::lower(format!("plan and cut of {name}"), "ms", ms, goal(50.0));
        time.notes.push(what);
        figures.push(time);
        figures.push(Figure::lower(format!("memory for {name}"), "MiB", mib, goal(20.0)));
    }
    let scattered = (0..size.subnets).map(|n| source(&subnet(n))).collect::<Result<Vec<_>, _>>()?;
    let excluded = (0..size.exclusions).map(exclusion).collect::<Result<Vec<_>, _>>()?;
    let (ms, _, what) = pure(&input(scattered, &excluded), rounds)?;
    let name = format!("plan and cut of {} subnets with {} exclusions", size.subnets, size.exclusions);
    let mut time = Figure::lower(name, "ms", ms, None);
    time.notes.push(what);
    figures.push(time);

    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let mut place = runtime.block_on(Place::start())?;
    let seconds = runtime.block_on(stored::plan(&place, size, rounds))?;
    let name = format!(
        "plan of {} subnets with {} exclusions beside {} schedules, read, signed and stored",
        size.subnets, size.exclusions, size.schedules
    );
    figures.push(Figure::lower(name, "s", seconds, goal(2.0)));
    figures.extend(schedules::late(&runtime, &mut place, bin_dir, size.starting, smoke)?);
    Ok(figures)
}

/// A /28 of its own, with a gap to the next.
fn subnet(number: u32) -> String {
    format!("10.{}.{}.{}/28", number / 2048, number / 8 % 256, number % 8 * 32)
}

/// A part of every tenth subnet; every second one on some ports alone.
fn exclusion(number: u32) -> Result<Exclusion, String> {
    let net = subnet(number * 10).replace("/28", "/30");
    let ports = if number.is_multiple_of(2) { PortSet::new() } else { PortSet::from_ranges([(22, 25)]) };
    Ok(Exclusion { cidr: net.parse().map_err(|error| format!("{net}: {error}"))?, ports })
}

fn source(text: &str) -> Result<SourceInput, String> {
    let range = IpRange::parse(text).map_err(|error| error.to_string())?;
    let addresses = IpSet::from_ranges([range]);
    Ok(SourceInput { label: format!("subnet {text}"), addresses, rate_limit: 0, scanners: BTreeSet::new() })
}

/// All of `sources` for one scanner.
fn input(mut sources: Vec<SourceInput>, exclusions: &[Exclusion]) -> PlanInput {
    let id = ScannerId::mint(&SystemClock, &OsEntropy);
    for source in &mut sources {
        source.scanners.insert(id);
    }
    let scanner = ScannerInput {
        id,
        name: "bench".to_owned(),
        rate_limit: 0,
        max_concurrent_jobs: 1,
        measured_pps: Some(10_000.0),
        unavailable: None,
    };
    PlanInput {
        sources,
        ports: Ports { tcp: PortSet::from_ranges([(1, 50)]), udp: PortSet::new() },
        port_rate_limit: 0,
        scanners: vec![scanner],
        exclusions: Exclusions::new(exclusions.to_vec()),
        max_target_ips: 16_777_216,
        max_probes: 1_000_000_000,
        fleet_max_pps_per_host: 200,
        exempt_loopback: false,
    }
}

/// Milliseconds (the median), MiB more than before at most, and what came of it.
fn pure(input: &PlanInput, rounds: usize) -> Result<(f64, f64, String), String> {
    let (mut times, mut peaks, mut what) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..rounds {
        let before = memory::reset_peak()?;
        let begun = Instant::now();
        let planned = plan(input);
        let jobs = planned.as_ref().map(|plan: &Plan| {
            plan.shares.iter().map(|share| cut(share, Some(10_000.0), Limits::default()).len()).sum::<usize>()
        });
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        peaks.push(memory::peak()?.saturating_sub(before) as f64 / 1024.0);
        what = match (jobs, &planned) {
            (Ok(jobs), _) => format!("{jobs} jobs"),
            (Err(Refusal::ScopeTooLarge { addresses, .. }), _) => format!("refused: {addresses} addresses"),
            (Err(other), _) => return Err(other.to_string()),
        };
    }
    Ok((median(times), median(peaks), what))
}
