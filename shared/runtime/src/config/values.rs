//! Values that know what they may be.
use std::fmt::{self, Display};
use std::str::FromStr;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// `DATABASE_URL`: over TCP only with `sslmode=verify-full`; a Unix socket needs no TLS (product S10).
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same server, but `database`, as `role`. The password is made of letters and digits.
    pub fn with(&self, database: &str, role: &str, password: Option<&str>) -> Self {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let kept = query.split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !["user", "password", "dbname"].contains(&name)
        });
        let own = [format!("user={role}")].into_iter().chain(password.map(|password| format!("password={password}")));
        let query: Vec<_> = kept.map(str::to_owned).chain(own).collect();
        Self(format!("{scheme}://{host}/{database}?{}", query.join("&")))
    }

    /// The same server and login, but `database`.
    pub fn with_database(&self, database: &str) -> Self {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let query = path.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        Self(format!("{scheme}://{authority}/{database}{query}"))
    }

    /// The role that it connects as, when it names one.
    pub fn role(&self) -> Option<&str> {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let option = query.split('&').find_map(|pair| pair.strip_prefix("user="));
        let login = authority.rsplit_once('@').and_then(|(login, _)| login.split(':').next());
        option.or(login).filter(|role| !role.is_empty())
    }

    /// The database, when it names one.
    pub fn database(&self) -> Option<&str> {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let path = rest.split(['?']).next().unwrap_or_default();
        path.split_once('/').map(|(_, database)| database).filter(|database| !database.is_empty())
    }

    /// The URL without its password.
    pub fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return "(hidden)".to_owned() };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = match authority.rsplit_once('@') {
            Some((login, host)) => format!("{}@{host}", login.split(':').next().unwrap_or_default()),
            None => authority.to_owned(),
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: Vec<_> =
            query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("password=")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{scheme}://{authority}{path}{mark}{}", query.join("&"))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.redacted())
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or("must begin with postgres:// or postgresql://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let option =
            |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        let host = option("host").map_or(host, |(_, value)| value);
        let socket = host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f");
        if host.is_empty() {
            return Err("names no host; a Unix socket is given as ?host=/folder/of/the/socket".to_owned());
        }
        if !socket && option("sslmode").map(|(_, mode)| mode) != Some("verify-full") {
            return Err("is over TCP without sslmode=verify-full; add it (with sslrootcert=…), or use a Unix socket \
                        (?host=/run/postgresql)"
                .to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// `MIPO_ENV`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// Everything is enforced.
    #[default]
    Production,
    /// Plain HTTP on loopback, loopback targets exempt from the fleet cap, no second factor enforced.
    Development,
}

impl Environment {
    /// True for `development`.
    pub const fn is_development(self) -> bool {
        matches!(self, Self::Development)
    }
}

impl Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_development() { "development" } else { "production" })
    }
}

impl FromStr for Environment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err("must be production or development"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_over_tcp_must_be_verified() {
        for good in [
            "postgres://mipo_manager@db/mipo?sslmode=verify-full",
            "postgres:///mipo?host=/run/postgresql&user=mipo_manager",
            "postgresql://mipo_manager:x@%2Frun%2Fpostgresql/mipo",
        ] {
            good.parse::<DatabaseUrl>().unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in [
            "mysql://x/y",
            "postgres:///mipo",
            "postgres://db/mipo",
            "postgres://db/mipo?sslmode=require",
            "postgres:///mipo?host=db&sslmode=prefer",
        ] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_database_url_is_printed_without_its_password() {
        let url: DatabaseUrl = "postgres://me:s3cr@t@db/mipo?sslmode=verify-full&password=also".parse().expect("good");
        assert_eq!(url.redacted(), "postgres://me@db/mipo?sslmode=verify-full");
        assert!(!format!("{url:?}").contains("s3cr"));
    }

    #[test]
    fn a_database_url_knows_its_role_and_database() {
        for (url, role, database) in [
            ("postgres://me:s3cr@db/mipo?sslmode=verify-full", Some("me"), Some("mipo")),
            ("postgres:///mipo?host=/run/x&user=mipo_ingest", Some("mipo_ingest"), Some("mipo")),
            ("postgres://%2Frun%2Fx", None, None),
        ] {
            let url: DatabaseUrl = url.parse().expect("good");
            assert_eq!((url.role(), url.database()), (role, database), "{url:?}");
        }
    }

    #[test]
    fn a_service_connects_to_the_same_server_as_itself() {
        let socket: DatabaseUrl = "postgres:///postgres?host=/run/x&user=postgres".parse().expect("good");
        let service = socket.with("mipo", "mipo_ingest", Some("ab12"));
        assert_eq!(service.expose(), "postgres:///mipo?host=/run/x&user=mipo_ingest&password=ab12");
        let tcp: DatabaseUrl = "postgres://root:x@db:5433/a?sslmode=verify-full".parse().expect("good");
        assert_eq!(tcp.with("mipo", "r", None).expose(), "postgres://db:5433/mipo?sslmode=verify-full&user=r");
    }
}
