//! The commands by which a new scanner becomes known, for its page and for the API.
use mipo_app::AppError;
use mipo_app::scanners::Enrolment;
use mipo_store::Conn;
use mipo_store::config::{served_files, settings};

use crate::state::App;

/// What stands for the address of mipo when nobody has said it.
const UNKNOWN: &str = "https://YOUR-MIPO";
/// The file that the install command runs.
const SCRIPT: &str = "install.sh";

/// Commands for one token. They hold it, so there is no Debug output.
pub struct Commands {
    /// Where scanners call; missing when nobody has said yet.
    pub server: Option<String>,
    /// Fetches, checks, enrols and starts; missing while no release is served.
    pub install: Option<String>,
    /// For a host that has the program.
    pub enrol: String,
    /// SHA-256 of the install script as it is served, hex; missing while ingest has not said so lately.
    pub script_sha256: Option<String>,
    /// The release files that are served.
    pub binaries: Vec<Binary>,
}

/// A release file, for a host that cannot check its signature.
pub struct Binary {
    /// Its name, which says for which platform it is.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// The install command that accepts this file alone.
    pub install: String,
}

/// The address under which other machines reach mipo, without a slash at its end: the setting, else `PUBLIC_URL`. Never
/// the Host header, which anybody can send.
pub async fn server(conn: &mut Conn, app: &App) -> Result<Option<String>, AppError> {
    let set = settings::public_url(conn).await?;
    Ok(set.or_else(|| app.public_url.clone()).map(|url| url.trim_end_matches('/').to_owned()))
}

impl Commands {
    /// The commands for the token of `enrolment`.
    pub async fn of(conn: &mut Conn, app: &App, enrolment: &Enrolment) -> Result<Self, AppError> {
        let server = server(conn, app).await?;
        let (base, token) = (server.as_deref().unwrap_or(UNKNOWN), enrolment.token.reveal());
        let install = app
            .releases
            .then(|| format!("curl -fsSL {base}/scanner/install.sh | sh -s -- --server {base} --token {token}"));
        let mut script_sha256 = None;
        let mut binaries = Vec::new();
        if let Some(install) = &install {
            for file in served_files::all(conn).await? {
                let sha256 = hex::encode(&file.sha256);
                if file.name == SCRIPT {
                    script_sha256 = Some(sha256);
                } else if !file.name.contains("-windows-") {
                    // The shell script is for the others.
                    binaries.push(Binary { install: format!("{install} --sha256 {sha256}"), name: file.name, sha256 });
                }
            }
        }
        let enrol = format!("mipo-scanner enrol --server {base} --token {token}");
        Ok(Self { server, install, enrol, script_sha256, binaries })
    }

    /// Where scanners call, or what stands for it.
    pub fn base(&self) -> &str {
        self.server.as_deref().unwrap_or(UNKNOWN)
    }
}
