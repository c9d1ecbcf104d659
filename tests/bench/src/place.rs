//! A PostgreSQL with this build's schema and the services of this build, for areas that measure them from outside.
use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mipo_domain::sealing::Sealer;
use mipo_runtime::OsEntropy;
use mipo_runtime::config::DatabaseUrl;
use mipo_runtime::postgres::PrivatePostgres;
use mipo_store::{Db, migrate};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// All of it; it is stopped and deleted with this value.
#[derive(Debug)]
pub struct Place {
    services: Vec<(String, Child)>,
    postgres: Option<PrivatePostgres>,
    folder: TempDir,
    admin: DatabaseUrl,
    /// Of a superuser.
    pub pool: PgPool,
}

impl Place {
    /// The database, and nothing that works on it.
    pub async fn start() -> Result<Self, String> {
        // Beside the program: a temporary folder may lie in memory, where nothing is durable.
        let program = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
        let beside = program.parent().ok_or("the program lies in no folder")?;
        let folder = tempfile::Builder::new().prefix("place-").tempdir_in(beside);
        let folder = folder.map_err(|error| format!("{}: {error}", beside.display()))?;
        let postgres = PrivatePostgres::start(folder.path(), &|_| ()).map_err(|error| error.to_string())?;
        let server: DatabaseUrl = postgres.superuser_url("postgres").parse().map_err(text)?;
        let admin = server.with_database("mipo");
        migrated(&server, &admin).await.map_err(|error| error.to_string())?;
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(admin.expose()).map_err(|e| e.to_string())?;
        for (name, content) in [("secrets_key", Sealer::generate_list(&OsEntropy)), ("backup_token", SECRET.to_owned())]
        {
            std::fs::write(folder.path().join(name), content).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(Self { services: Vec::new(), postgres: Some(postgres), folder, admin, pool })
    }

    /// For use cases.
    pub fn db(&self) -> Db {
        Db::from_pool(self.pool.clone())
    }

    /// Runs statements, with settings of the name `bench.…` that they may read.
    pub async fn fill(&self, settings: &[(&str, u64)], statements: &str) -> Result<(), String> {
        let mut text = String::new();
        for (name, value) in settings {
            let _ = writeln!(text, "set bench.{name} = '{value}';");
        }
        text.push_str(statements);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&self.pool).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// What a query gives, as text.
    pub async fn one(&self, query: &str) -> Result<String, String> {
        let value = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await;
        value.map_err(|error| format!("{query}: {error}"))
    }

    /// Starts a service of the build in `bin_dir`; answers where it will listen.
    pub fn serve(&mut self, bin_dir: &Path, service: &str, more: &[(&str, &str)]) -> Result<String, String> {
        let program = bin_dir.join("mipo");
        let program = program.canonicalize().map_err(|error| {
            format!("{}: {error}: build it first, or name its folder with --bin-dir", program.display())
        })?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = format!("127.0.0.1:{}", port.map_err(|error| format!("a free port: {error}"))?.port());
        let name = format!("{service}-{}", self.services.len());
        let log = File::create(self.folder.path().join(format!("{name}.log"))).map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.arg(service).env_clear().current_dir(self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("DATABASE_URL", self.admin.with("mipo", &format!("mipo_{service}"), Some(SECRET)).expose());
        command.env("MIPO_ENV", "development").env("LISTEN_ADDR", &address).env("OPS_LISTEN_ADDR", "127.0.0.1:0");
        command.env("SECRETS_KEY_FILE", self.folder.path().join("secrets_key"));
        command.env("BACKUP_API_TOKEN_FILE", self.folder.path().join("backup_token")).envs(more.iter().copied());
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(|error| error.to_string())?).stderr(log);
        let child = command.spawn().map_err(|error| format!("mipo {service}: {error}"))?;
        self.services.push((name, child));
        Ok(format!("http://{address}"))
    }

    /// The last lines of every service, for whoever has to find out why something failed.
    pub fn said(&self) -> String {
        let last = |name: &str| {
            let text = std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            format!("--- {name}\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
        };
        self.services.iter().map(|(name, _)| last(name)).collect::<Vec<_>>().join("\n")
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The roles with one password, the database, the schema.
async fn migrated(server: &DatabaseUrl, admin: &DatabaseUrl) -> Result<(), migrate::MigrateError> {
    let mut conn = migrate::connect(server.expose()).await?;
    migrate::ensure_roles(&mut conn).await?;
    for role in migrate::SERVICE_ROLES {
        migrate::set_password(&mut conn, role, SECRET).await?;
    }
    migrate::ensure_database(&mut conn, "mipo").await?;
    let mut conn = migrate::connect(admin.expose()).await?;
    migrate::run(&mut conn).await?;
    Ok(())
}

impl Drop for Place {
    fn drop(&mut self) {
        for (_, service) in &mut self.services {
            let _ = service.kill();
            let _ = service.wait();
        }
        if let Some(postgres) = self.postgres.take() {
            let stopped = postgres.stop().and_then(|()| PrivatePostgres::delete(self.folder.path()));
            if let Err(error) = stopped {
                eprintln!("mipo-bench: the database of the bench stays in {}: {error}", self.folder.path().display());
            }
        }
    }
}
