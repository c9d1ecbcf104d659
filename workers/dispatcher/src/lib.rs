//! Plans, fans out, stores results, reconciles, concludes.
//!
//! Any number of dispatchers may be started; one leads, by an advisory lock, and the others wait. The leader runs the
//! queue's workers ([`workers`]), the clock ([`crons`]), the schedules ([`schedules`]) and the passes that hold the state
//! of scans true ([`reconcile`]). Each of them is safe to repeat and safe beside another leader: what they write is fenced
//! by leases, keys and states in the database, and leadership only saves double work.
mod config;
mod crons;
mod keys;
mod tasks;
mod world;

pub mod reconcile;
pub mod schedules;
pub mod service;
pub mod workers;

use std::sync::Arc;
use std::time::Duration;

use mipo_queue::{Driver, DriverConfig};
use mipo_runtime::Shutdown;
use mipo_store::Db;
use mipo_store::leadership::Leadership;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use world::World;

/// The lock that the leader holds: `mipo` and the dispatcher's number.
const LEADER_KEY: i64 = 0x006d_6970_6f10;

/// How often a standby looks whether the leader is gone.
const STANDBY_LOOK: Duration = Duration::from_secs(2);

/// Runs a dispatcher until `shutdown`: waits to lead, leads, and hands back what it has not finished. A database that
/// is away is waited for.
pub async fn run(db: Db, config: Config, shutdown: Shutdown) {
    let world = Arc::new(World::new(db, config));
    let mut working: Option<Working> = None;
    while !shutdown.is_stopping() {
        let leadership = tokio::select! {
            () = shutdown.stopping() => break,
            acquired = Leadership::try_acquire(&world.db, LEADER_KEY) => acquired,
        };
        match leadership {
            Ok(Some(leadership)) => {
                tracing::info!("this dispatcher leads");
                // A short loss of the connection does not end the workers: what they hold is fenced by itself.
                if working.is_none() {
                    working = Some(Working::start(&world, &shutdown));
                }
                lead(&world, leadership, &shutdown).await;
                continue;
            }
            Ok(None) => {
                if let Some(working) = working.take() {
                    tracing::warn!("another dispatcher leads; handing back");
                    working.stop().await;
                }
            }
            Err(error) => tracing::warn!(%error, "cannot ask for leadership"),
        }
        tokio::select! {
            () = shutdown.stopping() => {}
            () = tokio::time::sleep(STANDBY_LOOK) => {}
        }
    }
    if let Some(working) = working {
        tokio::select! {
            () = working.stop() => {}
            () = shutdown.now_token().cancelled() => tracing::warn!("stopped before everything was handed back"),
        }
    }
}

/// Clock and passes, while the lock is held.
async fn lead(world: &Arc<World>, mut leadership: Leadership, shutdown: &Shutdown) {
    let term = shutdown.token().child_token();
    let clock = tokio::spawn(crons::run(Arc::clone(world), term.clone()));
    let passes = tokio::spawn(reconcile::run(Arc::clone(world), term.clone()));
    let bell = tokio::spawn(reconcile::listen(Arc::clone(world), term.clone()));
    let schedules = tokio::spawn(schedules::run(Arc::clone(world), term.clone()));
    tokio::select! {
        () = shutdown.stopping() => {}
        error = leadership.lost() => tracing::warn!(%error, "leadership is lost"),
    }
    term.cancel();
    let _ = tokio::join!(clock, passes, bell, schedules);
    if shutdown.is_stopping() {
        // The standby need not wait for our drain: tasks that still run here are fenced.
        let _ = tokio::time::timeout(Duration::from_secs(2), leadership.resign()).await;
    }
}

/// The queue's driver and its workers.
struct Working {
    driver: Driver,
    stop: CancellationToken,
    workers: tokio::task::JoinHandle<()>,
}

impl Working {
    fn start(world: &Arc<World>, shutdown: &Shutdown) -> Self {
        let stop = shutdown.token().child_token();
        let config = DriverConfig::new("dispatcher", &world.config.node, env!("CARGO_PKG_VERSION"), &**world, &**world);
        let driver = Driver::start(world.db.pool(), config, stop.clone());
        let monitor = workers::register(&driver, world);
        let workers = tokio::spawn(async move {
            if let Err(error) = monitor.run().await {
                tracing::error!(%error, "a queue worker ended");
            }
        });
        Self { driver, stop, workers }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.driver.ended().await;
        let _ = self.workers.await;
    }
}
