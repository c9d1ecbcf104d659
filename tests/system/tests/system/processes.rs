//! Real processes.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A binary of this build: `target/debug/<name>`, two folders above the test's own program.
pub(crate) fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the test has a path");
    let path = own.parent().and_then(Path::parent).expect("target/debug/deps").join(name);
    assert!(path.is_file(), "{} is missing; build it first: cargo build --workspace --bins", path.display());
    path
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("bound").port()
}

/// A process that is killed when it is dropped. Its output goes to a file that is printed when a test fails.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command`.
    pub(crate) fn start(name: &str, folder: &Path, mut command: Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        // What the one before it said is not said by this one.
        let _ = std::fs::remove_file(&log);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, name: name.to_owned(), log }
    }

    /// Its pid.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and waits.
    pub(crate) fn interrupt(&mut self, within: Duration) -> std::process::ExitStatus {
        kill_process(self.pid(), Signal::INT).expect("it runs");
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(asked.elapsed() < within, "{} still runs {within:?} after it was asked to stop", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// True while it runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, or ended here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<_> = said.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("--- {} said last ---\n{tail}", self.name);
        }
    }
}

/// Waits until `there` gives something.
pub(crate) async fn until<T>(what: &str, within: Duration, mut there: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = there().await {
            return found;
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
