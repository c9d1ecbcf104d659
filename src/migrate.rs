//! `mipo migrate`
use std::process::ExitCode;

use mipo_store::migrate;

use crate::{Failure, database};

pub(crate) async fn run() -> Result<ExitCode, Failure> {
    let mut conn = migrate::connect(database::find()?.expose()).await?;
    let applied = migrate::run(&mut conn).await?;
    for migration in &applied {
        println!("applied {:04}_{}", migration.number, migration.name);
    }
    if applied.is_empty() {
        println!("nothing to do: the schema is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
