//! A scan is asked for, held, let go and called off.
use mipo_app::scans::{self, AdHoc, StartScan, What};
use mipo_app::{AppError, Caller, Ctx};
use mipo_domain::ids::ScanId;
use mipo_store::Db;
use mipo_testkit::World;

const SCANNER: &str = "00000000-0000-7000-8000-000000000001";

struct Scans {
    world: World,
    manager: Db,
}

impl Scans {
    async fn new() -> Self {
        let world = World::new().await;
        let manager = world.db_as("mipo_manager");
        world
            .sql(&format!(
                "insert into config.scanners (id, name, status, last_heartbeat_at, created_by)
                 values ('{SCANNER}', 'berlin', 'active', now(), 'test')"
            ))
            .await;
        Self { world, manager }
    }

    async fn text(&self, sql: &str) -> String {
        self.world.text(sql).await
    }

    async fn start(&self, targets: &str, ports: &str) -> Result<ScanId, AppError> {
        let caller = Caller::cli();
        let ctx = Ctx { caller: &caller, clock: &self.world.clock, entropy: &self.world.entropy };
        let typed = AdHoc { targets: vec![targets.to_owned()], ports: ports.to_owned(), scanners: Vec::new() };
        let mut tx = self.manager.tx("test.start").await.expect("a transaction");
        let id = scans::start(&mut tx, &ctx, StartScan { what: What::AdHoc(typed), reason: String::new() }).await?;
        tx.commit().await.expect("commits");
        Ok(id)
    }

    async fn control(&self, id: ScanId, what: &str) -> Result<(), AppError> {
        let caller = Caller::cli();
        let ctx = Ctx { caller: &caller, clock: &self.world.clock, entropy: &self.world.entropy };
        let mut tx = self.manager.tx("test.control").await.expect("a transaction");
        match what {
            "pause" => scans::pause(&mut tx, &ctx, id, "lunch").await?,
            "resume" => scans::resume(&mut tx, &ctx, id, "").await?,
            _ => scans::cancel(&mut tx, &ctx, id, "not needed any more").await?,
        }
        tx.commit().await.expect("commits");
        Ok(())
    }
}

#[tokio::test]
async fn a_typed_scan_is_stored_with_its_task_its_wake_up_and_its_audit_row() {
    let world = Scans::new().await;
    let id = world.start("127.0.0.1, ::1", "22,80-90").await.expect("starts");
    let stored = "select s.status || ' ' || s.started_by || ' ' || t.name || ' ' || t.adhoc_targets::text || ' ' || t.adhoc_tcp_ports::text
                  from results.scans s join config.scan_templates t on t.id = s.template_id";
    assert_eq!(world.text(stored).await, "pending cli adhoc-1 {127.0.0.1,::1} {[22,23),[80,91)}");
    assert_eq!(
        world.text("select kind || ' ' || (payload -> 'ids' ->> 'scanId') from jobs.tasks").await,
        format!("plan_scan {id}")
    );
    assert_eq!(
        world.text("select string_agg(topic || ':' || entity_id, ' ' order by seq) from config.live_events").await,
        format!("scans:{id}")
    );
    assert_eq!(
        world.text("select action || ' ' || resource_type || ' ' || resource_id from config.audit_events").await,
        format!("started scan {id}")
    );
}

#[tokio::test]
async fn a_wrong_request_stores_nothing() {
    let world = Scans::new().await;
    let Err(AppError::Invalid(fields)) = world.start("10.0.0.1/24 nobody..", "0").await else { panic!("refused") };
    assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["targets", "targets", "ports"]);
    let count = "select (select count(*) from results.scans) || ' ' || (select count(*) from config.scan_templates)";
    assert_eq!(world.text(count).await, "0 0");
}

#[tokio::test]
async fn a_scan_is_paused_resumed_and_cancelled() {
    let world = Scans::new().await;
    let id = world.start("127.0.0.1", "22").await.expect("starts");
    let status = "select status from results.scans";
    world.control(id, "pause").await.expect("pauses");
    assert_eq!(world.text(status).await, "paused");
    assert!(matches!(world.control(id, "pause").await, Err(AppError::Conflict { code: "WRONG_STATUS", .. })));
    world.control(id, "resume").await.expect("resumes");
    assert_eq!(world.text(status).await, "pending");
    assert!(matches!(world.control(id, "resume").await, Err(AppError::Conflict { .. })));
    world.control(id, "cancel").await.expect("cancels");
    assert_eq!(world.text(status).await, "cancelling");
    assert!(matches!(world.control(id, "cancel").await, Err(AppError::Conflict { .. })));
    assert!(matches!(world.control(ScanId::from(999), "cancel").await, Err(AppError::NotFound("scan"))));
}
