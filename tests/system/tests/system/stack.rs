//! The services as separate processes over a private PostgreSQL with fsync on.
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::{Caller, Ctx, builtins, exclusions, scanners, seeds};
use mipo_domain::ids::ScanId;
use mipo_domain::sealing::Sealer;
use mipo_runtime::config::DatabaseUrl;
use mipo_runtime::postgres::PrivatePostgres;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::{Db, checks, migrate};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::processes::{Process, binary, free_port, until};

/// Everything but the manager, each as its own process under its own role.
pub(crate) struct Stack {
    folder: TempDir,
    postgres: Option<PrivatePostgres>,
    admin: DatabaseUrl,
    pub(crate) pool: PgPool,
    ingest_port: u16,
    pub(crate) ingest: Option<Process>,
    pub(crate) dispatcher: Option<Process>,
    pub(crate) scanner: Option<Process>,
}

const PASSWORD: &str = "0123456789abcdef";

impl Stack {
    /// Starts all of it, with one enrolled scanner that probes at most `rate` a second.
    pub(crate) async fn start(rate: i64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = PrivatePostgres::start(folder.path(), &|_| {}).expect("PostgreSQL starts");
        let server: DatabaseUrl = postgres.superuser_url("postgres").parse().expect("a URL");
        let mut conn = migrate::connect(server.expose()).await.expect("it answers");
        migrate::ensure_roles(&mut conn).await.expect("roles");
        for role in migrate::SERVICE_ROLES {
            migrate::set_password(&mut conn, role, PASSWORD).await.expect("a password");
        }
        migrate::ensure_database(&mut conn, "mipo").await.expect("a database");
        let admin = server.with_database("mipo");
        let mut conn = migrate::connect(admin.expose()).await.expect("it answers");
        migrate::run(&mut conn).await.expect("migrations");
        std::fs::write(folder.path().join("secrets_key"), Sealer::generate_list(&OsEntropy)).expect("writes");
        let options: sqlx::postgres::PgConnectOptions = admin.expose().parse().expect("a URL");
        let mut stack = Self {
            pool: PgPool::connect_lazy_with(options),
            folder,
            postgres: Some(postgres),
            admin,
            ingest_port: free_port(),
            ingest: None,
            dispatcher: None,
            scanner: None,
        };
        stack.start_ingest();
        stack.start_dispatcher();
        stack.enrol(rate).await;
        stack.start_scanner();
        stack
    }

    fn service(&self, name: &str) -> Command {
        let mut command = Command::new(binary("mipo"));
        let url = self.admin.with("mipo", &format!("mipo_{name}"), Some(PASSWORD));
        command.arg(name).env_clear().current_dir(self.folder.path());
        command.env("PATH", "/usr/bin:/bin").env("DATABASE_URL", url.expose()).env("MIPO_ENV", "development");
        command.env("OPS_LISTEN_ADDR", "127.0.0.1:0").env("LISTEN_ADDR", format!("127.0.0.1:{}", self.ingest_port));
        command.env("SECRETS_KEY_FILE", self.folder.path().join("secrets_key")).env("LOG_FORMAT", "pretty");
        command
    }

    pub(crate) fn start_ingest(&mut self) {
        self.ingest = Some(Process::start("ingest", self.folder.path(), self.service("ingest")));
    }

    pub(crate) fn start_dispatcher(&mut self) {
        self.dispatcher = Some(Process::start("dispatcher", self.folder.path(), self.service("dispatcher")));
    }

    fn scanner_command(&self, action: &str) -> Command {
        let mut command = Command::new(binary("mipo-scanner"));
        command.arg(action).args(["--server", &format!("http://127.0.0.1:{}", self.ingest_port)]);
        command.arg("--key-file").arg(self.folder.path().join("key.json"));
        command
    }

    pub(crate) fn start_scanner(&mut self) {
        let mut command = self.scanner_command("run");
        command.arg("--spool-dir").arg(self.folder.path().join("spool")).args(["--allow", "127.0.0.0/8"]);
        self.scanner = Some(Process::start("scanner", self.folder.path(), command));
    }

    async fn enrol(&self, rate: i64) {
        let (db, caller) = (Db::from_pool(self.pool.clone()), Caller::cli());
        let ctx = ctx(&caller);
        let mut tx = db.tx("test.enrol").await.expect("a transaction");
        seeds::identity(&mut tx, &ctx).await.expect("roles and rules");
        builtins::seed(&mut tx, &ctx).await.expect("built-in objects");
        let exclusion = exclusions::by_name(&mut tx, &ctx, "loopback-v4").await.expect("it is built in");
        exclusions::set_enabled(&mut tx, &ctx, exclusion.id, false, "system test").await.expect("it can be disabled");
        let input =
            scanners::NewScanner { name: "tested".to_owned(), rate_limit: rate, ..scanners::NewScanner::default() };
        let enrolment = scanners::create(&mut tx, &ctx, input).await.expect("a scanner");
        tx.commit().await.expect("committed");
        until("the scanner enrols", Duration::from_secs(30), async || {
            let mut command = self.scanner_command("enrol");
            let done = command.env("MIPO_SCANNER_TOKEN", enrolment.token.reveal()).output().expect("it runs");
            done.status.success().then_some(())
        })
        .await;
    }

