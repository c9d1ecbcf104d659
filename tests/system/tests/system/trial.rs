//! `mipo up`, as a newcomer starts it.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::ordinary;
use crate::listeners::open_on_loopback;
use crate::processes::{Process, binary, free_port, until};

/// Other tests may use both cores; how fast it is, is measured elsewhere.
const PATIENCE: Duration = Duration::from_mins(2);

const PASSWORD: &str = "a long phrase that nobody guesses";

fn mipo(folder: &Path) -> Command {
    let mut command = Command::new(binary("mipo"));
    command.current_dir(folder).env_remove("DATABASE_URL").env("MIPO_DATA_DIR", folder.join("trial"));
    command
}

fn up(folder: &Path, port: u16) -> Process {
    let mut command = mipo(folder);
    command.arg("up").env("MIPO_LISTEN", format!("127.0.0.1:{port}"));
    command.env("MIPO_OWNER_USERNAME", "ada").env("MIPO_OWNER_PASSWORD", PASSWORD);
    Process::start("up", folder, command)
}

/// A folder that user postgres cannot enter.
fn closed_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("its mode");
    folder
}

/// Waits for the address, which comes last.
async fn ready(up: &mut Process, port: u16, within: Duration) -> String {
    let address = format!("mipo is at http://127.0.0.1:{port}");
    until("mipo up tells its address", within, async || {
        assert!(up.runs(), "mipo up ended:\n{}", up.said());
        let said = up.said();
        said.contains(&address).then_some(said)
    })
    .await
}

fn json_of(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {} {}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sees_what_is_open_and_a_second_start_keeps_it() {
    let folder = closed_folder();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let known = listener.local_addr().expect("bound").port();
    let port = free_port();
    let before = open_on_loopback();

    let mut first = up(folder.path(), port);
    let said = ready(&mut first, port, PATIENCE).await;
    assert!(said.contains(&format!("{known}/tcp")), "the listener is in the table:\n{said}");
    assert!(said.contains("sign in as ada"), "{said}");

    // The script of the documentation: log in, ask for a scan, wait, read.
    let script = Script::log_in(port);
    let scans = script.get("/api/scans");
    assert_eq!(scans["total"], 1, "{scans}");
    let found = script.open_ports(&scans["items"][0]["id"]);
    let after = open_on_loopback();
    // What was open the whole time is found; nothing is found that was open at neither end.
    let (always, ever): (BTreeSet<_>, BTreeSet<_>) = (&before & &after, &before | &after);
    assert!(always.is_subset(&found), "missing: {:?}", &always - &found);
    assert!(found.is_subset(&ever), "too many: {:?}", &found - &ever);

    let wanted = json!({ "targets": ["127.0.0.1"], "ports": format!("{known}"), "reason": "once more" });
    let scan = script.post("/api/scans", &wanted)["scanId"].clone();
    until("the second scan ends", PATIENCE, async || {
        let status = script.get(&format!("/api/scans/{scan}"))["status"].as_str().map(str::to_owned);
        status.filter(|status| status == "completed")
    })
    .await;
    assert_eq!(script.open_ports(&scan), BTreeSet::from([known]));

    let doctor = mipo(folder.path()).args(["doctor", "--json"]).output().expect("it runs");
    let report = json_of(&doctor);
    assert_eq!(report["ok"], true, "{report:#}");
    let settings = report["configuration"].as_array().expect("a list");
    let listens =
        settings.iter().any(|s| s["name"] == "PUBLIC_URL" && s["value"] == format!("http://127.0.0.1:{port}"));
    assert!(listens, "what `mipo up` gave to its services is shown: {report:#}");
    let verified = json_of(&mipo(folder.path()).args(["audit", "verify", "--json"]).output().expect("it runs"));
    assert_eq!(verified["ok"], true, "{verified:#}");
    assert!(verified["rowsChecked"].as_i64() > Some(4), "{verified:#}");

    let second = mipo(folder.path()).arg("up").env("MIPO_LISTEN", "127.0.0.1:0").output().expect("it runs");
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("already running"), "one mipo a data directory");

    assert!(first.interrupt(PATIENCE).success());
    assert!(!listening(port), "everything is stopped");

    let mut again = up(folder.path(), port);
    ready(&mut again, port, PATIENCE).await;
    let script = Script::log_in(port);
    assert_eq!(script.get("/api/scans")["total"], 2, "the data is kept and nothing was scanned anew");

    // Killed hard: PostgreSQL and the data outlive it, and the next start takes over.
    again.kill();
    let mut third = up(folder.path(), port);
    ready(&mut third, port, PATIENCE).await;
    assert_eq!(Script::log_in(port).get("/api/scans")["total"], 2);

    let refused = mipo(folder.path()).arg("reset").output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2), "reset wants --yes");
    let reset = mipo(folder.path()).args(["reset", "--yes"]).output().expect("it runs");
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    assert!(!folder.path().join("trial").exists());
    assert!(!listening(port), "reset stops what runs");
}

