//! What must outlive this process: parts that the server has not accepted, and the lease attempts seen.
//!
//! A folder a job: `memory.json`, which is kept until the signature expires so that no spec can be replayed, and a file
//! a part, holding the very bytes that are sent. A file appears whole or not at all, and only when it is on disk.
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mipo_domain::ids::ScanJobId;
use serde::{Deserialize, Serialize};

use super::keyfile::write_atomically;

/// A signature is good for at most 30 days (the highest `MAX_JOB_AGE_MINUTES`); a day more, because clocks differ.
const LONGEST_SIGNATURE_DAYS: i64 = 31;

/// The memory of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The highest lease attempt seen.
    pub lease_attempt: u32,
    /// The latest end of a signature seen.
    pub expires_at: DateTime<Utc>,
}

/// A part on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// Its first index.
    pub from: u64,
    /// The index after its last.
    pub to: u64,
    path: PathBuf,
}

impl Spooled {
    /// The bytes that are sent.
    pub fn read(&self) -> std::io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// It was accepted, or nobody wants it.
    pub fn remove(&self) -> std::io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The spool.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    /// Locked while this lives; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Spool {
    /// Opens it, and takes it for this process alone: two would send and delete each other's parts.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(std::io::Error::new(
                ErrorKind::ResourceBusy,
                "another scanner works with this spool; end it, or give this one its own --spool-dir",
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn folder(&self, job: ScanJobId) -> PathBuf {
        self.root.join(format!("job-{job}"))
    }

    fn memory_file(&self, job: ScanJobId) -> PathBuf {
        self.folder(job).join("memory.json")
    }

    /// What is remembered of a job. An unreadable memory counts as the highest attempt there is: better refused than
    /// replayed.
    pub fn memory(&self, job: ScanJobId) -> std::io::Result<Option<Memory>> {
        match std::fs::read(self.memory_file(job)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers a lease attempt; the latest expiry stays.
    pub fn remember(&self, job: ScanJobId, lease_attempt: u32, expires_at: DateTime<Utc>) -> std::io::Result<()> {
        let before = self.memory(job)?;
        let memory = Memory {
            lease_attempt: before.map_or(lease_attempt, |memory| memory.lease_attempt.max(lease_attempt)),
            expires_at: before.map_or(expires_at, |memory| memory.expires_at.max(expires_at)),
        };
        std::fs::create_dir_all(self.folder(job))?;
        std::fs::File::open(&self.root)?.sync_all()?;
        write_atomically(&self.memory_file(job), &serde_json::to_vec(&memory)?)
    }

    /// Puts a part on disk.
    pub fn store(&self, job: ScanJobId, from: u64, to: u64, bytes: &[u8]) -> std::io::Result<Spooled> {
        let folder = self.folder(job);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("part-{from:020}-{to:020}.json"));
        write_atomically(&path, bytes)?;
        Ok(Spooled { from, to, path })
    }

    /// The parts of a job, in order.
    pub fn parts(&self, job: ScanJobId) -> std::io::Result<Vec<Spooled>> {
        let mut parts = Vec::new();
        let entries = match std::fs::read_dir(self.folder(job)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(parts),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let range = name
                .strip_prefix("part-")
                .and_then(|rest| rest.strip_suffix(".json"))
                .and_then(|rest| rest.split_once('-'))
                .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
            if let Some((from, to)) = range {
                parts.push(Spooled { from, to, path });
            }
        }
        parts.sort_by_key(|part| (part.from, part.to));
        Ok(parts)
    }

    /// The contiguous parts that start at `resume_index`; all others of the job are deleted.
    pub fn chain(&self, job: ScanJobId, resume_index: u64) -> std::io::Result<Vec<Spooled>> {
        let mut chain: Vec<Spooled> = Vec::new();
        for part in self.parts(job)? {
            if part.from == chain.last().map_or(resume_index, |last| last.to) && part.to > part.from {
                chain.push(part);
            } else {
                part.remove()?;
            }
        }
        Ok(chain)
    }

    /// Deletes the parts of a job; what is remembered of it stays.
    pub fn clear(&self, job: ScanJobId) -> std::io::Result<()> {
        self.parts(job)?.iter().try_for_each(Spooled::remove)
    }

    fn remembered_at(&self, job: ScanJobId) -> std::io::Result<DateTime<Utc>> {
        Ok(std::fs::metadata(self.memory_file(job))?.modified()?.into())
    }

    /// Forgets the jobs whose signatures have expired.
    pub fn sweep(&self, now: DateTime<Utc>) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.root)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(job) = name.strip_prefix("job-").and_then(|id| id.parse::<ScanJobId>().ok()) else { continue };
            let expired = match self.memory(job) {
                // A while longer than the signature, because clocks differ.
                Ok(memory) => memory.is_none_or(|memory| memory.expires_at + chrono::Duration::hours(1) < now),
                // What cannot be read still keeps a spec from being run again, for as long as any may be good.
                Err(_) => self.remembered_at(job)? + chrono::Duration::days(LONGEST_SIGNATURE_DAYS) < now,
            };
            if expired {
                std::fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    #[test]
    fn a_chain_starts_at_the_resume_index_and_has_no_gap() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let job = ScanJobId::from(7);
        for (from, to) in [(0, 10), (10, 20), (20, 25), (30, 40)] {
            spool.store(job, from, to, format!("{from}").as_bytes()).unwrap();
        }
        let ranges = |parts: &[Spooled]| parts.iter().map(|part| (part.from, part.to)).collect::<Vec<_>>();
        let chain = spool.chain(job, 10).unwrap();
        assert_eq!(ranges(&chain), [(10, 20), (20, 25)]);
        assert_eq!(chain[1].read().unwrap(), b"20");
        assert_eq!(ranges(&spool.parts(job).unwrap()), [(10, 20), (20, 25)]);
        spool.clear(job).unwrap();
        assert!(spool.parts(job).unwrap().is_empty());
    }

    #[test]
    fn a_job_is_remembered_until_its_signature_has_expired() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let job = ScanJobId::from(9);
        spool.remember(job, 3, at(10_000)).unwrap();
        spool.remember(job, 2, at(9_000)).unwrap();
        let memory = Some(Memory { lease_attempt: 3, expires_at: at(10_000) });
        drop(spool);
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.memory(job).unwrap(), memory);
        spool.sweep(at(13_000)).unwrap();
        assert_eq!(spool.memory(job).unwrap(), memory);
        spool.sweep(at(14_000)).unwrap();
        assert_eq!(spool.memory(job).unwrap(), None);
    }

    #[test]
    fn an_unreadable_memory_stays_as_long_as_a_signature_can_be_good() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let job = ScanJobId::from(11);
        spool.remember(job, 1, at(0)).unwrap();
        std::fs::write(spool.memory_file(job), b"{").unwrap();
        let written = spool.remembered_at(job).unwrap();
        spool.sweep(written + chrono::Duration::days(30)).unwrap();
        assert!(spool.memory(job).is_err(), "better refused than replayed");
        spool.sweep(written + chrono::Duration::days(32)).unwrap();
        assert_eq!(spool.memory(job).unwrap(), None);
    }

    #[test]
    fn a_spool_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(Spool::open(folder.path()).unwrap_err().kind(), ErrorKind::ResourceBusy);
        drop(spool);
        Spool::open(folder.path()).unwrap();
    }
}
