//! The local scanner: a child process that is enrolled like any other.
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mipo_runtime::Shutdown;
use tokio::process::{Child, Command};

use super::data_dir::DataDir;
use crate::Failure;

/// What the local scanner is called.
pub(crate) const NAME: &str = "local";

/// Between the end of a scanner that was not asked to stop and the next one.
const RESTART: Duration = Duration::from_secs(2);

/// How long a scanner may take to hand back its job.
const GRACE: Duration = Duration::from_secs(10);

/// How to run the scanner of this data directory.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    binary: PathBuf,
    server: String,
    folder: PathBuf,
}

impl Scanner {
    /// The scanner that works for `server`.
    pub(crate) fn new(data: &DataDir, binary: &Path, server: SocketAddr) -> Result<Self, Failure> {
        Ok(Self { binary: binary.to_owned(), server: format!("http://{server}"), folder: data.folder("scanner")? })
    }

    /// True when it has a key.
    pub(crate) fn is_enrolled(&self) -> bool {
        self.key_file().exists()
    }

    /// Exchanges a one-time token for a key, as on any other machine. The token goes by the environment: arguments
    /// can be read by every user of the machine.
    pub(crate) async fn enrol(&self, token: &str) -> Result<(), Failure> {
        let mut command = Command::new(&self.binary);
        command.arg("enrol").args(["--server", &self.server]).arg("--key-file").arg(self.key_file());
        command.env("MIPO_SCANNER_TOKEN", token).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("the local scanner could not enrol: {}", said.trim()).into())
    }

    /// Runs it until `asked`, again when it ends by itself. Polled by the main thread, so that the thread whose end
    /// would signal the child lives as long as mipo.
    pub(crate) async fn keep_running(&self, asked: &Shutdown) -> Result<(), Failure> {
        loop {
            let mut child = self.spawn()?;
            tokio::select! {
                ended = child.wait() => tracing::warn!(status = %ended?, "the local scanner ended; starting it again"),
                () = asked.stopping() => return stop(child, asked).await,
            }
            tokio::select! {
                () = tokio::time::sleep(RESTART) => {}
                () = asked.stopping() => return Ok(()),
            }
        }
    }

    fn spawn(&self) -> Result<Child, Failure> {
        let path = self.folder.join("scanner.log");
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        // A mipo that is killed takes its scanner with it, where the system has the tool for that.
        let setpriv = Path::new("/usr/bin/setpriv");
        let mut command = if setpriv.exists() {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM"]).arg(&self.binary);
            command
        } else {
            Command::new(&self.binary)
        };
        command.arg("run").arg("--key-file").arg(self.key_file()).arg("--spool-dir").arg(self.folder.join("spool"));
        command.args(["--server", &self.server, "--allow", "127.0.0.0/8", "--allow", "::1"]);
        // A group of its own: a Ctrl-C in the terminal is for mipo, which then stops the scanner first.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(command.spawn().map_err(|error| format!("{}: {error}", self.binary.display()))?)
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("key.json")
    }
}

async fn stop(mut child: Child, asked: &Shutdown) -> Result<(), Failure> {
    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        // It may have ended just now.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    tokio::select! {
        _ = tokio::time::timeout(GRACE, child.wait()) => {}
        () = asked.now_token().cancelled() => {}
    }
    // Ended by now, or ended here.
    let _ = child.kill().await;
    Ok(())
}
