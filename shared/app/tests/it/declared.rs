//! The configuration as a document: applied, written down, applied again.
use mipo_app::declared::{Action, Document, apply, export};
use mipo_app::{AppError, Caller, Ctx, builtins};
use mipo_store::{Db, Tx};
use mipo_testkit::{MockClock, SeededEntropy, TestDb};

const OFFICE: &str = r#"
[[scanners]]
name = "edge"
description = """
In the cellar
"""

[[scanner_groups]]
name = "inside"
members = ["EDGE"]

[[subnets]]
name = "office"
cidr = "10.0.0.0/24"
rate_limit = 500
scanner_groups = ["inside"]

[[subnet_groups]]
name = "sites"
members = ["office"]

[[fqdns]]
name = "shop"
hostname = "Shop.example"
allowed_cidrs = ["192.0.2.0/24"]
scanners = ["edge"]

[[fqdn_groups]]
name = "names"
members = ["shop"]

[[port_lists]]
name = "web"
ports = "443, 80,80/tcp"

[[port_list_groups]]
name = "ports"
members = ["web"]

[[scan_templates]]
name = "daily"
subnet_groups = ["sites"]
fqdn_groups = ["names"]
port_lists = ["top-100"]
port_list_groups = ["ports"]

[[scan_template_groups]]
name = "all"
members = ["daily"]

[[schedules]]
name = "nightly"
type = "daily"
hour = 3
template_groups = ["all"]

[[exclusions]]
name = "printers"
cidr = "10.0.0.64/28"
reason = "they print what they are sent"
enabled = false

[[blackouts]]
name = "mornings"
reason = "people work"
subnets = ["office"]
days = [1, 2, 3]
start = "08:00"
duration_minutes = 240
timezone = "Europe/Vienna"
"#;

struct World {
    db: TestDb,
    clock: MockClock,
    entropy: SeededEntropy,
}

impl World {
    async fn new() -> Self {
        let world =
            Self { db: mipo_testkit::database().await, clock: MockClock::default(), entropy: SeededEntropy::new(3) };
        let caller = Caller::cli();
        let mut tx = world.tx().await;
        builtins::seed(&mut tx, &world.ctx(&caller)).await.expect("built-ins");
        tx.commit().await.expect("commits");
        world
    }

    fn ctx<'a>(&'a self, caller: &'a Caller) -> Ctx<'a> {
        Ctx { caller, clock: &self.clock, entropy: &self.entropy }
    }

    async fn tx(&self) -> Tx {
        Db::from_pool(self.db.superuser_pool()).tx("test").await.expect("a transaction")
    }

    /// Applies and commits; what was done, a line a step, or what was refused.
    async fn apply(&self, text: &str, prune: bool) -> Result<Vec<String>, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        let caller = Caller::cli();
        let mut tx = self.tx().await;
        let steps =
            apply(&mut tx, &self.ctx(&caller), &document, prune).await.map_err(|refused| match refused.error {
                AppError::Invalid(fields) => format!("{}: {}", refused.what, fields[0].field),
                other => format!("{}: {other}", refused.what),
            })?;
        tx.commit().await.expect("commits");
        let line = |step: mipo_app::declared::Step| {
            let sign = match step.action {
                Action::Create => '+',
                Action::Update => '~',
                Action::Delete => '-',
            };
            let fields: Vec<_> = step.fields.iter().map(|(field, _, _)| field.as_str()).collect();
            let fields = if step.action == Action::Update { format!(" {}", fields.join(",")) } else { String::new() };
            format!("{sign} {} {}{fields}", step.kind, step.name)
        };
        Ok(steps.into_iter().map(line).collect())
    }

    async fn export(&self) -> String {
        let caller = Caller::cli();
        let mut tx = self.tx().await;
        let document = export(&mut tx, &self.ctx(&caller)).await.expect("written down");
        toml::to_string_pretty(&document).expect("TOML")
    }
}

#[tokio::test]
async fn a_document_is_made_so_and_a_round_trip_changes_nothing() {
    let world = World::new().await;
    let made = world.apply(OFFICE, false).await.expect("good");
    assert_eq!(
        made,
        [
            "+ scanner edge",
            "+ scanner group inside",
            "+ subnet office",
            "+ subnet group sites",
            "+ FQDN shop",
            "+ FQDN group names",
            "+ port list web",
            "+ port list group ports",
            "+ scan template daily",
            "+ scan template group all",
            "+ schedule nightly",
            "+ exclusion printers",
            "+ blackout window mornings"
        ]
    );
    assert_eq!(world.apply(OFFICE, true).await.expect("good"), Vec::<String>::new());
    let written = world.export().await;
    assert!(written.contains("ports = \"80,443\"") && !written.contains("loopback"), "{written}");
    assert_eq!(world.apply(&written, true).await.expect("good"), Vec::<String>::new());
    assert_eq!(world.export().await, written);

    // In an empty installation it makes the same.
    let other = World::new().await;
    other.apply(&written, false).await.expect("good");
    assert_eq!(other.export().await, written);
}

#[tokio::test]
async fn only_what_differs_is_changed_and_only_a_pruning_document_deletes() {
    let world = World::new().await;
    world.apply(OFFICE, false).await.expect("good");
    let changed = OFFICE.replace("rate_limit = 500", "rate_limit = 50").replace("enabled = false", "");
    let lines = world.apply(&changed, false).await.expect("good");
    assert_eq!(lines, ["~ subnet office rate_limit", "~ exclusion printers enabled"]);

    let without = &changed[..changed.find("[[schedules]]").expect("it is there")];
    assert_eq!(world.apply(without, false).await.expect("good"), Vec::<String>::new());
    assert_eq!(
        world.apply(without, true).await.expect("good"),
        ["- blackout window mornings", "- exclusion printers", "- schedule nightly"]
    );
    assert_eq!(
        world.apply("", true).await.expect("good"),
        [
            "- scan template group all",
            "- scan template daily",
            "- port list group ports",
            "- port list web",
            "- FQDN group names",
            "- FQDN shop",
            "- subnet group sites",
            "- subnet office",
            "- scanner group inside",
            "- scanner edge"
        ]
    );
    assert_eq!(world.export().await, "");
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_of_it_is_stored() {
    let world = World::new().await;
    for (from, to, wrong) in [
        ("10.0.0.0/24", "10.0.0.1/24", "subnet office: cidr"),
        ("\"443, 80,80/tcp\"", "\"70000\"", "port list web: ports[0]"),
        ("subnet_groups = [\"sites\"]", "subnets = [\"home\"]", "scan template daily: subnets[0]"),
        ("hour = 3", "hour = 24", "schedule nightly: hour"),
        ("name = \"printers\"", "name = \"loopback-v4\"", "exclusion loopback-v4: refused: BUILT_IN"),
        ("hour = 3", "our = 3", "unknown field `our`"),
        (
            "[[port_lists]]",
            "[[subnets]]\nname = \"OFFICE\"\ncidr = \"10.0.1.0/24\"\n\n[[port_lists]]",
            "subnet OFFICE: name",
        ),
    ] {
        let refused = world.apply(&OFFICE.replacen(from, to, 1), false).await.expect_err(to);
        assert!(refused.contains(wrong), "{to}: {refused}");
        assert_eq!(world.export().await, "", "{to}");
    }
}