/// Somebody without rights, with a home of their own.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_needs_nothing_but_the_two_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    // Copies, because the folder of the build may be closed to others.
    for name in ["mipo", "mipo-scanner"] {
        std::fs::copy(binary(name), folder.path().join(name)).expect("copied");
    }
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    open_to_all(folder.path());
    if rustix::process::geteuid().is_root() {
        let done = Command::new("chown").arg("nobody:nogroup").arg(&home).status().expect("it runs");
        assert!(done.success());
    }
    let command = || {
        let mut command = ordinary(&folder.path().join("mipo"));
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", &home).current_dir(&home);
        command.env("TMPDIR", &home).env("MIPO_DATA_DIR", home.join("trial"));
        command
    };
    let port = free_port();
    let mut start = command();
    start.arg("up").env("MIPO_LISTEN", format!("127.0.0.1:{port}"));
    let mut up = Process::start("up", folder.path(), start);
    let said = ready(&mut up, port, PATIENCE).await;
    assert!(said.contains(&format!("{port}/tcp")), "it finds itself:\n{said}");
    assert!(said.contains("create the owner"), "{said}");
    let own = std::fs::symlink_metadata(home.join("trial/postgres")).expect("there");
    assert!(own.is_dir(), "the cluster lies in the data directory");
    assert!(up.interrupt(PATIENCE).success());
    assert!(!listening(port), "everything is stopped");
    let reset = command().args(["reset", "--yes"]).output().expect("it runs");
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    assert!(!home.join("trial").exists());
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn a_public_address_is_refused_with_the_way_to_do_it() {
    let folder = closed_folder();
    let output = mipo(folder.path()).arg("up").env("MIPO_LISTEN", "0.0.0.0:8080").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ssh -N -L 8080:127.0.0.1:8080"));
    assert!(!folder.path().join("trial").exists(), "nothing was made");
}

fn listening(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A script that uses the API as the documentation says.
struct Script {
    agent: ureq::Agent,
    base: String,
    cookie: String,
    csrf: String,
}

impl Script {
    fn log_in(port: u16) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let base = format!("http://127.0.0.1:{port}");
        let request = agent.post(format!("{base}/api/auth/login")).header("Origin", &base);
        let mut answer = request.send_json(json!({ "username": "ada", "password": PASSWORD })).expect("it answers");
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let body: Value = answer.body_mut().read_json().expect("JSON");
        let csrf = body["csrfToken"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        Self { agent, base, cookie, csrf }
    }

    fn get(&self, path: &str) -> Value {
        let request = self.agent.get(format!("{}{path}", self.base)).header("Cookie", &self.cookie);
        request.call().expect("it answers").body_mut().read_json().expect("JSON")
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.base)).header("Cookie", &self.cookie);
        let request = request.header("X-CSRF-Token", &self.csrf).header("Origin", &self.base);
        request.send_json(body).expect("it answers").body_mut().read_json().expect("JSON")
    }

    fn open_ports(&self, scan: &Value) -> BTreeSet<u16> {
        let answer = self.get(&format!("/api/scans/{scan}/results?pageSize=200"));
        let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
        items.iter().map(|item| u16::try_from(item["port"].as_u64().expect("a port")).expect("a port")).collect()
    }
}