    /// Starts a scan by the use case that the run page calls.
    pub(crate) async fn scan(&self, target: String, ports: &str) -> ScanId {
        let (db, caller) = (Db::from_pool(self.pool.clone()), Caller::cli());
        let typed = AdHoc { targets: vec![target], ports: ports.to_owned(), scanners: vec!["tested".to_owned()] };
        let mut tx = db.tx("test.scan").await.expect("a transaction");
        let input = StartScan { what: What::AdHoc(typed), reason: "system test".to_owned() };
        let id = scans::start(&mut tx, &ctx(&caller), input).await.expect("a scan");
        tx.commit().await.expect("committed");
        id
    }

    /// Pause, resume or cancel, by the use cases that its page calls.
    pub(crate) async fn control(&self, id: ScanId, what: &str) {
        let (db, caller) = (Db::from_pool(self.pool.clone()), Caller::cli());
        let ctx = ctx(&caller);
        let mut tx = db.tx("test.control").await.expect("a transaction");
        match what {
            "pause" => scans::pause(&mut tx, &ctx, id, "system test").await,
            "resume" => scans::resume(&mut tx, &ctx, id, "system test").await,
            _ => scans::cancel(&mut tx, &ctx, id, "system test").await,
        }
        .unwrap_or_else(|error| panic!("{what}: {error}"));
        tx.commit().await.expect("committed");
    }

    /// The one text that `sql` answers for the scan.
    pub(crate) async fn text(&self, id: ScanId, sql: &'static str) -> String {
        sqlx::query_scalar(sql)
            .bind(id.get())
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until the scan is under way: parts have been accepted, and it is far from done.
    pub(crate) async fn in_mid_scan(&self, id: ScanId) {
        until("the scan is under way", Duration::from_mins(1), async || {
            let sql = "select coalesce(sum(resume_index), 0)::bigint, coalesce(sum(probes_planned), 0)::bigint
                       from jobs.scan_jobs where scan_id = $1";
            let (accepted, planned): (i64, i64) =
                sqlx::query_as(sql).bind(id.get()).fetch_one(&self.pool).await.ok()?;
            assert!(accepted < planned || planned == 0, "the scan was over before the fault; lower the rate");
            (accepted > 0).then_some(())
        })
        .await;
    }

    /// Waits for the end and gives the status.
    pub(crate) async fn ended(&self, id: ScanId, within: Duration) -> String {
        until("the scan ends", within, async || {
            let sql = "select status from results.scans where id = $1 and completed_at is not null";
            sqlx::query_scalar(sql).bind(id.get()).fetch_optional(&self.pool).await.ok().flatten()
        })
        .await
    }

    /// True until the scan has ended.
    pub(crate) async fn open_scan(&self, id: ScanId) -> bool {
        let sql = "select completed_at is null from results.scans where id = $1";
        sqlx::query_scalar(sql).bind(id.get()).fetch_one(&self.pool).await.expect("the scan is there")
    }

    /// Deletes every task, running ones too; answers how many.
    pub(crate) async fn empty_queues(&self) -> u64 {
        sqlx::query("delete from jobs.tasks").execute(&self.pool).await.expect("deleted").rows_affected()
    }

    /// What the scan found open.
    pub(crate) async fn open(&self, id: ScanId) -> BTreeSet<(IpAddr, u16)> {
        let sql = "select host(ip), port from results.open_observations where scan_id = $1";
        let rows: Vec<(String, i32)> = sqlx::query_as(sql).bind(id.get()).fetch_all(&self.pool).await.expect("rows");
        rows.into_iter()
            .map(|(ip, port)| (ip.parse().expect("an address"), u16::try_from(port).expect("a port")))
            .collect()
    }

    /// `sql/checks` find nothing.
    pub(crate) async fn is_consistent(&self) {
        let mut conn = self.pool.acquire().await.expect("connects");
        assert_eq!(checks::run(&mut conn).await.expect("the checks run"), []);
    }

    /// Stops and starts the server; every connection breaks.
    pub(crate) fn restart_postgres(&mut self) {
        self.postgres.take().expect("it runs").stop().expect("it stops");
        self.postgres = Some(PrivatePostgres::start(self.folder.path(), &|_| {}).expect("it starts again"));
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for process in [self.scanner.take(), self.dispatcher.take(), self.ingest.take()].into_iter().flatten() {
            drop(process);
        }
        self.postgres = None;
        let folder: PathBuf = self.folder.path().to_owned();
        if let Err(error) = PrivatePostgres::delete(&folder) {
            eprintln!("{}: {error}", folder.display());
        }
    }
}

fn ctx(caller: &Caller) -> Ctx<'_> {
    Ctx { caller, clock: &SystemClock, entropy: &OsEntropy }
}
