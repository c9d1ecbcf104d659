//! `mipo audit verify`
use std::process::ExitCode;

use mipo_app::{Caller, Ctx, audit};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use serde_json::json;

use crate::{Failure, database};

pub(crate) async fn verify(as_json: bool) -> Result<ExitCode, Failure> {
    let db = Db::lazy(database::find()?.expose(), 2, "mipo audit verify")?;
    let mut tx = db.read("audit.verify").await?;
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let verified = audit::verify(&mut tx, &ctx).await?;
    if as_json {
        let violations: Vec<_> = verified
            .violations
            .iter()
            .map(|wrong| json!({ "id": wrong.id, "kind": wrong.kind, "expected": wrong.expected, "actual": wrong.actual }))
            .collect();
        println!(
            "{}",
            json!({ "rowsChecked": verified.rows_checked, "violations": violations, "ok": verified.ok, "head": verified.head })
        );
    } else {
        for wrong in &verified.violations {
            println!("row {}: {}: expected {}, found {}", wrong.id, wrong.kind, wrong.expected, wrong.actual);
        }
        let word = if verified.ok { "unbroken" } else { "BROKEN" };
        println!("{} rows checked; the chain is {word}; head {}", verified.rows_checked, verified.head);
    }
    Ok(if verified.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
