//! The commands that scripts rely on, as programs: what they print and how they end.
use std::path::Path;
use std::process::{Command, Output};

use mipo_runtime::postgres::PrivatePostgres;
use tempfile::TempDir;

use crate::processes::binary;

/// A private cluster that knows nothing of mipo; deleted with it.
struct Cluster {
    folder: TempDir,
    postgres: PrivatePostgres,
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = PrivatePostgres::start(folder.path(), &|_| {}).expect("PostgreSQL starts");
        Self { folder, postgres }
    }

    /// A `mipo` that finds this cluster by `DATABASE_URL`.
    fn mipo(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("mipo"));
        command.args(arguments).env("DATABASE_URL", self.postgres.superuser_url("mipo"));
        command.current_dir(self.folder.path()).output().expect("it runs")
    }

    fn sql(&self, sql: &str) -> String {
        let url = self.postgres.superuser_url("mipo");
        let output = Command::new("psql").args([&url, "-XAtc", sql]).output().expect("psql is there");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = PrivatePostgres::delete(self.folder.path()) {
            eprintln!("{}: {error}", self.folder.path().display());
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn versions_name_the_program_the_version_and_the_commit() {
    for name in ["mipo", "mipo-scanner"] {
        let output = Command::new(binary(name)).arg("--version").output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{name}");
        let line = text(&output.stdout);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..2], [name, env!("CARGO_PKG_VERSION")], "{line}");
        assert_eq!(words.len(), 3, "{line}");
        let wrong = Command::new(binary(name)).arg("--nonsense").output().expect("it runs");
        assert_eq!(wrong.status.code(), Some(2), "wrong usage of {name}");
    }
}

#[test]
fn a_fresh_cluster_is_migrated_and_the_owner_gets_a_link() {
    let cluster = Cluster::start();
    let output = cluster.mipo(&["migrate"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = text(&output.stdout);
    assert!(told.contains("made the roles") && told.contains("made the database mipo"), "{told}");
    assert!(told.contains("applied 0001_config"), "{told}");
    let owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'mipo'";
    assert_eq!(cluster.sql(owner), "mipo_owner");

    let again = cluster.mipo(&["migrate"]);
    assert_eq!(text(&again.stdout), "nothing to do: the schema is up to date\n", "{}", said(&again));

    let early = cluster.mipo(&["owner", "reset"]);
    assert_eq!(early.status.code(), Some(1), "{}", said(&early));
    cluster.sql(
        "with owner as (
           insert into config.users (id, username, password_hash, is_owner)
           values (gen_random_uuid(), 'ada', 'x', true) returning id),
         role as (insert into config.roles (id, name, scopes) values (gen_random_uuid(), 'any', '{}') returning id)
         insert into config.user_roles (user_id, role_id) select owner.id, role.id from owner, role",
    );
    cluster.sql(
        "insert into config.sessions (id, id_hash, csrf_hash, user_id, ip, last_active_at, expires_at)
         select gen_random_uuid(), sha256('a'), sha256('b'), id, '127.0.0.1', now(), now() + interval '1 hour' from config.users",
    );
    let reset = cluster.mipo(&["owner", "reset"]);
    assert_eq!(reset.status.code(), Some(0), "{}", said(&reset));
    assert!(text(&reset.stdout).contains("/setup#token="), "{}", said(&reset));
    assert_eq!(cluster.sql("select count(*) from config.sessions where ended_at is null"), "0");
    assert_eq!(cluster.sql("select actor_type || ' ' || action from config.audit_events"), "cli reset_requested");

    let doctor = cluster.mipo(&["doctor"]);
    let told = said(&doctor);
    assert!(told.contains("backups") && told.contains("are off"), "{told}");
    assert_eq!(doctor.status.code(), Some(0), "{told}");
}

#[test]
fn the_doctor_names_wrong_values_and_what_a_role_may_not_look_at() {
    let cluster = Cluster::start();
    assert!(cluster.mipo(&["migrate"]).status.success());
    cluster.sql("alter role mipo_ingest password 'letters'");
    let url = cluster.postgres.superuser_url("mipo").replace("user=postgres", "user=mipo_ingest&password=letters");
    let doctor = |variables: &[(&str, &str)]| {
        let mut command = Command::new(binary("mipo"));
        command.arg("doctor").env("DATABASE_URL", &url).envs(variables.iter().copied());
        command.current_dir(cluster.folder.path()).output().expect("it runs")
    };
    let well = doctor(&[]);
    assert_eq!(well.status.code(), Some(0), "{}", said(&well));
    let told = text(&well.stdout);
    assert!(told.contains("complete for ingest") && told.contains("JOB_LEASE_SECONDS"), "{told}");
    assert!(told.contains("not checked"), "{told}");
    assert!(!told.contains("letters"), "{told}");

    let ill = doctor(&[("JOB_LEASE_SECONDS", "5"), ("MIN_SCANNER_VERSION", "newest")]);
    assert_eq!(ill.status.code(), Some(1), "{}", said(&ill));
    let told = text(&ill.stdout);
    assert!(told.contains("FAIL  JOB_LEASE_SECONDS") && told.contains("FAIL  MIN_SCANNER_VERSION"), "{told}");
}

#[test]
fn without_postgresql_and_sudo_the_exact_command_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace");
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("bin");
    std::fs::create_dir_all(&programs).expect("a folder");
    std::fs::create_dir_all(folder.path().join(".ci")).expect("a folder");
    std::fs::copy(root.join(".ci/need"), folder.path().join(".ci/need")).expect("copied");
    // A machine that has a compiler, and neither PostgreSQL nor sudo.
    for program in ["bash", "env", "id", "dirname"] {
        let found = ["/bin", "/usr/bin"].iter().map(|place| Path::new(place).join(program)).find(|path| path.exists());
        std::os::unix::fs::symlink(found.expect("it is there"), programs.join(program)).expect("linked");
    }
    std::fs::write(programs.join("cc"), "#!/bin/sh\n").expect("written");
    for path in [folder.path(), programs.as_path(), programs.join("cc").as_path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let need = folder.path().join(".ci/need");
    let mut command = ordinary(&need);
    command.args(["build", "postgres"]).env_clear().env("PATH", &programs).env("POSTGRES_ROOT", folder.path());
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let exact = "sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql\n";
    assert!(text(&output.stderr).ends_with(exact), "{}", said(&output));
    assert_eq!(text(&output.stdout), "");
}

/// A command run as somebody who is not root: as user nobody when the test is root.
pub(crate) fn ordinary(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command
}
