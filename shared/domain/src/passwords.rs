//! Which passwords are refused, product S1: length and predictability; no composition rules.
use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

/// Default of `PASSWORD_MIN_LENGTH`.
pub const MIN_LENGTH: usize = 15;
/// The lowest value that `PASSWORD_MIN_LENGTH` may have.
pub const MIN_LENGTH_FLOOR: usize = 8;
/// Most characters.
pub const MAX_LENGTH: usize = 256;
/// Most bytes of input; longer ones are refused before they are hashed.
pub const MAX_BYTES: usize = 1024;

/// Words of the product. A password of nothing but these, digits and punctuation is refused.
const PRODUCT_WORDS: [&str; 16] = [
    "administrator",
    "portscanner",
    "dispatcher",
    "portscan",
    "password",
    "operator",
    "scanner",
    "network",
    "ingest",
    "manager",
    "viewer",
    "admin",
    "owner",
    "ports",
    "mipo",
    "scan",
];

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../data/common-passwords.txt").lines().collect());

/// How many common passwords are known.
pub fn common_count() -> usize {
    COMMON.len()
}

/// Why a password is refused. Never holds the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer characters than this.
    TooShort(usize),
    /// More than [`MAX_LENGTH`] characters or [`MAX_BYTES`] bytes.
    TooLong,
    /// On the list of common ones, also in disguise (`P4ssw0rd…`).
    Common,
    /// One short piece again and again, or a run of neighbours.
    Repetitive,
    /// Words of the product, the user's own name or address, and little else.
    Personal,
}

impl PasswordFault {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Common => "password_common",
            Self::Repetitive => "password_repetitive",
            Self::Personal => "password_personal",
        }
    }
}

impl fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(least) => {
                write!(f, "must have at least {least} characters; four random words are a good one")
            }
            Self::TooLong => write!(f, "must have at most {MAX_LENGTH} characters"),
            Self::Common => {
                f.write_str("is one of the most used passwords; choose words that nobody would guess together")
            }
            Self::Repetitive => {
                f.write_str("repeats itself or counts up; choose words that nobody would guess together")
            }
            Self::Personal => f.write_str("is made of your name or words of this product; choose other words"),
        }
    }
}

impl std::error::Error for PasswordFault {}

/// Checks a new password. `personal` are texts that an attacker knows: user name, e-mail address.
pub fn check(password: &str, min_length: usize, personal: &[&str]) -> Result<(), PasswordFault> {
    let length = password.chars().count();
    if password.len() > MAX_BYTES || length > MAX_LENGTH {
        return Err(PasswordFault::TooLong);
    }
    let least = min_length.max(MIN_LENGTH_FLOOR);
    if length < least {
        return Err(PasswordFault::TooShort(least));
    }
    let lower = password.to_lowercase();
    let plain = undisguised(&lower);
    if is_repetitive(&lower) {
        return Err(PasswordFault::Repetitive);
    }
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let solid: String = lower.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_' | '.')).collect();
    if [&lower, &plain, &solid, &bare(&lower), &bare(&plain)].iter().any(|text| COMMON.contains(text.as_str())) {
        return Err(PasswordFault::Common);
    }
    if [&lower, &plain].iter().any(|text| little_is_left(text, personal)) {
        return Err(PasswordFault::Personal);
    }
    Ok(())
}

/// The text with the usual replacements undone.
fn undisguised(lower: &str) -> String {
    lower
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// True when the text is one piece of at most five characters again and again, or each character follows the last.
fn is_repetitive(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let repeats =
        (1..=5).any(|period| characters.iter().skip(period).eq(characters.iter().take(characters.len() - period)));
    let distinct = characters.iter().collect::<HashSet<_>>().len();
    let runs = |step: i64| {
        characters.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step)
    };
    repeats || distinct < 5 || runs(1) || runs(-1)
}

/// True when without the known words fewer than six different letters are left.
fn little_is_left(text: &str, personal: &[&str]) -> bool {
    let mut rest = text.to_owned();
    let mut found = false;
    let own = personal.iter().flat_map(|known| known.split(['@', '.', ' '])).filter(|word| word.chars().count() >= 3);
    let mut words: Vec<String> =
        own.map(str::to_lowercase).chain(PRODUCT_WORDS.iter().map(|word| (*word).to_owned())).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in &words {
        if rest.contains(word.as_str()) {
            found = true;
            rest = rest.replace(word.as_str(), " ");
        }
    }
    found && rest.chars().filter(|c| c.is_alphabetic()).collect::<HashSet<_>>().len() < 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_enough() {
        assert!(common_count() >= 3_000);
        assert!(COMMON.iter().filter(|password| password.len() >= MIN_LENGTH).count() >= 1_000);
    }

    #[test]
    fn refuses_what_is_guessed_first() {
        let fault = |password: &str| check(password, MIN_LENGTH, &["alice", "alice@example.org"]).expect_err(password);
        assert_eq!(fault("short"), PasswordFault::TooShort(15));
        assert_eq!(fault(&"xy".repeat(200)), PasswordFault::TooLong);
        assert_eq!(fault("passwordpassword"), PasswordFault::Common);
        assert_eq!(fault("P4sswordp4ssw0rd"), PasswordFault::Common);
        assert_eq!(fault("Correct Horse Battery Staple"), PasswordFault::Common);
        assert_eq!(fault("aaaaaaaaaaaaaaaa"), PasswordFault::Repetitive);
        assert_eq!(fault("abcabcabcabcabcabc"), PasswordFault::Repetitive);
        assert_eq!(fault("abcdefghijklmnop"), PasswordFault::Repetitive);
        assert_eq!(fault("mipo-scanner-admin-1"), PasswordFault::Personal);
        assert_eq!(fault("Alice-Alice-2026-!!"), PasswordFault::Personal);
    }

    #[test]
    fn accepts_words_that_nobody_guesses() {
        for password in ["gravel teapot umbra lichen", "xK9#mQ2$vL5@nR8w", "Ein Pferd isst keinen Gurkensalat"] {
            assert_eq!(check(password, MIN_LENGTH, &["alice"]), Ok(()), "{password}");
        }
        assert_eq!(check("tr7-Gkq2", 1, &[]), Ok(()));
        assert_eq!(check("tr7-Gkq", 1, &[]), Err(PasswordFault::TooShort(8)));
    }
}
