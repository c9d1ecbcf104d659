//! One line on the terminal: how far, how fast, how long yet.
use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

use super::Counts;

/// Time between two drawings.
const PERIOD: Duration = Duration::from_millis(100);
/// The rate is that of the last few seconds.
const LOOK_BACK: Duration = Duration::from_secs(5);
const WIDTH: usize = 24;

/// The line.
#[derive(Debug)]
pub struct Progress {
    drawn: Instant,
    samples: VecDeque<(Instant, u64)>,
}

impl Progress {
    /// Nothing drawn yet; a short scan shows nothing.
    pub fn new(now: Instant) -> Self {
        Self { drawn: now, samples: VecDeque::from([(now, 0)]) }
    }

    /// Draws, if it is time.
    pub fn draw(&mut self, now: Instant, counts: &Counts) {
        if now.duration_since(self.drawn) < PERIOD {
            return;
        }
        self.drawn = now;
        let done = counts.judged();
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && now.duration_since(self.samples[1].0) > LOOK_BACK {
            self.samples.pop_front();
        }
        let rate = self
            .samples
            .front()
            .map_or(0.0, |(then, before)| (done - before) as f64 / now.duration_since(*then).as_secs_f64().max(0.001));
        let line = line(counts, rate);
        // A terminal that cannot be written to loses only this line.
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

fn line(counts: &Counts, rate: f64) -> String {
    let (done, all) = (counts.judged(), counts.probes.max(1));
    let filled = (done * WIDTH as u64 / all) as usize;
    let left = counts.probes.saturating_sub(done);
    let eta = if rate < 1.0 { "–".to_owned() } else { clock(left as f64 / rate) };
    format!(
        "{}{} {:>3} %  {} / {}  {}/s  ETA {eta}  open {}",
        "█".repeat(filled),
        "░".repeat(WIDTH - filled),
        done * 100 / all,
        grouped(done),
        grouped(counts.probes),
        grouped(rate as u64),
        counts.open,
    )
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long() {
        let counts = Counts { probes: 65_535, closed: 32_000, open: 5, ..Counts::default() };
        let line = line(&counts, 1_000.0);
        assert!(line.contains("48 %  32,005 / 65,535  1,000/s  ETA 0:34  open 5"), "{line}");
        assert_eq!(clock(3_725.0), "1:02:05");
    }
}
