//! Secrets that are shown once and stored as a hash, product S11.
//!
//! A key reads `mipo_<kind>_<id>_<secret>`: the kind says whose it is, the id finds the row, the secret is 32 random
//! bytes in base62. [`Token`] has neither `Debug` nor `Display`; whoever shows one says so by [`Token::reveal`].
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::entropy::{Entropy, bytes};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of the id: 71 bits, which never collide in one installation.
const ID_LENGTH: usize = 12;
/// Characters that 32 bytes take in base62.
const SECRET_LENGTH: usize = 43;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A scanner's permanent key.
    Scanner,
    /// A discovery source's key.
    Discovery,
    /// A user's API token.
    UserToken,
    /// A one-time token that makes a scanner known.
    Provisioning,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Scanner, Self::Discovery, Self::UserToken, Self::Provisioning];

    /// The two letters in the key.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Scanner => "sk",
            Self::Discovery => "dk",
            Self::UserToken => "ut",
            Self::Provisioning => "pt",
        }
    }
}

/// A secret text. It is shown to its owner once and then forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new key of `kind`.
    pub fn key(kind: KeyKind, entropy: &dyn Entropy) -> Self {
        let id: String = base62(&bytes::<32>(entropy)).chars().rev().take(ID_LENGTH).collect();
        let secret = base62(&bytes::<32>(entropy));
        Self(format!("mipo_{}_{id}_{secret}", kind.letters()))
    }

    /// 256 random bits without a kind: sessions, setup links, CSRF.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(base62(&bytes::<32>(entropy)))
    }

    /// A secret that came in from outside.
    pub fn presented(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. Only for showing it once, or sending it to where it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The part before the secret, such as `mipo_sk_0aB3…`, which finds the row; `None` when it is no key of `kind`.
    pub fn prefix(&self, kind: KeyKind) -> Option<&str> {
        let (prefix, secret) = self.0.rsplit_once('_')?;
        let id = prefix.strip_prefix("mipo_")?.strip_prefix(kind.letters())?.strip_prefix('_')?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (id.len() == ID_LENGTH && secret.len() == SECRET_LENGTH && plain(id) && plain(secret)).then_some(prefix)
    }
}

/// SHA-256 of a secret.
#[derive(Clone, Copy, Debug)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The bytes that are stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the bytes of a column.
    pub fn from_slice(stored: &[u8]) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }

    /// Compares without telling by time where the two differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// 32 bytes as 43 characters.
fn base62(value: &[u8; 32]) -> String {
    let mut number = *value;
    let mut digits = [b'0'; SECRET_LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let current = (rest << 8) | u32::from(*byte);
            *byte = (current / 62) as u8;
            rest = current % 62;
        }
        *digit = ALPHABET[rest as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(41, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn a_key_names_its_kind_and_is_found_by_its_prefix() {
        let entropy = Counting(0.into());
        for kind in KeyKind::ALL {
            let token = Token::key(kind, &entropy);
            let prefix = token.prefix(kind).expect("its own kind");
            assert!(prefix.starts_with(&format!("mipo_{}_", kind.letters())), "{prefix}");
            assert_eq!(token.reveal().len(), prefix.len() + 1 + 43);
            assert!(KeyKind::ALL.iter().filter(|other| token.prefix(**other).is_some()).count() == 1);
        }
        for wrong in ["", "mipo_sk_", "mipo_sk_abc_def", "mipo_sk_0123456789ab_short", "sk_0123456789ab_x"] {
            assert!(Token::presented(wrong).prefix(KeyKind::Scanner).is_none(), "{wrong}");
        }
    }

    #[test]
    fn base62_is_of_fixed_length_and_keeps_its_value_apart() {
        assert_eq!(base62(&[0; 32]), "0".repeat(43));
        assert_eq!(base62(&[255; 32]).len(), 43);
        let mut one = [0; 32];
        one[31] = 62;
        assert!(base62(&one).ends_with("10"));
    }

    #[test]
    fn only_the_same_secret_matches() {
        let entropy = Counting(7.into());
        let (a, b) = (Token::random(&entropy), Token::random(&entropy));
        assert!(a.hash().matches(&Token::presented(a.reveal()).hash()));
        assert!(!a.hash().matches(&b.hash()));
    }
}
