//! Worker processes for the tests of faults: this test program starts itself again as one.
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mipo_domain::clock::Clock;
use mipo_queue::{Backoff, Driver, DriverConfig, HandlerError, Kind, NewTask, Outcome, TaskContext};
use mipo_testkit::{MockClock, SeededEntropy};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::support::{Place, work};

/// Writes its effect, and does what its payload says.
pub static FAULTY: Kind = Kind {
    name: "faulty",
    queue: "conclude",
    version: 1,
    attempts: 5,
    backoff: Backoff::Doubling { first: Duration::from_millis(50), max: Duration::from_millis(200) },
    deadline: Duration::from_secs(60),
    sealed: false,
};

/// The same in the next version of this program.
pub static FAULTY_NEXT: Kind = Kind { version: 2, ..FAULTY };

/// A kind that only the next version knows.
pub static ADDED: Kind = Kind { name: "added", ..FAULTY };

/// The version that the next one says it is; [`Worker::start`] starts `0.0.0`.
pub const NEXT: &str = "0.1.0";

/// A clock that is an hour off, in either direction by turns.
struct Jumping(std::sync::atomic::AtomicBool);

impl Clock for Jumping {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let ahead = self.0.fetch_xor(true, std::sync::atomic::Ordering::Relaxed);
        MockClock::default().now() + chrono::TimeDelta::hours(if ahead { 1 } else { -1 })
    }
}

/// Runs for ever when this program was started as a worker; passes at once otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let Ok(url) = std::env::var("MIPO_TEST_WORKER") else { return };
    let quick = std::env::var_os("MIPO_TEST_DEFAULT_LEASES").is_none();
    let pool = PgPool::connect(&url).await.expect("connects");
    let seed = u64::from(std::process::id());
    let is_next = std::env::var_os("MIPO_TEST_NEXT").is_some();
    let version = if is_next { NEXT } else { "0.0.0" };
    // The same name for all, as after a restart; only the start tells them apart.
    let mut config =
        DriverConfig::new("dispatcher", "same-name", version, &Jumping(false.into()), &SeededEntropy::new(seed))
            .slots("conclude", 4);
    if quick {
        config = config
            .leases(Duration::from_secs(2), Duration::from_millis(500), Duration::from_millis(300))
            .poll_every(Duration::from_secs(1));
    }
    let driver = Driver::start(&pool, config, CancellationToken::new());
    let handler = move |ids: Value, task: TaskContext| {
        let pool = pool.clone();
        async move { obey(&pool, &ids, &task).await }
    };
    if is_next {
        work!(driver, &FAULTY_NEXT, handler.clone());
        work!(driver, &ADDED, handler);
    } else {
        work!(driver, &FAULTY, handler);
    }
    std::future::pending::<()>().await;
}

async fn obey(pool: &PgPool, ids: &Value, task: &TaskContext) -> Result<Outcome, HandlerError> {
    let first = task.attempt() == 1;
    let what = ids["do"].as_str().unwrap_or_default();
    sqlx::query("insert into public.effects (task_id, attempt) values ($1, $2)")
        .bind(task.task_id().as_uuid())
        .bind(i32::try_from(task.attempt()).unwrap_or(0))
        .execute(pool)
        .await?;
    match what {
        "die" => die(),
        "die-once" if first => die(),
        "sleep-once" if first => tokio::time::sleep(Duration::from_secs(24)).await,
        "panic-once" => assert!(!first, "as asked"),
        "nap" => tokio::time::sleep(Duration::from_millis(20)).await,
        _ => {}
    }
    Ok(Outcome::Done)
}

/// As kill -9 does it.
fn die() -> ! {
    let _ = kill_process(rustix::process::getpid(), Signal::KILL);
    std::process::abort()
}

/// A worker process; killed when it is dropped.
pub struct Worker(Child);

impl Worker {
    pub fn start(place: &Place) -> Self {
        Self::with(place, &[])
    }

    pub fn with_default_leases(place: &Place) -> Self {
        Self::with(place, &[("MIPO_TEST_DEFAULT_LEASES", "1")])
    }

    /// The next version of this program, with default leases.
    pub fn next(place: &Place) -> Self {
        Self::with(place, &[("MIPO_TEST_DEFAULT_LEASES", "1"), ("MIPO_TEST_NEXT", "1")])
    }

    fn with(place: &Place, env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "processes::worker_process", "--nocapture"]);
        command.env("MIPO_TEST_WORKER", place.db.url_as("mipo_dispatcher")).envs(env.iter().copied());
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts"))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }

    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.0.wait().expect("it ends");
    }

    /// Waits until it has ended by itself, and starts another one.
    pub async fn again(&mut self, place: &Place) {
        while self.0.try_wait().expect("can be asked").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        *self = Self::start(place);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn task(what: &str) -> NewTask {
    NewTask::new(&FAULTY, json!({ "do": what }))
}
