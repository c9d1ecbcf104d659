//! Names, user names and descriptions, product section 4.
use std::fmt;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing was given.
    Missing,
    /// Too few or too many characters.
    Length {
        /// At least.
        least: usize,
        /// At most.
        most: usize,
        /// Given.
        given: usize,
    },
    /// A character that names do not have.
    Character {
        /// The character.
        character: char,
        /// Where, counted from 1.
        position: usize,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl NameFault {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "required",
            Self::Length { .. } => "length",
            Self::Character { .. } => "bad_character",
        }
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required"),
            Self::Length { least, most, given } => {
                write!(f, "must have {least} to {most} characters; this one has {given}")
            }
            Self::Character { character, position, allowed } => {
                write!(f, "`{}` (character {position}) is not allowed; use {allowed}", character.escape_default())
            }
        }
    }
}

impl std::error::Error for NameFault {}

const NAME: &str = "letters A-Z a-z, digits, _ and -";
const USERNAME: &str = "letters A-Z a-z, digits, . _ and -";

/// A name of a configuration object: 1–64 of `[A-Za-z0-9_-]`.
pub fn check_name(text: &str) -> Result<(), NameFault> {
    check(text, 1, 64, NAME, "_-")
}

/// A name of a discovery source: 1–100 of the same characters.
pub fn check_source_name(text: &str) -> Result<(), NameFault> {
    check(text, 1, 100, NAME, "_-")
}

/// A user name: 3–64 of `[A-Za-z0-9._-]`.
pub fn check_username(text: &str) -> Result<(), NameFault> {
    check(text, 3, 64, USERNAME, "._-")
}

/// A description: at most 10,000 characters, without control characters other than line ends and tabs.
pub fn check_description(text: &str) -> Result<(), NameFault> {
    let given = text.chars().count();
    if given > 10_000 {
        return Err(NameFault::Length { least: 0, most: 10_000, given });
    }
    match text.chars().enumerate().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some((at, character)) => {
            Err(NameFault::Character { character, position: at + 1, allowed: "text without control characters" })
        }
        None => Ok(()),
    }
}

/// An e-mail address, as far as its form can say: one `@`, no white space, a domain with a dot or `localhost`.
pub fn check_email(text: &str) -> Result<(), NameFault> {
    const ALLOWED: &str = "an address such as name@example.org";
    if text.is_empty() {
        return Err(NameFault::Missing);
    }
    let given = text.chars().count();
    if given > 254 {
        return Err(NameFault::Length { least: 3, most: 254, given });
    }
    if let Some((at, character)) = text
        .chars()
        .enumerate()
        .find(|(_, c)| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',' | ';' | ':' | '\\'))
    {
        return Err(NameFault::Character { character, position: at + 1, allowed: ALLOWED });
    }
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && (domain == "localhost" || domain.contains('.'))
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains("..")
    });
    if good { Ok(()) } else { Err(NameFault::Character { character: '@', position: 1, allowed: ALLOWED }) }
}

fn check(text: &str, least: usize, most: usize, allowed: &'static str, extra: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Missing);
    }
    if let Some((at, character)) =
        text.chars().enumerate().find(|(_, c)| !c.is_ascii_alphanumeric() && !extra.contains(*c))
    {
        return Err(NameFault::Character { character, position: at + 1, allowed });
    }
    let given = text.len();
    if given < least || given > most { Err(NameFault::Length { least, most, given }) } else { Ok(()) }
}

/// The key by which names are unique: their case does not count.
pub fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_character_is_wrong() {
        assert_eq!(check_name("web-1_A"), Ok(()));
        assert_eq!(check_name(""), Err(NameFault::Missing));
        assert_eq!(check_name("a b"), Err(NameFault::Character { character: ' ', position: 2, allowed: NAME }));
        assert_eq!(check_name(&"x".repeat(65)).expect_err("refused").code(), "length");
        assert!(check_source_name(&"x".repeat(100)).is_ok());
        assert!(check_username("a.b-c").is_ok() && check_username("ab").is_err() && check_username("a@b").is_err());
        assert!(check_name("a.b").is_err());
        assert!(check_description(&"ä".repeat(10_000)).is_ok() && check_description("a\u{0}").is_err());
    }

    #[test]
    fn knows_the_form_of_an_email_address() {
        for good in ["a@b.c", "owner@localhost", "first.last+tag@mail.example.org"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b.c", "a@b", "a@b.", "a@.b", "a b@c.d", "a@b@c.d", "a@b..c"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
