//! What an operator would do first, done by the same use cases: lift the loopback exclusions, add a scanner by its
//! one-time token, scan this machine, and create the owner.
use std::time::{Duration, Instant};

use mipo_app::passwords::Passwords;
use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::views::{self, scans as scan_views};
use mipo_app::{AppError, Caller, Ctx, exclusions, scanners, setup};
use mipo_domain::ids::ScanId;
use mipo_domain::port_names::usual_service;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use mipo_store::lists::Ask;
use mipo_store::results::findings::Narrow as AnyFinding;
use mipo_store::results::scan_views::{Narrow as AnyScan, ScanRow};

use super::scanner::{self, Scanner};
use super::settings::OwnerSettings;
use super::terminal::{Terminal, table};
use crate::Failure;

/// Why the first scan was asked for; a start that finds it unfinished follows it.
const REASON: &str = "first scan of the local trial";

/// What the first scan covers.
const TARGET: &str = "127.0.0.1";
const PORTS: &str = "1-65535";

/// How often progress is read.
const PACE: Duration = Duration::from_millis(250);

/// A first scan without progress for so long is not followed any more.
const STALLED: Duration = Duration::from_secs(45);

/// How long the local scanner may take to its first heartbeat.
const HEARTBEAT_WITHIN: Duration = Duration::from_secs(20);

/// Open ports printed; more are counted.
const ROWS: i64 = 40;

/// Acts as somebody with a shell on the host.
pub(crate) struct Operator {
    db: Db,
    caller: Caller,
}

