//! What a person sees: one line a step, and one line that moves while a scan runs.
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Without a terminal a moving line would be thousands of lines; it is printed at this pace instead.
const PACE: Duration = Duration::from_secs(2);

/// Standard output of `mipo up`.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    moving: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    open_line: bool,
    last: Option<Instant>,
}

impl Terminal {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        let state = State { started: Instant::now(), open_line: false, last: None };
        Self { moving: io::stdout().is_terminal(), state: Arc::new(Mutex::new(state)) }
    }

    /// A step, with the seconds since the start.
    pub(crate) fn step(&self, text: &str) {
        let mut state = self.lock();
        Self::end_moving(&mut state);
        let seconds = state.started.elapsed().as_secs_f32();
        say(&format!("[{seconds:5.1} s] {text}\n"));
        state.last = None;
    }

    /// Plain text.
    pub(crate) fn text(&self, text: &str) {
        Self::end_moving(&mut self.lock());
        say(&format!("{text}\n"));
    }

    /// A line that replaces the one before it.
    pub(crate) fn moving(&self, text: &str) {
        let mut state = self.lock();
        let seconds = state.started.elapsed().as_secs_f32();
        if self.moving {
            say(&format!("\r\x1b[2K[{seconds:5.1} s] {text}"));
            state.open_line = true;
        } else if state.last.is_none_or(|last| last.elapsed() >= PACE) {
            say(&format!("[{seconds:5.1} s] {text}\n"));
            state.last = Some(Instant::now());
        }
    }

    fn end_moving(state: &mut State) {
        if state.open_line {
            say("\n");
            state.open_line = false;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A closed standard output is no reason to stop serving.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A table with a line under its head.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<_> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        format!("  {}", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut lines = vec![line(&head.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>())];
    lines.push(line(&widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>()));
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["22".to_owned(), "ssh".to_owned()], vec!["8080".to_owned(), String::new()]];
        assert_eq!(table(&["port", "name"], &rows), "  port  name\n  ----  ----\n  22    ssh\n  8080");
    }
}
