//! The services of a local trial, in one process, each with its own role and configuration.
use std::net::SocketAddr;

use mipo_domain::sealing::Sealer;
use mipo_runtime::config::{Backup, Dispatcher, Ingest, Manager, Reader};
use mipo_runtime::shutdown::GRACE;
use mipo_runtime::{Shutdown, ops};
use mipo_store::Db;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::data_dir::{DataDir, random_hex};
use super::database::Database;
use super::front;
use super::release::Release;
use crate::Failure;
use crate::serve::serve;
use crate::services::{beat, readiness};

/// Running services.
pub(crate) struct Services {
    shutdown: Shutdown,
    running: JoinSet<Result<(), Failure>>,
    /// The manager's pool, for what `mipo up` itself does as an operator would.
    pub(crate) manager: Db,
    /// Where the ops listener is.
    pub(crate) ops: SocketAddr,
    /// The manager's configuration, for what is made by its use cases.
    pub(crate) config: Manager,
}

impl Services {
    /// Starts all of them behind `listener`.
    pub(crate) async fn start(
        data: &DataDir,
        database: &Database,
        release: &Release,
        listener: TcpListener,
    ) -> Result<Self, Failure> {
        let entropy = mipo_runtime::OsEntropy;
        let address = listener.local_addr()?;
        let backup_listener = TcpListener::bind("127.0.0.1:0").await?;
        let ops_listener = ops::bind(SocketAddr::from(([127, 0, 0, 1], ops::PORT)), true).await?;
        let ops = ops_listener.local_addr()?;
        let path = |path: std::path::PathBuf| path.display().to_string();
        let values = |role: &str| -> Result<Vec<(&'static str, String)>, Failure> {
            Ok(vec![
                ("DATABASE_URL", database.url(role)?.expose().to_owned()),
                ("MIPO_ENV", "development".to_owned()),
                ("PUBLIC_URL", format!("http://{address}")),
                ("LISTEN_ADDR", address.to_string()),
                ("OPS_LISTEN_ADDR", ops.to_string()),
                ("SECRETS_KEY_FILE", path(data.secret_file("secrets_key", || Sealer::generate_list(&entropy))?)),
                ("BACKUP_API_TOKEN_FILE", path(data.secret_file("backup_api_token", || random_hex(&entropy))?)),
                ("BACKUP_API_URL", format!("http://{}", backup_listener.local_addr()?)),
                ("BACKUP_DIR", path(data.folder("backups")?)),
                ("RELEASE_DIR", path(release.folder.clone())),
                ("RELEASE_PUBLIC_KEY", release.public_key.clone()),
            ])
        };
        let (manager, of_manager) = Manager::read(Reader::from_values(values("mipo_manager")?))?;
        let (ingest, of_ingest) = Ingest::read(Reader::from_values(values("mipo_ingest")?))?;
        let (dispatcher, of_dispatcher) = Dispatcher::read(Reader::from_values(values("mipo_dispatcher")?))?;
        let (backup, of_backup) = Backup::read(Reader::from_values(values("mipo_backup")?))?;
        data.note_configuration(&[
            ("manager", of_manager),
            ("ingest", of_ingest),
            ("dispatcher", of_dispatcher),
            ("backup", of_backup),
        ])?;
        let pool = |common: &mipo_runtime::config::Common, name: &'static str| {
            Db::lazy(common.database_url.expose(), common.db_pool_max, &format!("mipo {name}"))
        };
        let manager_db = pool(&manager.common, "manager")?;
        let ingest_db = pool(&ingest.common, "ingest")?;
        let dispatcher_db = pool(&dispatcher.common, "dispatcher")?;
        let backup_db = pool(&backup.common, "backup")?;

        let shutdown = Shutdown::manual();
        let mut running = JoinSet::new();
        for (name, db) in
            [("manager", &manager_db), ("ingest", &ingest_db), ("dispatcher", &dispatcher_db), ("backup", &backup_db)]
        {
            let (db, shutdown) = (db.clone(), shutdown.clone());
            running.spawn(async move {
                beat(name, db, shutdown).await;
                Ok(())
            });
        }
        let backup_router = mipo_backup::service::start(&backup, backup_db, &shutdown).await?;
        running.spawn(serve(backup_listener, backup_router, shutdown.clone()));
        let stop = shutdown.clone();
        running.spawn(async move { mipo_dispatcher::service::run(&dispatcher, dispatcher_db, &stop).await });
        let front = front::router(
            mipo_manager::service::start(&manager, manager_db.clone(), &shutdown).await?,
            mipo_ingest::service::start(&ingest, ingest_db, &shutdown).await?,
        );
        running.spawn(serve(listener, front, shutdown.clone()));
        let (ready, stop) = (readiness(&manager_db), shutdown.clone());
        // Not among the services: it answers until the last of them has ended.
        tokio::spawn(ops::serve(ops_listener, ready, stop));
        Ok(Self { shutdown, running, manager: manager_db, ops, config: manager })
    }

    /// Waits until a service fails; none ends by itself.
    pub(crate) async fn failure(&mut self) -> Failure {
        match self.running.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(panic)) => panic.into(),
            Some(Ok(Ok(()))) | None => "a service ended by itself; see the log".into(),
        }
    }

    /// Stops all of them: work is finished or handed back, then connections are closed.
    pub(crate) async fn stop(mut self, now: &Shutdown) {
        self.shutdown.stop();
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                if let Ok(Err(failure)) = ended {
                    tracing::warn!(%failure, "ended badly");
                }
            }
        };
        tokio::select! {
            // Longer than the queue drains, so that no task is cut off that would have ended. Idle services end at once.
            _ = tokio::time::timeout(GRACE, all) => {}
            () = now.now_token().cancelled() => {}
        }
        self.shutdown.stop_now();
        self.running.shutdown().await;
        self.manager.close().await;
    }
}
