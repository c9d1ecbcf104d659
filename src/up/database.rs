//! The database of a local trial: the private PostgreSQL, or the one that MIPO_DATABASE_URL names; roles with
//! passwords, schema.
use std::collections::BTreeMap;

use mipo_domain::entropy::Entropy;
use mipo_runtime::Shutdown;
use mipo_runtime::config::DatabaseUrl;
use mipo_runtime::postgres::{PostgresError, PrivatePostgres};
use mipo_store::migrate;

use super::data_dir::{DataDir, random_hex, write_private};
use super::terminal::Terminal;
use crate::Failure;
use crate::database::{NAME, NOTE};

/// A database that is ready for the services.
#[derive(Debug)]
pub(crate) struct Database {
    private: Option<PrivatePostgres>,
    urls: BTreeMap<&'static str, DatabaseUrl>,
}

impl Database {
    /// Starts it and brings it up to date.
    pub(crate) async fn start(
        data: &DataDir,
        external: Option<DatabaseUrl>,
        entropy: &dyn Entropy,
        terminal: &Terminal,
        asked: &Shutdown,
    ) -> Result<Self, Failure> {
        let note = data.path().join(NOTE);
        let (private, admin) = match external {
            Some(url) => {
                write_private(&note, url.with_database(NAME).expose())?;
                (None, url)
            }
            None => {
                // Of an earlier start on another server: commands beside this one would ask that server.
                if note.exists() {
                    std::fs::remove_file(&note)?;
                }
                let (path, told, asked) = (data.path().to_owned(), terminal.clone(), asked.clone());
                let started =
                    move || PrivatePostgres::start_unless(&path, &|text| told.step(text), &|| asked.is_stopping());
                let private = tokio::task::spawn_blocking(started).await??;
                let url = private.superuser_url("postgres").parse()?;
                (Some(private), url)
            }
        };
        let prepared = tokio::select! {
            prepared = Self::prepare(data, &admin, entropy, terminal) => prepared,
            () = asked.stopping() => Err(PostgresError::Stopped.into()),
        };
        match prepared {
            Ok(urls) => Ok(Self { private, urls }),
            Err(failure) => {
                if let Some(private) = private {
                    private.stop()?;
                }
                Err(failure)
            }
        }
    }

    async fn prepare(
        data: &DataDir,
        admin: &DatabaseUrl,
        entropy: &dyn Entropy,
        terminal: &Terminal,
    ) -> Result<BTreeMap<&'static str, DatabaseUrl>, Failure> {
        let mut conn = migrate::connect(admin.expose()).await?;
        migrate::ensure_roles(&mut conn).await?;
        let mut urls = BTreeMap::new();
        for role in migrate::SERVICE_ROLES {
            let password = data.secret(&format!("db_{role}"), || random_hex(entropy))?;
            migrate::set_password(&mut conn, role, password.expose()).await?;
            urls.insert(role, admin.with(NAME, role, Some(password.expose())));
        }
        migrate::ensure_database(&mut conn, NAME).await?;
        let mut conn = migrate::connect(admin.with_database(NAME).expose()).await?;
        let applied = migrate::run(&mut conn).await?;
        if !applied.is_empty() {
            terminal.step(&format!("schema brought up to date ({} migrations)", applied.len()));
        }
        Ok(urls)
    }

    /// The URL of a service role.
    pub(crate) fn url(&self, role: &str) -> Result<&DatabaseUrl, Failure> {
        self.urls.get(role).ok_or_else(|| format!("no such role: {role}").into())
    }

    /// Stops the private server.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        if let Some(private) = self.private {
            tokio::task::spawn_blocking(|| private.stop()).await??;
        }
        Ok(())
    }
}
