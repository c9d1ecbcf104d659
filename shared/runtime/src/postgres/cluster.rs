//! Makes, starts and stops the cluster.
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{At, Binaries, Place, PostgresError, place};

/// The superuser of the cluster; reached by peer authentication from the user that runs mipo, so it has no password.
const SUPERUSER: &str = "postgres";

/// How often it is looked whether a command has ended.
const PACE: Duration = Duration::from_millis(20);

/// A running private cluster. Dropping it leaves it running; [`PrivatePostgres::stop`] stops it.
#[derive(Debug)]
pub struct PrivatePostgres {
    place: Place,
    binaries: Binaries,
}

impl PrivatePostgres {
    /// Makes the cluster where it is missing and starts it where it does not run. `tell` hears what takes a while.
    pub fn start(data_dir: &Path, tell: &dyn Fn(&str)) -> Result<Self, PostgresError> {
        Self::start_unless(data_dir, tell, &|| false)
    }

    /// The same, but gives up, and leaves nothing running, as soon as `stopped` says so.
    pub fn start_unless(
        data_dir: &Path,
        tell: &dyn Fn(&str),
        stopped: &dyn Fn() -> bool,
    ) -> Result<Self, PostgresError> {
        let place = Place::of(data_dir)?;
        if place.is_orphan() {
            // Its data directory was deleted by hand, so this is a new trial; what lies here is kept once more.
            Self::stop_left(&place)?;
            let kept = place.set_aside()?;
            tell(&format!("the database of an earlier trial in this folder was set aside: {}", kept.display()));
        }
        let major = major_of(&place.data())?;
        let binaries = match (Binaries::find(major), major) {
            (Err(PostgresError::NoBinaries { .. }), Some(version)) if Binaries::find(None).is_ok() => {
                let path = place.data().display().to_string();
                return Err(PostgresError::WrongVersion { path, version: version.to_string() });
            }
            (found, _) => found?,
        };
        place.prepare()?;
        let cluster = Self { place, binaries };
        if major.is_none() {
            tell(&format!("making a private PostgreSQL {} cluster", cluster.binaries.major));
            cluster.init(stopped)?;
        }
        cluster.configure()?;
        if let Some(pid) = cluster.running() {
            // Left by a mipo that was killed. It may have other settings or be stuck: it is restarted, not used as is.
            tell(&format!("taking over the private PostgreSQL that still runs (pid {pid})"));
            cluster.pg_ctl("stop", &["-m", "fast", "-t", "30"])?;
        } else {
            cluster.clear_stale()?;
        }
        tell("starting the private PostgreSQL");
        let log = cluster.place.home.join("log");
        let log = log.display().to_string();
        let mut start = cluster.command("pg_ctl");
        start.arg("start").arg("-D").arg(cluster.place.data()).args(["-w", "-s", "-t", "60", "-l", &log]);
        match run_unless(start, stopped) {
            Ok(_) => Ok(cluster),
            Err(PostgresError::Stopped) => {
                // It may be up by now, or on its way.
                Self::stop_left(&cluster.place)?;
                Err(PostgresError::Stopped)
            }
            Err(error) => Err(cluster.with_log(error)),
        }
    }

    /// The URL of `database` as superuser.
    pub fn superuser_url(&self, database: &str) -> String {
        superuser_url(&self.place, database)
    }

    /// Where it lies.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The major version of the server.
    pub const fn major(&self) -> u32 {
        self.binaries.major
    }

    /// Stops it: open connections are ended, everything committed is on disk.
    pub fn stop(self) -> Result<(), PostgresError> {
        self.pg_ctl("stop", &["-m", "fast", "-t", "60"])
    }

    /// The superuser URL of the cluster of this data directory, if it is running; for commands beside `mipo up`.
    pub fn beside(data_dir: &Path, database: &str) -> Option<String> {
        let place = Place::of(data_dir).ok()?;
        server_pid(&place.data())?;
        Some(superuser_url(&place, database))
    }

