//! What `mipo up` reads: seven variables and nothing else.
use std::net::{IpAddr, SocketAddr};

use mipo_runtime::config::{ConfigError, DatabaseUrl, Reader, Secret};

/// Where mipo listens unless told otherwise.
const LISTEN: &str = "127.0.0.1:8080";

/// The configuration of a local trial.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) database_url: Option<DatabaseUrl>,
    pub(crate) owner: OwnerSettings,
}

/// The owner's account, made at the first start when a password is given.
#[derive(Debug)]
pub(crate) struct OwnerSettings {
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) password: Option<Secret>,
}

impl Settings {
    /// Reads and judges everything.
    pub(crate) fn read(mut reader: Reader) -> Result<Self, ConfigError> {
        let text = reader.or("MIPO_LISTEN", LISTEN.to_owned());
        let listen = match text.parse::<SocketAddr>() {
            Ok(address) => {
                if !address.ip().is_loopback() {
                    reader.mistake("MIPO_LISTEN", tunnel(address));
                }
                Some(address)
            }
            Err(_) => {
                reader.mistake("MIPO_LISTEN", format!("`{text}` is not an address and port such as {LISTEN}"));
                None
            }
        };
        let database_url: Option<DatabaseUrl> = reader.optional("MIPO_DATABASE_URL");
        reader.hide("MIPO_DATABASE_URL", "(hidden)");
        let username = reader.or("MIPO_OWNER_USERNAME", "owner".to_owned());
        let email: Option<String> = reader.optional("MIPO_OWNER_EMAIL");
        // The one secret that may stand in the environment: a trial on one machine.
        let password: Option<String> = reader.optional("MIPO_OWNER_PASSWORD");
        reader.hide("MIPO_OWNER_PASSWORD", "(hidden)");
        reader.finish()?;
        let owner = OwnerSettings { username, email, password: password.map(Secret::new) };
        listen.map(|listen| Self { listen, database_url, owner }).ok_or_else(|| ConfigError(Vec::new()))
    }
}

/// Plain HTTP never leaves the machine; SSH carries it.
fn tunnel(address: SocketAddr) -> String {
    let port = address.port();
    let host = match address.ip() {
        ip if ip.is_unspecified() => "THIS-MACHINE".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    format!(
        "{address} is not a loopback address, and a trial speaks plain HTTP. Leave it at 127.0.0.1:{port} and reach it \
         from your own machine by: ssh -N -L {port}:127.0.0.1:{port} {host}   (then open http://127.0.0.1:{port})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_refused_with_the_tunnel() {
        let error = Settings::read(Reader::from_values([("MIPO_LISTEN", "0.0.0.0:9000")])).expect_err("refused");
        assert!(error.to_string().contains("ssh -N -L 9000:127.0.0.1:9000"), "{error}");
        assert!(Settings::read(Reader::from_values([("MIPO_LISTEN", "[::1]:9000")])).is_ok());
        assert!(Settings::read(Reader::from_values([("MIPO_LISTEN", "9000")])).is_err());
    }

    #[test]
    fn a_password_is_never_shown() {
        let settings = Settings::read(Reader::from_values([("MIPO_OWNER_PASSWORD", "hush hush hush")])).expect("good");
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