impl Operator {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, caller: Caller::cli() }
    }

    fn ctx(&self) -> Ctx<'_> {
        Ctx { caller: &self.caller, clock: &SystemClock, entropy: &OsEntropy }
    }

    /// At the first start: the loopback exclusions off, and a scanner made and enrolled. A scanner whose key was lost
    /// gets a new token.
    pub(crate) async fn enrol(&self, scanner: &Scanner, terminal: &Terminal) -> Result<(), Failure> {
        let known = self.local_scanner().await?;
        if known.is_some() && scanner.is_enrolled() {
            return Ok(());
        }
        let mut tx = self.db.tx("up.enrol").await?;
        let enrolment = match known {
            Some(local) => scanners::regenerate_token(&mut tx, &self.ctx(), local.id, scanners::TOKEN_MINUTES).await?,
            None => {
                for name in ["loopback-v4", "loopback-v6"] {
                    let exclusion = exclusions::by_name(&mut tx, &self.ctx(), name).await?;
                    exclusions::set_enabled(&mut tx, &self.ctx(), exclusion.id, false, "local trial").await?;
                }
                let input = scanners::NewScanner {
                    name: scanner::NAME.to_owned(),
                    description: "Runs beside this trial and scans from this machine".to_owned(),
                    ..scanners::NewScanner::default()
                };
                scanners::create(&mut tx, &self.ctx(), input).await?
            }
        };
        tx.commit().await?;
        scanner.enrol(enrolment.token.reveal()).await?;
        terminal.step("local scanner enrolled by a one-time token");
        Ok(())
    }

    async fn local_scanner(&self) -> Result<Option<mipo_store::config::scanners::Scanner>, Failure> {
        let mut ask = Ask::first(1, "name");
        ask.filters.insert("name".to_owned(), scanner::NAME.to_owned());
        let mut tx = self.db.read("up.local_scanner").await?;
        let found = scanners::list(&mut tx, &self.ctx(), &ask).await?;
        Ok(found.items.into_iter().find(|found| found.name == scanner::NAME))
    }

    /// Scans this machine if nothing was ever scanned, and tells what is open.
    pub(crate) async fn first_scan(&self, terminal: &Terminal) -> Result<(), Failure> {
        let newest = self.newest().await?;
        let scan = match newest {
            Some(scan) if scan.has_ended() => return self.tell(&scan, terminal).await,
            Some(scan) if scan.reason == REASON => scan.id,
            Some(_) => return Ok(()),
            None => {
                self.wait_for_scanner(terminal).await?;
                self.start().await?
            }
        };
        terminal.step(&format!("scan #{scan} of {TARGET}, ports {PORTS}"));
        let mut moved = (0, Instant::now());
        loop {
            let row = self.scan(scan).await?;
            if row.has_ended() {
                return self.tell(&row, terminal).await;
            }
            // It may wait for hours; whoever let it wait needs the address to let it go on.
            if row.status == "paused" {
                terminal.step(&format!("scan #{scan} is paused; resume it on its page"));
                return Ok(());
            }
            if row.probes_attempted > moved.0 {
                moved = (row.probes_attempted, Instant::now());
            } else if moved.1.elapsed() >= STALLED {
                terminal.step(&format!("scan #{scan} waits; its page says for what"));
                return Ok(());
            }
            let mut tx = self.db.read("up.progress").await?;
            let open = views::findings::open_so_far(&mut tx, &self.ctx(), scan).await?;
            drop(tx);
            if row.probes_planned > 0 {
                let percent = row.probes_attempted * 100 / row.probes_planned;
                terminal.moving(&format!(
                    "scanning: {percent} % ({} of {} probes), {open} open so far",
                    row.probes_attempted, row.probes_planned
                ));
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn start(&self) -> Result<ScanId, Failure> {
        let typed = AdHoc {
            targets: vec![TARGET.to_owned()],
            ports: PORTS.to_owned(),
            scanners: vec![scanner::NAME.to_owned()],
        };
        let mut tx = self.db.tx("up.first_scan").await?;
        let input = StartScan { what: What::AdHoc(typed), reason: REASON.to_owned() };
        let id = scans::start(&mut tx, &self.ctx(), input).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn wait_for_scanner(&self, terminal: &Terminal) -> Result<(), Failure> {
        let waited = tokio::time::timeout(HEARTBEAT_WITHIN, async {
            loop {
                if self.local_scanner().await?.is_some_and(|local| local.status == "active") {
                    return Ok::<_, Failure>(());
                }
                tokio::time::sleep(PACE).await;
            }
        });
        match waited.await {
            Ok(active) => {
                active?;
                terminal.step("local scanner is active");
                Ok(())
            }
            Err(_) => {
                Err("the local scanner did not report within 20 s; see scanner/scanner.log in the data directory"
                    .into())
            }
        }
    }

    async fn newest(&self) -> Result<Option<ScanRow>, Failure> {
        let mut tx = self.db.read("up.newest_scan").await?;
        let (rows, _) =
            scan_views::list(&mut tx, &self.ctx(), &AnyScan::default(), &[("id".to_owned(), true)], 1, 0).await?;
        Ok(rows.into_iter().next())
    }

    async fn scan(&self, id: ScanId) -> Result<ScanRow, AppError> {
        let mut tx = self.db.read("up.scan").await?;
        scan_views::get(&mut tx, &self.ctx(), id).await
    }

    /// The table of what a scan found.
    async fn tell(&self, scan: &ScanRow, terminal: &Terminal) -> Result<(), Failure> {
        let mut tx = self.db.read("up.findings").await?;
        let sort = [("ip".to_owned(), false), ("port".to_owned(), false)];
        let (found, total) =
            views::findings::list(&mut tx, &self.ctx(), scan.id, &AnyFinding::default(), &sort, ROWS, 0).await?;
        drop(tx);
        let seconds = scan.completed_at.zip(scan.started_at).map_or(0, |(end, start)| (end - start).num_seconds());
        let why = scan.status_reason.as_deref().map_or(String::new(), |why| format!(" ({why})"));
        terminal.step(&format!("scan #{} {}{why} after {seconds} s: {total} open", scan.id, scan.status));
        let rows: Vec<_> = found
            .into_iter()
            .map(|finding| {
                let usual = u16::try_from(finding.port).ok().and_then(usual_service).unwrap_or_default();
                vec![finding.ip, format!("{}/{}", finding.port, finding.protocol), usual.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            terminal.text(&format!("\n{}", table(&["address", "open", "usually"], &rows)));
        }
        if total > ROWS {
            terminal.text(&format!("  … and {} more", total - ROWS));
        }
        Ok(())
    }

    /// Creates the owner that `MIPO_OWNER_*` names, or gives the path of the one-time setup link while there is none.
    pub(crate) async fn owner(&self, owner: &OwnerSettings, min_length: u32) -> Result<Option<String>, Failure> {
        if let Some(password) = &owner.password {
            let input = setup::NewOwner {
                username: &owner.username,
                email: owner.email.as_deref().unwrap_or_default(),
                password: password.expose(),
            };
            setup::ensure_owner(&self.db, &self.ctx(), &Passwords::new(&OsEntropy)?, min_length as usize, &input)
                .await
                .map_err(owner_refused)?;
            return Ok(None);
        }
        let mut tx = self.db.tx("up.setup_link").await?;
        let token = setup::issue_token(&mut tx, &self.ctx()).await?;
        tx.commit().await?;
        Ok(token.map(|token| setup::link_path(&token)))
    }
}

/// Names the variable instead of the field of a form.
fn owner_refused(error: AppError) -> Failure {
    let AppError::Invalid(fields) = error else { return error.into() };
    let lines = fields.iter().map(|field| {
        let name = format!("MIPO_OWNER_{}", field.field.to_ascii_uppercase());
        format!("{name}: {}", field.message)
    });
    lines.collect::<Vec<_>>().join("\n").into()
}
