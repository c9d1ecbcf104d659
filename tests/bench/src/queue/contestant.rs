//! A queue that is measured: its program, and how to see in its tables that nothing is left.
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// A queue that is measured.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// As it is shown.
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<&'static str>,
    /// Counts the tasks that have not ended for good.
    pub left: &'static str,
    /// Counts those that are done, where the queue keeps them.
    pub done: Option<&'static str>,
}

/// A queue that is not mipo's.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its crate, as it is shown.
    pub name: &'static str,
    /// Its feature and program in `tests/bench/peers`.
    pub feature: &'static str,
    left: &'static str,
    done: Option<&'static str>,
}

const OUR_LEFT: &str = "select count(*) from jobs.tasks";
const OUR_DONE: &str = "select count(*) from jobs.task_history where status = 'done'";

/// By its own accounts: its view `awa.jobs` takes minutes for some ten thousand tasks.
const AWA_LEFT: &str =
    "select ((select coalesce(sum(awa.sequence_next_value(seq_name) - 1), 0) from awa.queue_enqueue_heads)
  - (select coalesce(sum(completed_count), 0) from awa.receipt_completion_batches)
  - (select count(*) from awa.done_entries where state = 'completed')
  - (select coalesce(sum(pruned_completed_count), 0) from awa.queue_terminal_rollups))::bigint";

/// All peers.
pub const PEERS: &[Peer] = &[
    Peer {
        name: "apalis-postgres",
        feature: "apalis",
        left: "select count(*) from apalis.jobs where status <> 'Done'",
        done: Some("select count(*) from apalis.jobs where status = 'Done'"),
    },
    // Deletes what is done.
    Peer {
        name: "graphile_worker",
        feature: "graphile",
        left: "select count(*) from graphile_worker._private_jobs",
        done: None,
    },
    // Truncates what is done within seconds, and counts it.
    Peer { name: "awa", feature: "awa", left: AWA_LEFT, done: None },
];

impl Contestant {
    /// mipo's queue.
    pub fn ours(program: &Path) -> Self {
        let arguments = vec![super::ACTOR, "ours"];
        Self { name: "ours", program: program.to_owned(), arguments, left: OUR_LEFT, done: Some(OUR_DONE) }
    }

    /// The limit.
    pub fn raw(program: &Path) -> Self {
        Self { name: "raw", arguments: vec![super::ACTOR, "raw"], ..Self::ours(program) }
    }

    /// A peer whose program lies in `folder`.
    pub fn peer(peer: Peer, folder: &Path) -> Self {
        let program = folder.join(format!("peer-{}", peer.feature));
        Self { name: peer.name, program, arguments: Vec::new(), left: peer.left, done: peer.done }
    }

    /// True for mipo's queue and its limit, without which there is nothing to compare.
    pub fn is_required(&self) -> bool {
        self.name == "ours" || self.name == "raw"
    }

    /// Its database.
    pub fn database(&self) -> String {
        format!("bench_{}", self.name.replace('-', "_"))
    }

    /// One of its processes on `url`.
    pub fn command(&self, url: &str, part: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["--url", url]).args(part);
        command.env_remove("DATABASE_URL").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    }
}
