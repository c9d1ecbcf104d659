//! `mipo owner reset`
use std::process::ExitCode;

use mipo_app::{Caller, Ctx, owner, setup};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;

use crate::{Failure, database, up};

pub(crate) async fn reset() -> Result<ExitCode, Failure> {
    let db = Db::lazy(database::find()?.expose(), 2, "mipo owner reset")?;
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("owner.reset").await?;
    let token = owner::reset_link(&mut tx, &ctx).await?;
    tx.commit().await?;
    println!("Open this link once within {} min to set the owner's password anew:", setup::TOKEN_MINUTES);
    println!("{}{}", address(), setup::link_path(&token));
    Ok(ExitCode::SUCCESS)
}

/// Where the manager is: what `PUBLIC_URL` says, or what `mipo up` noted.
fn address() -> String {
    let public = std::env::var("PUBLIC_URL").ok().filter(|url| !url.is_empty());
    public.or_else(|| up::DataDir::address(&database::data_dir())).unwrap_or_default().trim_end_matches('/').to_owned()
}
