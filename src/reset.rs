//! `mipo reset --yes`: deletes the local trial.
use std::process::ExitCode;

use mipo_runtime::postgres::PrivatePostgres;

use crate::up::DataDir;
use crate::{Failure, database};

pub(crate) async fn run(yes: bool) -> Result<ExitCode, Failure> {
    let folder = database::data_dir();
    if !folder.exists() {
        println!("nothing to delete: {} does not exist", folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        eprintln!(
            "mipo: this deletes {} and the private PostgreSQL with every scan in it; to do it: mipo reset --yes",
            folder.display()
        );
        return Ok(ExitCode::from(2));
    }
    if !DataDir::is_one(&folder) {
        return Err(format!("{} was not made by `mipo up`; it is left alone", folder.display()).into());
    }
    DataDir::stop_running(&folder).await?;
    PrivatePostgres::delete(&folder)?;
    std::fs::remove_dir_all(&folder)?;
    println!("deleted {}", folder.display());
    Ok(ExitCode::SUCCESS)
}
