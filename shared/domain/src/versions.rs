//! Versions of programs: numbers with dots between them.
use std::fmt::{self, Display};
use std::str::FromStr;

/// A released version such as `1.4.0`. What follows `-` or `+` does not order versions here: a build of 1.4.0 counts as
/// 1.4.0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

/// The text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a version such as 1.4.0")]
pub struct NotAVersion;

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split(['-', '+', ' ']).next().unwrap_or_default();
        let mut parts = [0; 3];
        for (place, part) in numbers.split('.').enumerate() {
            let number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
            *parts.get_mut(place).ok_or(NotAVersion)? = number.ok_or(NotAVersion)?;
        }
        Ok(Self(parts))
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(version("0.9.12") < version("0.10.0"));
        assert!(version("2") > version("1.99"));
        assert_eq!(version("1.4"), version("1.4.0-rc.1+abc"));
        assert_eq!(version("1.4").to_string(), "1.4.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["", "v1.2", "1..2", "1.2.3.4", "latest", "1,2", "+1", "99999999999"] {
            assert_eq!(bad.parse::<Version>(), Err(NotAVersion), "{bad}");
        }
    }
}
