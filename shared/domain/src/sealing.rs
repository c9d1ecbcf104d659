//! Secrets at rest: XChaCha20-Poly1305, bound to table, row and column (product S18).
//!
//! A sealed value names the key that sealed it, so keys rotate while the product runs: the first key of the list
//! seals, every key of the list opens.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::entropy::{Entropy, bytes};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// The place that a sealed value belongs to; elsewhere it does not open.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row, by its key.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

impl Place<'_> {
    fn bytes(&self, key_id: &str) -> Vec<u8> {
        let mut bytes = b"mipo-seal-v1".to_vec();
        for part in [self.table, self.row, self.column, key_id] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

/// Why a list of keys cannot be used. Never holds the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Nothing was given.
    #[error("holds no key; write id:base64 of 32 random bytes")]
    Empty,
    /// An entry has another form.
    #[error(
        "entry {0} is not id:base64 of 32 bytes; make one with: printf 'k1:%s\\n' \"$(head -c 32 /dev/urandom | base64)\""
    )]
    Entry(usize),
    /// An id occurs twice.
    #[error("the id of entry {0} occurs twice")]
    Twice(usize),
}

/// Why a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a sealed value.
    #[error("not a sealed value")]
    Format,
    /// Sealed with a key that is not in the list.
    #[error("sealed with key `{0}`, which SECRETS_KEY does not hold")]
    UnknownKey(String),
    /// Changed, or sealed for another place.
    #[error("the sealed value was changed or belongs elsewhere")]
    Forged,
}

/// Seals and opens. It has no Debug output.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl Sealer {
    /// Reads `SECRETS_KEY`: `id:base64`, separated by commas or white space; the first seals.
    pub fn from_list(text: &str) -> Result<Self, BadKeys> {
        let mut keys: Vec<(String, XChaCha20Poly1305)> = Vec::new();
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        for (n, entry) in entries.enumerate() {
            let bad = || BadKeys::Entry(n + 1);
            let (id, key) = entry.split_once(':').ok_or_else(bad)?;
            let good_id =
                !id.is_empty() && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let key = STANDARD.decode(key).ok().filter(|key| good_id && key.len() == 32).ok_or_else(bad)?;
            if keys.iter().any(|(known, _)| known == id) {
                return Err(BadKeys::Twice(n + 1));
            }
            keys.push((id.to_owned(), XChaCha20Poly1305::new_from_slice(&key).map_err(|_| bad())?));
        }
        if keys.is_empty() { Err(BadKeys::Empty) } else { Ok(Self { keys }) }
    }

    /// The text of a new list with one key, for `mipo up`.
    pub fn generate_list(entropy: &dyn Entropy) -> String {
        format!("k1:{}", STANDARD.encode(bytes::<32>(entropy)))
    }

    /// Seals `secret` for `place`.
    ///
    /// # Panics
    /// Never: sealing fails only above 256 GiB, and a list holds at least one key.
    pub fn seal(&self, entropy: &dyn Entropy, place: Place<'_>, secret: &[u8]) -> Vec<u8> {
        let (id, cipher) = self.keys.first().expect("from_list refuses an empty list");
        let nonce = bytes::<NONCE_BYTES>(entropy);
        let payload = Payload { msg: secret, aad: &place.bytes(id) };
        let sealed =
            cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is far below the limit of the cipher");
        let mut bytes = vec![FORMAT, id.len() as u8];
        bytes.extend(id.as_bytes());
        bytes.extend(nonce);
        bytes.extend(sealed);
        bytes
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (id, nonce, ciphertext) = parts(sealed).ok_or(OpenError::Format)?;
        let (_, cipher) =
            self.keys.iter().find(|(known, _)| known == id).ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        cipher
            .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: &place.bytes(id) })
            .map_err(|_| OpenError::Forged)
    }

    /// True when the value was sealed with an older key and should be sealed anew.
    pub fn is_old(&self, sealed: &[u8]) -> bool {
        parts(sealed).is_none_or(|(id, _, _)| self.keys.first().is_none_or(|(first, _)| first != id))
    }
}

fn parts(sealed: &[u8]) -> Option<(&str, [u8; NONCE_BYTES], &[u8])> {
    let (&format, rest) = sealed.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (id, rest) = rest.split_at_checked(length.into())?;
    let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES)?;
    (format == FORMAT).then_some((std::str::from_utf8(id).ok()?, nonce.try_into().ok()?, ciphertext))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    const HERE: Place<'_> = Place { table: "users", row: "1", column: "totp" };

    #[test]
    fn opens_only_in_its_place_and_unchanged() {
        let sealer = Sealer::from_list(&Sealer::generate_list(&Fixed(1))).expect("good");
        let sealed = sealer.seal(&Fixed(2), HERE, b"secret");
        assert_eq!(sealer.open(HERE, &sealed).as_deref(), Ok(&b"secret"[..]));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        for place in [Place { row: "2", ..HERE }, Place { column: "x", ..HERE }, Place { table: "usersx", ..HERE }] {
            assert_eq!(sealer.open(place, &sealed), Err(OpenError::Forged));
        }
        for at in 4..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer.open(HERE, &changed), Err(OpenError::Forged), "{at}");
        }
        assert_eq!(sealer.open(HERE, b"x"), Err(OpenError::Format));
    }

    #[test]
    fn keys_rotate_while_old_values_still_open() {
        let key = |n: u8| STANDARD.encode([n; 32]);
        let old = Sealer::from_list(&format!("a:{}", key(1))).expect("good");
        let both = Sealer::from_list(&format!("b:{},a:{}", key(2), key(1))).expect("good");
        let new = Sealer::from_list(&format!("b:{}", key(2))).expect("good");
        let sealed = old.seal(&Fixed(3), HERE, b"x");
        assert!(both.is_old(&sealed) && !old.is_old(&sealed));
        assert_eq!(both.open(HERE, &sealed).as_deref(), Ok(&b"x"[..]));
        assert_eq!(new.open(HERE, &sealed), Err(OpenError::UnknownKey("a".to_owned())));
        assert!(new.open(HERE, &both.seal(&Fixed(4), HERE, b"y")).is_ok());
    }

    #[test]
    fn a_bad_list_is_named_by_its_entry() {
        let refusal = |text: &str| Sealer::from_list(text).err().expect("refused");
        let key = STANDARD.encode([1; 32]);
        assert_eq!(refusal(" "), BadKeys::Empty);
        assert_eq!(refusal("abc"), BadKeys::Entry(1));
        assert_eq!(refusal(&format!("a:{key},b:AAAA")), BadKeys::Entry(2));
        assert_eq!(refusal(&format!("a:{key},a:{key}")), BadKeys::Twice(2));
    }
}
