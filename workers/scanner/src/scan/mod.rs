//! `mipo-scanner scan`: a scan from here, without a server.
pub mod output;
pub mod progress;
pub mod targets;
pub mod xml;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::permutation::Seed;
use mipo_domain::targets::IndexSpace;
use mipo_protocol::part::Verdict;

use crate::cli::ScanArgs;
use crate::engine::epoll::{Engine, Settings};
use crate::engine::window::Windows;
use crate::engine::{Control, Outcome, Step, Target, Work};
use crate::guard::read_list;
use crate::scan::output::Printer;
use crate::scan::progress::Progress;

/// What a scan found, in numbers. Probes is what was asked for: the sum of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Addresses × ports asked for.
    pub probes: u64,
    /// Ports that accept connections.
    pub open: u64,
    /// Ports that refuse them.
    pub closed: u64,
    /// Ports that are silent or forbidden.
    pub filtered: u64,
    /// Ports that this machine could not judge.
    pub error: u64,
    /// Ports on the deny list, or not reached before an interrupt.
    pub not_probed: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Open => self.open += 1,
            Verdict::Closed => self.closed += 1,
            Verdict::Filtered => self.filtered += 1,
            Verdict::Error => self.error += 1,
            Verdict::NotProbed => self.not_probed += 1,
        }
    }

    /// Probes that have their verdict.
    pub const fn judged(&self) -> u64 {
        self.open + self.closed + self.filtered + self.error
    }
}

/// The work of a stand-alone scan.
struct Sweep<'a> {
    space: &'a IndexSpace,
    denied: &'a IpSet,
    next: u64,
    counts: Counts,
    printer: Printer,
    progress: Option<Progress>,
    clock: &'a dyn Clock,
    failed: Option<std::io::Error>,
    control: &'a Control,
}

impl Sweep<'_> {
    /// A reader that went away, as `head` does, ends the scan.
    fn printed(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.failed = Some(error);
            self.control.stop();
        }
    }
}

impl Work for Sweep<'_> {
    fn next(&mut self) -> Step {
        let Some(probe) = self.space.probe_at(self.next) else { return Step::Done };
        let target = Target { index: self.next, ip: probe.ip, port: probe.port };
        self.next += 1;
        if self.denied.contains(target.ip) {
            self.dropped(target);
            return Step::Skipped;
        }
        Step::Probe(target)
    }

    fn is_wanted(&self, _: &Target) -> bool {
        true
    }

    fn dropped(&mut self, target: Target) {
        let result = self.printer.not_probed(target);
        self.printed(result);
    }

    fn judged(&mut self, outcome: Outcome) {
        self.counts.add(outcome.verdict);
        let at = self.clock.now();
        let result = self.printer.judged(&outcome, at);
        self.printed(result);
    }

    fn tick(&mut self, now: Instant) {
        if let Some(progress) = &mut self.progress {
            progress.draw(now, &self.counts);
        }
    }
}

/// Runs the scan.
pub fn run(args: &ScanArgs, clock: &dyn Clock, entropy: &dyn Entropy) -> ExitCode {
    match scan(args, clock, entropy) {
        Ok(code) => code,
        Err(Fault::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
        Err(Fault::Failed(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(1)
        }
    }
}

/// Why there was no scan.
#[derive(Debug)]
pub enum Fault {
    /// Wrong usage: exit code 2.
    Usage(String),
    /// Refused or failed: exit code 1.
    Failed(String),
}

fn scan(args: &ScanArgs, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<ExitCode, Fault> {
    let ports = targets::ports(&args.ports)?;
    let addresses = targets::addresses(&args.targets)?;
    let denied: IpSet = match &args.deny_file {
        Some(path) => read_list(path).map_err(Fault::Failed)?.into_iter().map(IpRange::from).collect(),
        None => IpSet::new(),
    };
    let space = targets::space(&addresses, &ports, Seed(mipo_domain::entropy::bytes(entropy)))?;
    let failed = |error: std::io::Error| Fault::Failed(error.to_string());

    let control = Arc::new(Control::default());
    control.set_pps(args.rate);
    stop_on_signals(&control).map_err(failed)?;
    let settings = Settings {
        windows: Arc::new(Windows::of_this_process(args.max_memory)),
        per_host_pps: args.host_rate,
        shared: None,
        votes: None,
    };
    let mut engine = Engine::new(settings).map_err(failed)?;
    let started_at = clock.now();
    let started = Instant::now();
    let mut sweep = Sweep {
        space: &space,
        denied: &denied,
        next: 0,
        counts: Counts { probes: space.count(), ..Counts::default() },
        printer: Printer::new(args, started_at).map_err(failed)?,
        progress: std::io::stderr().is_terminal().then(|| Progress::new(started)),
        clock,
        failed: None,
        control: &control,
    };
    let ended = engine.run(&mut sweep, &control).map_err(failed)?;

    let mut counts = sweep.counts;
    counts.not_probed = counts.probes - counts.judged();
    if let Some(progress) = &mut sweep.progress {
        progress.clear();
    }
    if let Some(error) = sweep.failed {
        // A closed pipe needs no words.
        let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        return if quiet { Ok(ExitCode::from(1)) } else { Err(failed(error)) };
    }
    let elapsed = started.elapsed();
    sweep.printer.finish(&counts, elapsed, clock.now()).map_err(failed)?;
    let stats = engine.stats();
    tracing::debug!(
        connects = stats.connects,
        retries = stats.retries,
        faults = stats.faults,
        late_wakeups = stats.late_wakeups,
        self_connects = stats.self_connects,
        "scan ended"
    );
    if ended == crate::engine::Ended::Stopped {
        return Err(Fault::Failed(format!("interrupted; {} ports were not probed", counts.not_probed)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The first signal ends the scan with what it has, the second at once.
fn stop_on_signals(control: &Arc<Control>) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])?;
    let control = Arc::clone(control);
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            if control.is_stopped() {
                let _ = writeln!(std::io::stderr());
                std::process::exit(1);
            }
            control.stop();
        }
    })?;
    Ok(())
}

/// Seconds as people read them.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}
