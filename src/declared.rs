//! `mipo apply` and `mipo export`: the scan configuration as one document in TOML.
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use mipo_app::declared::{self, Action, Document, Refused, Step};
use mipo_app::{AppError, Caller, Ctx};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use serde_json::Value;

use crate::{Failure, database};

/// What is written above an exported document.
const HEAD: &str = "# The scan configuration of mipo. `mipo apply --file FILE` makes it so: it shows the changes and asks first.\n\
                    # Objects are known by their names. Keys and tokens stand in no document.\n\n";

fn ctx(caller: &Caller) -> Ctx<'_> {
    Ctx { caller, clock: &SystemClock, entropy: &OsEntropy }
}

pub(crate) async fn export(output: Option<&Path>) -> Result<ExitCode, Failure> {
    let db = Db::lazy(database::find()?.expose(), 2, "mipo export")?;
    let caller = Caller::cli();
    let mut tx = db.read("declared.export").await?;
    let document = declared::export(&mut tx, &ctx(&caller)).await?;
    let text = format!("{HEAD}{}", toml::to_string_pretty(&document)?);
    match output {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?,
        None => print!("{text}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// How a document is applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) prune: bool,
    pub(crate) dry_run: bool,
    pub(crate) yes: bool,
}

pub(crate) async fn apply(file: &Path, how: How) -> Result<ExitCode, Failure> {
    let document: Document = toml::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    let db = Db::lazy(database::find()?.expose(), 2, "mipo apply")?;
    let caller = Caller::cli();
    // The plan is the document applied, and taken back: what it shows is what will happen, with every refusal.
    let mut tx = db.tx("declared.plan").await?;
    let steps =
        declared::apply(&mut tx, &ctx(&caller), &document, how.prune).await.map_err(|refused| said(&refused))?;
    drop(tx);
    if steps.is_empty() {
        println!("Nothing to do: everything is as {} says.", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", shown(&steps));
    if how.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !how.yes && !agreed(file)? {
        println!("Nothing was changed.");
        return Ok(ExitCode::FAILURE);
    }
    let mut tx = db.tx("declared.apply").await?;
    let done = declared::apply(&mut tx, &ctx(&caller), &document, how.prune).await.map_err(|refused| said(&refused))?;
    if done != steps {
        return Err(
            "the configuration was changed meanwhile, so the plan is another now; nothing was applied: run it \
                    again"
                .into(),
        );
    }
    tx.commit().await?;
    println!("Applied.");
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    Ok(std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Asks whoever sits there. Where nobody does, nothing is agreed to.
fn agreed(file: &Path) -> Result<bool, Failure> {
    if file == Path::new("-") || !std::io::stdin().is_terminal() {
        return Err("nobody is there to ask: add --yes to apply it, or --dry-run to only see the changes".into());
    }
    print!("Apply this? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The steps as people read them: `+` made, `~` changed, `-` deleted.
fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let sign = match step.action {
            Action::Create => '+',
            Action::Update => '~',
            Action::Delete => '-',
        };
        let _ = writeln!(text, "{sign} {} {}", step.kind, step.name);
        for (field, before, after) in &step.fields {
            let _ = match step.action {
                Action::Create => writeln!(text, "    {field}: {}", value(after)),
                Action::Update => writeln!(text, "    {field}: {} -> {}", value(before), value(after)),
                Action::Delete => Ok(()),
            };
        }
    }
    let count = |action: Action| steps.iter().filter(|step| step.action == action).count();
    let (made, changed, deleted) = (count(Action::Create), count(Action::Update), count(Action::Delete));
    let _ = writeln!(text, "{made} to make, {changed} to change, {deleted} to delete.");
    text
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.replace('\n', " "),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(self::value).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A refusal with the object and every field that is wrong.
fn said(refused: &Refused) -> String {
    let what = &refused.what;
    match &refused.error {
        AppError::Invalid(fields) => {
            let lines = fields.iter().map(|field| format!("{what}: {}: {}", field.field, field.message));
            lines.collect::<Vec<_>>().join("\n")
        }
        AppError::Refused { detail, .. } | AppError::Conflict { detail, .. } => format!("{what}: {detail}"),
        AppError::InUse(referrers) => {
            let names: Vec<_> = referrers.iter().map(|one| format!("{} {}", one.kind, one.name)).collect();
            format!("{what}: it cannot be deleted, because of {}", names.join(", "))
        }
        other => format!("{what}: {other}"),
    }
}