    /// Stops the cluster of this data directory if it runs, and deletes it.
    pub fn delete(data_dir: &Path) -> Result<(), PostgresError> {
        let place = Place::of(data_dir)?;
        Self::stop_left(&place)?;
        place.remove()
    }

    fn stop_left(place: &Place) -> Result<(), PostgresError> {
        if server_pid(&place.data()).is_none() {
            return Ok(());
        }
        let binaries = Binaries::find(major_of(&place.data())?)?;
        Self { place: place.clone(), binaries }.pg_ctl("stop", &["-m", "fast", "-t", "60"])
    }

    /// Made beside its place and then renamed: a cluster that bears its name is whole, however the making ended.
    fn init(&self, stopped: &dyn Fn() -> bool) -> Result<(), PostgresError> {
        let (data, draft) = (self.place.data(), self.place.home.join("data.new"));
        for left in [&data, &draft] {
            match fs::remove_dir_all(left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(left),
                _ => {}
            }
        }
        let mut command = self.command("initdb");
        command.arg("-D").arg(&draft).args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--data-checksums"]);
        command.args(["--auth-local=peer", "--auth-host=reject"]);
        run_unless(command, stopped)?;
        fs::rename(&draft, &data).at(&draft)
    }

    /// Our settings lie in files of their own, written anew at each start.
    fn configure(&self) -> Result<(), PostgresError> {
        let data = self.place.data();
        let own = place::own_name().ok_or_else(|| PostgresError::Folder {
            path: "/etc/passwd".to_owned(),
            problem: "your user id has no name, which PostgreSQL needs".to_owned(),
        })?;
        let settings = format!(
            "# Written by mipo at each start.\n\
             listen_addresses = ''\n\
             unix_socket_directories = '{}'\n\
             unix_socket_permissions = 0700\n\
             password_encryption = 'scram-sha-256'\n\
             max_connections = 150\n\
             shared_buffers = '256MB'\n\
             max_wal_size = '2GB'\n\
             wal_compression = on\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             hba_file = '{}'\n\
             ident_file = '{}'\n",
            quoted(&self.place.socket),
            quoted(&data.join("mipo_hba.conf")),
            quoted(&data.join("mipo_ident.conf")),
        );
        let mut names = vec![own, SUPERUSER.to_owned()];
        names.dedup();
        let ident = names.iter().fold(String::new(), |map, name| map + &format!("mipo \"{name}\" {SUPERUSER}\n"));
        let hba = format!("local all {SUPERUSER} peer map=mipo\nlocal all all scram-sha-256\n");
        self.write(&data.join("mipo.conf"), &settings)?;
        self.write(&data.join("mipo_hba.conf"), &hba)?;
        self.write(&data.join("mipo_ident.conf"), &ident)?;
        let main = data.join("postgresql.conf");
        let text = fs::read_to_string(&main).at(&main)?;
        let include = "include = 'mipo.conf'";
        if !text.contains(include) {
            self.write(&main, &format!("{text}\n{include}\n"))?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), PostgresError> {
        fs::write(path, text).at(path)?;
        if let Some(account) = &self.place.account {
            std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)).at(path)?;
        }
        Ok(())
    }

    fn running(&self) -> Option<u32> {
        server_pid(&self.place.data())
    }

    /// After a crash of the machine the pid in the lock files can belong to somebody else by now, which PostgreSQL
    /// would take for a running server.
    fn clear_stale(&self) -> Result<(), PostgresError> {
        let stale = [
            self.place.data().join("postmaster.pid"),
            self.place.socket.join(".s.PGSQL.5432.lock"),
            self.place.socket.join(".s.PGSQL.5432"),
        ];
        for path in stale {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&path),
                _ => {}
            }
        }
        Ok(())
    }

    fn pg_ctl(&self, action: &str, arguments: &[&str]) -> Result<(), PostgresError> {
        let mut command = self.command("pg_ctl");
        command.arg(action).arg("-D").arg(self.place.data()).args(["-w", "-s"]).args(arguments);
        run(command).map(|_| ())
    }

    /// As the account that owns the cluster, from a folder that it can enter, without our signals: a Ctrl-C in the
    /// terminal is for mipo, which then stops the server last.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.folder.join(name));
        command.current_dir("/").stdin(Stdio::null()).process_group(0).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(account) = &self.place.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn with_log(&self, error: PostgresError) -> PostgresError {
        let path = self.place.home.join("log");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n  ");
        match error {
            PostgresError::Command { command, output } => PostgresError::Command {
                command,
                output: format!("{output}\n  {} ends with:\n  {tail}", path.display()),
            },
            other => other,
        }
    }
}

