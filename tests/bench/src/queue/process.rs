//! Starts the processes of a queue and reads what they tell.
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc;

use super::contestant::Contestant;
use crate::actor::gauge::Line;

/// A cell in which nothing moves for so long has failed.
const STALLED: Duration = Duration::from_secs(60);

/// Runs a process that ends by itself; answers the seconds that it measured, if it did.
pub async fn run(contestant: &Contestant, url: &str, part: &[&str]) -> Result<Option<f64>, String> {
    let what = || format!("{} {}", contestant.name, part.join(" "));
    let child = contestant.command(url, part).spawn().map_err(|error| format!("{}: {error}", what()))?;
    let output = child.wait_with_output().await.map_err(|error| format!("{}: {error}", what()))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", what(), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).find_map(|line| match line {
        Line::Took { seconds } => Some(seconds),
        _ => None,
    }))
}

/// How a crew works.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    /// How many processes.
    pub processes: usize,
    /// Tasks that each runs at a time.
    pub concurrency: usize,
    /// Without a backlog.
    pub sparse: bool,
    /// Handlers never end.
    pub hold: bool,
    /// The lease; nothing for the default.
    pub lease: Option<Duration>,
}

impl Default for Shift {
    fn default() -> Self {
        Self { processes: 1, concurrency: 100, sparse: false, hold: false, lease: None }
    }
}

impl Shift {
    fn part(&self) -> Vec<String> {
        let mut part = vec!["work".to_owned(), "--concurrency".to_owned(), self.concurrency.to_string()];
        part.extend(self.sparse.then(|| "--sparse".to_owned()));
        part.extend(self.hold.then(|| "--hold".to_owned()));
        if let Some(lease) = self.lease {
            part.extend(["--lease-ms".to_owned(), lease.as_millis().to_string()]);
        }
        part
    }
}

/// The worker processes of one cell.
#[derive(Debug)]
pub struct Crew {
    children: Vec<Child>,
    told: mpsc::UnboundedReceiver<(usize, Line)>,
    /// Handlers that ran, by process.
    counts: Vec<u64>,
    /// The same over time: nanoseconds since 1970, and all processes together.
    course: Vec<(u64, u64)>,
    waits: Vec<u64>,
}

impl Crew {
    /// Starts them and waits until all run.
    pub async fn start(contestant: &Contestant, url: &str, shift: Shift) -> Result<Self, String> {
        let (teller, told) = mpsc::unbounded_channel();
        let processes = shift.processes;
        let mut children = Vec::with_capacity(processes);
        let part = shift.part();
        let part: Vec<_> = part.iter().map(String::as_str).collect();
        for number in 0..processes {
            let mut child =
                contestant.command(url, &part).spawn().map_err(|error| format!("{}: {error}", contestant.name))?;
            let stdout = child.stdout.take().ok_or("a worker without stdout")?;
            let teller = teller.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(text)) = lines.next_line().await {
                    if let Ok(line) = serde_json::from_str(&text) {
                        let _ = teller.send((number, line));
                    }
                }
            });
            children.push(child);
        }
        let mut crew = Self { children, told, counts: vec![0; processes], course: Vec::new(), waits: Vec::new() };
        let mut ready = 0;
        while ready < processes {
            if let Line::Ready = crew.hear().await? {
                ready += 1;
            }
        }
        Ok(crew)
    }

    /// Waits until handlers have run `total` times.
    pub async fn until(&mut self, total: u64) -> Result<(), String> {
        while self.count() < total {
            self.hear().await?;
        }
        Ok(())
    }

    /// Takes what was told meanwhile; how often handlers have run.
    pub fn count_now(&mut self) -> u64 {
        while let Ok((number, line)) = self.told.try_recv() {
            self.take(number, &line);
        }
        self.count()
    }

    /// When handlers had run `count` times, in nanoseconds since 1970.
    pub fn when(&self, count: u64) -> u64 {
        let after = self.course.partition_point(|&(_, total)| total < count);
        let Some(&(until, reached)) = self.course.get(after) else {
            return self.course.last().map_or(0, |&(at, _)| at);
        };
        let Some(&(from, before)) = after.checked_sub(1).and_then(|index| self.course.get(index)) else {
            return until;
        };
        let share = (count - before) as f64 / (reached - before).max(1) as f64;
        from + (until.saturating_sub(from) as f64 * share) as u64
    }

    /// Ends the processes; the waits of the timed tasks, in nanoseconds.
    pub async fn stop(mut self) -> Result<Vec<u64>, String> {
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in &mut self.children {
            let ended = tokio::time::timeout(STALLED, child.wait()).await;
            ended.map_err(|_| "a worker does not end")?.map_err(|error| error.to_string())?;
        }
        while let Some((number, line)) = self.told.recv().await {
            self.take(number, &line);
        }
        Ok(self.waits)
    }

    /// Ends the processes as a power cut would: nothing is handed back.
    pub async fn kill(mut self) -> Result<(), String> {
        for child in &mut self.children {
            child.start_kill().map_err(|error| error.to_string())?;
        }
        for child in &mut self.children {
            child.wait().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn hear(&mut self) -> Result<Line, String> {
        let heard = tokio::time::timeout(STALLED, self.told.recv()).await;
        match heard {
            Ok(Some((number, line))) => {
                self.take(number, &line);
                Ok(line)
            }
            Ok(None) => Err("all workers have ended by themselves".to_owned()),
            Err(_) => Err(format!("nothing has run for {} s, after {} tasks", STALLED.as_secs(), self.count())),
        }
    }

    fn take(&mut self, number: usize, line: &Line) {
        match line {
            Line::Ran { count, at } => {
                self.counts[number] = *count;
                let last = self.course.last().map_or(0, |&(at, _)| at);
                // Two processes tell of moments a few milliseconds apart; the course goes forward only.
                self.course.push(((*at).max(last), self.counts.iter().sum()));
            }
            Line::Waits(waits) => self.waits.extend(waits),
            Line::Ready | Line::Took { .. } => {}
        }
    }

    fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
