//! A plan as the dispatcher makes it: read, planned, cut, signed and stored.
use std::time::Instant;

use chrono::Duration;
use mipo_app::assignments::Assignment;
use mipo_app::planning::{self, Planned, Rules};
use mipo_app::scans::{self, StartScan, What};
use mipo_app::{Caller, Ctx, builtins, exclusions, scanners, seeds};
use mipo_app::{port_lists, subnets, templates};
use mipo_domain::clock::Clock as _;
use mipo_protocol::signature::SigningKey;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::{Conn, Db};

use super::{Size, exclusion, subnet};
use crate::figure::median;
use crate::place::Place;

/// The template of everything.
const NAME: &str = "everything";

/// Seconds of one plan, the median.
pub async fn plan(place: &Place, size: Size, rounds: usize) -> Result<f64, String> {
    let db = place.db();
    fill(&db, size).await?;
    // As autovacuum would have done meanwhile.
    place.fill(&[], "vacuum (analyze)").await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(once(&db).await?);
    }
    Ok(median(times))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn fill(db: &Db, size: Size) -> Result<(), String> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("bench.fill").await.map_err(text)?;
    seeds::identity(&mut tx, &ctx).await.map_err(text)?;
    builtins::seed(&mut tx, &ctx).await.map_err(text)?;
    let scanner = scanners::NewScanner { name: "bench".to_owned(), ..scanners::NewScanner::default() };
    let scanner = scanners::create(&mut tx, &ctx, scanner).await.map_err(text)?.scanner.id;
    let ports = port_lists::NewPortList { name: "some".to_owned(), ports: "1-50".to_owned(), ..Default::default() };
    let ports = port_lists::create(&mut tx, &ctx, ports).await.map_err(text)?.id;
    let mut ids = Vec::new();
    for number in 0..size.subnets {
        let subnet = subnets::NewSubnet {
            name: format!("subnet-{number}"),
            cidr: subnet(number),
            assignment: Assignment { scanners: vec![scanner.as_uuid()], groups: Vec::new() },
            ..subnets::NewSubnet::default()
        };
        ids.push(subnets::create(&mut tx, &ctx, subnet).await.map_err(text)?.id.as_uuid());
    }
    for number in 0..size.exclusions {
        let excluded = exclusion(number)?;
        let input = exclusions::NewExclusion {
            name: format!("exclusion-{number}"),
            cidr: excluded.cidr.to_string(),
            ports: excluded.ports.to_string(),
            reason: "bench".to_owned(),
            ..exclusions::NewExclusion::default()
        };
        exclusions::create(&mut tx, &ctx, input).await.map_err(text)?;
    }
    let sources = templates::Sources { subnets: ids, port_lists: vec![ports.as_uuid()], ..Default::default() };
    let template = templates::NewTemplate { name: NAME.to_owned(), sources, ..Default::default() };
    let template = templates::create(&mut tx, &ctx, template).await.map_err(text)?.id;
    super::schedules::make(&mut tx, &ctx, template.as_uuid(), "daily", size.schedules, &super::schedules::later())
        .await?;
    tx.commit().await.map_err(text)
}

async fn once(db: &Db) -> Result<f64, String> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("bench.request").await.map_err(text)?;
    let template = template_id(&mut tx).await?;
    let input = StartScan { what: What::Template(template), reason: "bench".to_owned() };
    let scan = scans::start(&mut tx, &ctx, input).await.map_err(text)?;
    tx.commit().await.map_err(text)?;
    let rules = Rules {
        max_target_ips: 16_777_216,
        max_probes_per_scan: 1_000_000_000,
        fleet_max_pps_per_host: 200,
        development: false,
        max_job_age: Duration::minutes(1440),
    };
    let key = SigningKey::from_seed(&[7; 32]);
    let begun = Instant::now();
    let mut tx = db.read("bench.load").await.map_err(text)?;
    let draft = planning::load(&mut tx, scan, SystemClock.now()).await.map_err(text)?;
    drop(tx);
    let draft = draft.ok_or("the scan needs no plan")?;
    let resolved = planning::resolve(draft.host_names()).await;
    let mut tx = db.tx("bench.write").await.map_err(text)?;
    let planned = planning::write(&mut tx, &ctx, &draft, &resolved, &rules, &key).await.map_err(text)?;
    tx.commit().await.map_err(text)?;
    let took = begun.elapsed().as_secs_f64();
    match planned {
        Planned::Jobs(jobs) if jobs > 0 => Ok(took),
        other => Err(format!("the plan gave {other:?}")),
    }
}

async fn template_id(conn: &mut Conn) -> Result<mipo_domain::ids::TemplateId, String> {
    let id = sqlx::query_scalar::<_, uuid::Uuid>("select id from config.scan_templates where name = $1");
    Ok(id.bind(NAME).fetch_one(conn).await.map_err(text)?.into())
}
