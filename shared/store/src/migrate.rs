//! The schema: roles, database, migrations.
//!
//! These statements run before the schema exists, so they are not checked at compile time.
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use crate::Conn;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

pub(crate) use embedded::CHECKS;

/// The roles that services connect as, product S17.
pub const SERVICE_ROLES: [&str; 6] =
    ["mipo_manager", "mipo_ingest", "mipo_dispatcher", "mipo_backup", "mipo_restore", "mipo_ops_read"];

/// The role that owns the schemas and runs the migrations.
pub const OWNER_ROLE: &str = "mipo_owner";

/// Held while roles are made (in the database that the caller is connected to) and while migrations run.
const LOCK: i64 = 0x006d_6970_6f01;

/// One step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the line.
    pub number: u32,
    /// What it brings.
    pub name: &'static str,
    sql: &'static str,
}

impl Migration {
    /// SHA-256 of its text, hex.
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.as_bytes()))
    }
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration is not what it was when it was applied.
    #[error(
        "migration {number:04}_{name} was changed after it was applied to this database; landed migrations are frozen: \
         restore the file and put the change into a new one"
    )]
    Changed {
        /// Its number.
        number: u32,
        /// Its name.
        name: &'static str,
    },
    /// A migration was refused by the database.
    #[error("migration {number:04}_{name}: {source}")]
    Failed {
        /// Its number.
        number: u32,
        /// Its name.
        name: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// Anything else.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// One connection of its own, for work outside the services' pools.
pub async fn connect(url: &str) -> Result<Conn, MigrateError> {
    Ok(<Conn as sqlx::Connection>::connect(url).await?)
}

/// The server's version, such as `15.14`.
pub async fn server_version(conn: &mut Conn) -> Result<String, MigrateError> {
    let version: String =
        sqlx::query_scalar("select split_part(current_setting('server_version'), ' ', 1)").fetch_one(conn).await?;
    Ok(version)
}

/// All migrations of this build, in order.
pub fn all() -> Vec<Migration> {
    embedded::MIGRATIONS.iter().map(|&(number, name, sql)| Migration { number, name, sql }).collect()
}

/// Changes with any byte of the roles and migrations; names template databases of tests.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    hash.update(embedded::ROLES.as_bytes());
    for (number, name, sql) in embedded::MIGRATIONS {
        hash.update(format!("\0{number}\0{name}\0"));
        hash.update(sql.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Makes the roles of product S17 where they are missing. Advisory locks are per database: everyone who shares a
/// cluster calls this from the database `postgres`.
pub async fn ensure_roles(conn: &mut Conn) -> Result<(), MigrateError> {
    lock(conn).await?;
    let made = async {
        sqlx::raw_sql(embedded::ROLES).execute(&mut *conn).await?;
        // A role with CREATEROLE that is no superuser acts as the owner through membership.
        sqlx::raw_sql(
            "do $$ begin
               if not pg_has_role(current_user, 'mipo_owner', 'member') then
                 execute format('grant mipo_owner to %I', current_user);
               end if;
             end $$",
        )
        .execute(&mut *conn)
        .await
    }
    .await;
    unlock(conn).await?;
    made?;
    Ok(())
}

/// Makes the database `name`, owned by [`OWNER_ROLE`]; false when it was there.
pub async fn ensure_database(conn: &mut Conn, name: &str) -> Result<bool, MigrateError> {
    lock(conn).await?;
    let made = async {
        let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut *conn)
            .await?;
        if !there {
            let statement = format!("create database {} owner {OWNER_ROLE}", quote_name(name));
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
        }
        Ok(!there)
    }
    .await;
    unlock(conn).await?;
    made
}

/// What [`prepare`] made or changed, in words for whoever runs it.
pub type Prepared = Vec<String>;

/// On a cluster that knows nothing of mipo: makes the roles and the database `name`, and gives the database to
/// [`OWNER_ROLE`] where that role could not make schemas in it. Does nothing where the connection may not, because then
/// somebody else has prepared it. To be called on a connection to the database `postgres`.
pub async fn prepare(conn: &mut Conn, name: &str) -> Result<Prepared, MigrateError> {
    let may: bool = sqlx::query_scalar(
        "select rolsuper or (rolcreaterole and rolcreatedb) from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !may {
        return Ok(Vec::new());
    }
    let mut done = Vec::new();
    let known: i64 = sqlx::query_scalar("select count(*) from pg_roles where rolname = any ($1) or rolname = $2")
        .bind(SERVICE_ROLES.map(str::to_owned).to_vec())
        .bind(OWNER_ROLE)
        .fetch_one(&mut *conn)
        .await?;
    ensure_roles(conn).await?;
    if known < 7 {
        done.push("made the roles of mipo; give those that services connect as a password or a peer map".to_owned());
    }
    if ensure_database(conn, name).await? {
        done.push(format!("made the database {name}"));
    }
    let closed: bool = sqlx::query_scalar("select not has_database_privilege($1, $2, 'CREATE')")
        .bind(OWNER_ROLE)
        .bind(name)
        .fetch_one(&mut *conn)
        .await?;
    if closed {
        let statement = format!("alter database {} owner to {OWNER_ROLE}", quote_name(name));
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
        done.push(format!("gave the database {name} to {OWNER_ROLE}"));
    }
    Ok(done)
}

/// Sets the password of a role.
pub async fn set_password(conn: &mut Conn, role: &str, password: &str) -> Result<(), MigrateError> {
    let literal = password.replace('\'', "''");
    let statement = format!("alter role {} password '{literal}'", quote_name(role));
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    Ok(())
}

/// Applies what is missing, each migration in a transaction of its own, as [`OWNER_ROLE`]; answers what it applied.
/// Repeatable, and safe when several start at once.
pub async fn run(conn: &mut Conn) -> Result<Vec<Migration>, MigrateError> {
    let user: String = sqlx::query_scalar("select current_user::text").fetch_one(&mut *conn).await?;
    if user != OWNER_ROLE {
        sqlx::raw_sql("set role mipo_owner").execute(&mut *conn).await?;
    }
    lock(conn).await?;
    let applied = apply(conn).await;
    unlock(conn).await?;
    if user != OWNER_ROLE {
        sqlx::raw_sql("reset role").execute(&mut *conn).await?;
    }
    applied
}

/// What [`run`] would apply.
pub async fn pending(conn: &mut Conn) -> Result<Vec<Migration>, MigrateError> {
    let there: bool =
        sqlx::query_scalar("select to_regclass('public.schema_migrations') is not null").fetch_one(&mut *conn).await?;
    if !there {
        return Ok(all());
    }
    missing(conn).await
}

async fn apply(conn: &mut Conn) -> Result<Vec<Migration>, MigrateError> {
    sqlx::raw_sql(
        "set client_min_messages = warning;
         create table if not exists public.schema_migrations (
           number integer primary key,
           name text not null,
           checksum text not null,
           applied_at timestamptz not null default now()
         );
         grant select on public.schema_migrations to public;
         reset client_min_messages;",
    )
    .execute(&mut *conn)
    .await?;
    let missing = missing(conn).await?;
    for migration in &missing {
        step(conn, migration).await.map_err(|source| MigrateError::Failed {
            number: migration.number,
            name: migration.name,
            source,
        })?;
    }
    // Services look whether the schema is up to date; the migrations take away what schema public gives to everybody.
    sqlx::raw_sql(
        "grant usage on schema public to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup, mipo_ops_read",
    )
    .execute(&mut *conn)
    .await?;
    Ok(missing)
}

async fn missing(conn: &mut Conn) -> Result<Vec<Migration>, MigrateError> {
    let rows = sqlx::query("select number, checksum from public.schema_migrations").fetch_all(&mut *conn).await?;
    let mut missing = Vec::new();
    for migration in all() {
        let row = rows.iter().find(|row| row.get::<i32, _>("number").cast_unsigned() == migration.number);
        match row {
            None => missing.push(migration),
            Some(row) if row.get::<&str, _>("checksum") == migration.checksum() => {}
            Some(_) => return Err(MigrateError::Changed { number: migration.number, name: migration.name }),
        }
    }
    Ok(missing)
}

async fn step(conn: &mut Conn, migration: &Migration) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;

    let mut tx = conn.begin().await?;
    sqlx::raw_sql(migration.sql).execute(&mut *tx).await?;
    sqlx::query("insert into public.schema_migrations (number, name, checksum) values ($1, $2, $3)")
        .bind(migration.number.cast_signed())
        .bind(migration.name)
        .bind(migration.checksum())
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

async fn lock(conn: &mut Conn) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(conn).await?;
    Ok(())
}

async fn unlock(conn: &mut Conn) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_unlock($1)").bind(LOCK).execute(conn).await?;
    Ok(())
}

fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_migrations_has_no_number_twice() {
        let numbers: Vec<_> = all().iter().map(|migration| migration.number).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quote_name("a\"b"), "\"a\"\"b\"");
    }
}
