//! `mipo migrate`
use std::process::ExitCode;

use mipo_store::migrate;

use crate::{Failure, database};

pub(crate) async fn run() -> Result<ExitCode, Failure> {
    let url = database::find()?;
    let name = url.database().unwrap_or(database::NAME).to_owned();
    // Roles are made from the database `postgres`. Who cannot connect there was given a prepared database.
    if let Ok(mut conn) = migrate::connect(url.with_database("postgres").expose()).await {
        for line in migrate::prepare(&mut conn, &name).await? {
            println!("{line}");
        }
    }
    let mut conn = migrate::connect(url.with_database(&name).expose()).await?;
    let applied = migrate::run(&mut conn).await?;
    for migration in &applied {
        println!("applied {:04}_{}", migration.number, migration.name);
    }
    if applied.is_empty() {
        println!("nothing to do: the schema is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