fn superuser_url(place: &Place, database: &str) -> String {
    format!("postgres:///{database}?host={}&user={SUPERUSER}", encode(&place.socket))
}

/// The pid of a server that really runs on this cluster: the lock file may be stale and its pid another's.
fn server_pid(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: u32 = text.lines().next()?.trim().parse().ok()?;
    let process = PathBuf::from(format!("/proc/{pid}"));
    let name = fs::read_to_string(process.join("comm")).ok()?;
    // The postmaster works in its data directory. Not readable (another user's process) means it is not ours.
    let folder = fs::read_link(process.join("cwd")).ok()?;
    (name.trim() == "postgres" && folder == data.canonicalize().ok()?).then_some(pid)
}

fn major_of(data: &Path) -> Result<Option<u32>, PostgresError> {
    let path = data.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let unreadable = || PostgresError::Folder {
                path: path.display().to_string(),
                problem: format!("`{}` is not a major version of PostgreSQL", text.trim()),
            };
            text.trim().parse().map(Some).map_err(|_| unreadable())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(&path),
    }
}

fn run(command: Command) -> Result<String, PostgresError> {
    run_unless(command, &|| false)
}

/// pg_ctl leaves the server behind with its outputs open, so output goes to a file and not to a pipe, which would stay
/// open as long as the server runs.
fn run_unless(mut command: Command, stopped: &dyn Fn() -> bool) -> Result<String, PostgresError> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let failed = |output: String| PostgresError::Command { command: shown.clone(), output };
    let output = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    let streams = (output.try_clone(), output.try_clone());
    let (Ok(stdout), Ok(stderr)) = streams else { return Err(failed("no file for its output".to_owned())) };
    let mut child = command.stdout(stdout).stderr(stderr).spawn().map_err(|error| failed(error.to_string()))?;
    let status = loop {
        match child.try_wait().map_err(|error| failed(error.to_string()))? {
            Some(status) => break status,
            None if stopped() => {
                // initdb tidies up behind itself; both end at this signal.
                let pid = rustix::process::Pid::from_child(&child);
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                let _ = child.wait();
                return Err(PostgresError::Stopped);
            }
            None => std::thread::sleep(PACE),
        }
    };
    let text = read_back(output);
    if status.success() { Ok(text) } else { Err(failed(text.trim().to_owned())) }
}

fn read_back(mut file: fs::File) -> String {
    use std::io::{Read as _, Seek as _};

    let mut bytes = Vec::new();
    if file.rewind().is_ok() {
        // What cannot be read back is not shown.
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn quoted(path: &Path) -> String {
    path.display().to_string().replace('\'', "''")
}

/// Percent-encodes a path for a URL.
fn encode(path: &Path) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_lock_file_is_not_a_running_server() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("postmaster.pid"), format!("{}\n", std::process::id())).expect("writes");
        assert_eq!(server_pid(folder.path()), None);
    }

    #[test]
    fn paths_survive_in_urls() {
        assert_eq!(encode(Path::new("/a b/é&")), "/a%20b/%C3%A9%26");
    }
}
