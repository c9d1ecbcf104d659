//! The private PostgreSQL, for real. As root the cluster lies under `/var/lib/mipo`; each test deletes its own.
use std::path::Path;
use std::process::Command;

use mipo_runtime::postgres::{PostgresError, PrivatePostgres};

fn quiet(_: &str) {}

fn ask(cluster: &PrivatePostgres, sql: &str) -> String {
    let output = Command::new("psql")
        .args([&cluster.superuser_url("postgres"), "-XAtc", sql])
        .output()
        .expect("psql is installed with the server");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn closed_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::Builder::new().prefix("with a space ").tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("its mode can be set");
    folder
}

fn delete(data_dir: &Path) {
    PrivatePostgres::delete(data_dir).expect("it can be deleted");
}

#[test]
fn it_keeps_its_data_and_survives_a_kill_and_a_stale_lock_file() {
    let folder = closed_folder();
    let cluster = PrivatePostgres::start(folder.path(), &quiet).expect("starts in a folder of mode 0700");
    ask(&cluster, "create table kept as select 7 as n");
    assert_eq!(ask(&cluster, "show listen_addresses"), "");
    let home = cluster.place().home.clone();

    // mipo is killed: the server keeps running and is taken over.
    drop(cluster);
    assert!(PrivatePostgres::beside(folder.path(), "postgres").is_some());
    let cluster = PrivatePostgres::start(folder.path(), &quiet).expect("takes over");
    assert_eq!(ask(&cluster, "select n from kept"), "7");
    cluster.stop().expect("stops");
    assert!(PrivatePostgres::beside(folder.path(), "postgres").is_none());

    // The machine crashed, and by now the pid belongs to another process.
    let lock = home.join("data/postmaster.pid");
    std::fs::write(&lock, format!("{}\n{}\n", std::process::id(), home.join("data").display())).expect("writes");
    let cluster = PrivatePostgres::start(folder.path(), &quiet).expect("starts in spite of a stale lock file");
    assert_eq!(ask(&cluster, "select n from kept"), "7");
    cluster.stop().expect("stops");

    // Somebody deleted the data directory by hand (as root the cluster lies elsewhere): this is a new trial.
    if home.starts_with("/var/lib/mipo") {
        std::fs::remove_file(folder.path().join("postgres")).expect("a link");
        let cluster = PrivatePostgres::start(folder.path(), &quiet).expect("starts anew");
        assert_eq!(ask(&cluster, "select count(*) from pg_class where relname = 'kept'"), "0");
        cluster.stop().expect("stops");
        assert!(home.with_extension("old").exists(), "it was set aside");
    }

    delete(folder.path());
    assert!(!home.exists() && !home.with_extension("old").exists());
}

#[test]
fn a_start_that_is_called_off_leaves_nothing_running_and_can_be_repeated() {
    let folder = closed_folder();
    // At the n-th look: while the cluster is made, and while the server starts.
    for looks in [1, 5, 20, 60] {
        let left = std::cell::Cell::new(looks);
        let stopped = || {
            left.set(left.get() - 1);
            left.get() <= 0
        };
        match PrivatePostgres::start_unless(folder.path(), &quiet, &stopped) {
            Err(PostgresError::Stopped) => {}
            Ok(cluster) => cluster.stop().expect("stops"),
            Err(error) => panic!("{error}"),
        }
        assert!(PrivatePostgres::beside(folder.path(), "postgres").is_none());
    }
    let cluster = PrivatePostgres::start(folder.path(), &quiet).expect("starts");
    assert_eq!(ask(&cluster, "select 1"), "1");
    cluster.stop().expect("stops");
    delete(folder.path());
}
