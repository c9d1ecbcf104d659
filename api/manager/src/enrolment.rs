//! The commands by which a new scanner becomes known, for its page and for the API.
use mipo_app::AppError;
use mipo_app::scanners::Enrolment;
use mipo_store::Conn;
use mipo_store::config::settings;

use crate::state::App;

/// What stands for the address of mipo when nobody has said it.
const UNKNOWN: &str = "https://YOUR-MIPO";

/// Commands for one token. They hold it, so there is no Debug output.
pub struct Commands {
    /// Where scanners call; missing when nobody has said yet.
    pub server: Option<String>,
    /// Fetches, checks, enrols and starts; missing while no release is served.
    pub install: Option<String>,
    /// For a host that has the program.
    pub enrol: String,
}

impl Commands {
    /// The commands for the token of `enrolment`.
    pub async fn of(conn: &mut Conn, app: &App, enrolment: &Enrolment) -> Result<Self, AppError> {
        // The setting, else PUBLIC_URL. Never the Host header, which anybody can send.
        let set = settings::public_url(conn).await?;
        let server = set.or_else(|| app.public_url.clone()).map(|url| url.trim_end_matches('/').to_owned());
        let (base, token) = (server.as_deref().unwrap_or(UNKNOWN), enrolment.token.reveal());
        let install = app
            .releases
            .then(|| format!("curl -fsSL {base}/scanner/install.sh | sh -s -- --server {base} --token {token}"));
        let enrol = format!("mipo-scanner enrol --server {base} --token {token}");
        Ok(Self { install, enrol, server })
    }

    /// Where scanners call, or what stands for it.
    pub fn base(&self) -> &str {
        self.server.as_deref().unwrap_or(UNKNOWN)
    }
}
