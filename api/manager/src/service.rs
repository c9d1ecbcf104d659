//! Wires the manager: what `mipo manager` and `mipo up` start.
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use chrono::TimeDelta;
use mipo_app::passwords::Passwords;
use mipo_app::sessions::{self, Limits};
use mipo_app::{AppError, Caller, Ctx, audit, builtins, seeds, setup, template_summary, throttle};
use mipo_domain::sealing::Sealer;
use mipo_runtime::{OsEntropy, Shutdown, SystemClock, config};
use mipo_store::Db;

use crate::live::{Hub, Rates, sampler, stream};
use crate::state::{App, Parts};

/// How often expired counts and alarms are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// The audit chain is walked once a day.
const AUDIT_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a start waits before it tries again what the database could not do.
const START_RETRY: Duration = Duration::from_secs(2);

/// Why the manager does not start.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Seeds what every installation has, starts the background work, which ends with `shutdown`, and gives the router of
/// everything that the manager serves.
pub async fn start(config: &config::Manager, db: Db, shutdown: &Shutdown) -> Result<Router, StartError> {
    let app = app(config, db, shutdown)?;
    patiently(shutdown, "seeding what every installation has", || seed(&app)).await?;
    tokio::spawn(listen(app.clone()));
    tokio::spawn(keep_house(app.clone(), shutdown.clone()));
    Ok(crate::router(app))
}

/// The state of the handlers.
pub fn app(config: &config::Manager, db: Db, shutdown: &Shutdown) -> Result<App, StartError> {
    let sealer = Sealer::from_list(config.secrets_key.expose()).map_err(|error| format!("SECRETS_KEY {error}"))?;
    Ok(App::new(Parts {
        db,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        hub: Hub::new(&OsEntropy),
        rates: Rates::default(),
        check_every: stream::CHECK_EVERY,
        overviews: Default::default(),
        stop: shutdown.token().clone(),
        development: config.common.environment.is_development(),
        passwords: Passwords::new(&OsEntropy)?,
        password_min_length: config.password_min_length as usize,
        session_limits: Limits {
            idle: TimeDelta::minutes(config.session_idle_minutes.into()),
            absolute: TimeDelta::hours(config.session_absolute_hours.into()),
        },
        sealer,
        trusted_proxies: config.trusted_proxies.clone(),
        public_url: config.public_url.clone(),
        releases: config.release_public_key.is_some(),
        scan_limits: template_summary::Limits {
            target_ips: config.max_target_ips.into(),
            probes: config.max_probes_per_scan.into(),
        },
    }))
}

/// Roles, alarm rules, port lists and exclusions, as this version has them.
pub async fn seed(app: &App) -> Result<(), AppError> {
    let caller = Caller::system("manager");
    let ctx = app.ctx(&caller);
    let mut tx = app.db.tx("seeds.identity").await?;
    seeds::identity(&mut tx, &ctx).await?;
    tx.commit().await?;
    let mut tx = app.db.tx("seeds.builtins").await?;
    builtins::seed(&mut tx, &ctx).await?;
    tx.commit().await?;
    Ok(())
}

/// Does `work` again until the database neither fails nor refuses for a passing reason; gives up when `shutdown` begins.
async fn patiently<T, W: Future<Output = Result<T, AppError>>>(
    shutdown: &Shutdown,
    what: &str,
    work: impl Fn() -> W,
) -> Result<T, AppError> {
    loop {
        match work().await {
            Err(AppError::Store(error)) if error.is_transient() && !shutdown.is_stopping() => {
                tracing::warn!(%error, "{what} failed; it is tried again");
            }
            other => return other,
        }
        tokio::select! { () = shutdown.stopping() => {}, () = tokio::time::sleep(START_RETRY) => {} }
    }
}

/// The path of a fresh setup link, while there is no owner. Whoever starts mipo prints it with the address before it.
pub async fn setup_path(db: &Db, shutdown: &Shutdown) -> Result<Option<String>, AppError> {
    patiently(shutdown, "making the setup link", || issue_setup_path(db)).await
}

async fn issue_setup_path(db: &Db) -> Result<Option<String>, AppError> {
    let caller = Caller::system("manager");
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("setup.issue").await?;
    let token = setup::issue_token(&mut tx, &ctx).await?;
    tx.commit().await?;
    Ok(token.as_ref().map(setup::link_path))
}

async fn listen(app: App) {
    tokio::join!(app.hub.run(&app.db, &app.stop), sampler::run(&app.hub, &app.db, &app.stop));
}

async fn keep_house(app: App, shutdown: Shutdown) {
    let mut walked: Option<Instant> = None;
    while !shutdown.is_stopping() {
        if let Err(error) = tidy(&app).await {
            tracing::warn!(%error, "housekeeping failed; it is tried again");
        }
        // A walk that failed is due until one succeeds, whatever the rest of the housekeeping does.
        if walked.is_none_or(|at| at.elapsed() >= AUDIT_EVERY) {
            match walk_chain(&app).await {
                Ok(()) => walked = Some(Instant::now()),
                Err(error) => tracing::warn!(%error, "the audit chain was not walked; it is tried again"),
            }
        }
        tokio::select! { () = shutdown.stopping() => {}, () = tokio::time::sleep(HOUSEKEEPING) => {} }
    }
}

async fn tidy(app: &App) -> Result<(), AppError> {
    let caller = Caller::system("manager");
    let ctx = app.ctx(&caller);
    let mut tx = app.db.tx("manager.tidy").await?;
    throttle::sweep(&mut tx, &ctx).await?;
    sessions::sweep_spread(&mut tx, &ctx, app.session_limits).await?;
    tx.commit().await?;
    Ok(())
}

async fn walk_chain(app: &App) -> Result<(), AppError> {
    let caller = Caller::system("manager");
    let ctx = app.ctx(&caller);
    let mut read = app.db.read("audit.verify").await?;
    let verified = audit::verify(&mut read, &ctx).await?;
    drop(read);
    tracing::info!(head = %verified.head, rows = verified.rows_checked, ok = verified.ok, "audit chain walked");
    let mut tx = app.db.tx("audit.report").await?;
    audit::report(&mut tx, &ctx, &verified).await?;
    tx.commit().await?;
    Ok(())
}
