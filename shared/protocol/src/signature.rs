//! Ed25519 keys and signatures. What is signed always starts with a word that says what it is, so that a signature
//! of one thing is never one of another.
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;
use mipo_domain::entropy::{Entropy, bytes};
use mipo_domain::hash::Hash256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::Base64;

/// What a signature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The spec of a job.
    Job,
    /// A new job key, signed by the old one.
    Key,
    /// The bytes of a release file, without a word before them: `openssl pkeyutl -rawin` can check it.
    Release,
}

impl Purpose {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Job => b"mipo-job-v1\0",
            Self::Key => b"mipo-key-v1\0",
            Self::Release => b"",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.prefix(), bytes].concat()
    }
}

/// First 16 hex digits of the SHA-256 of a public key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key; as text base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

/// The text or bytes are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key; it is 32 bytes, written as 44 characters of base64")]
pub struct NotAKey;

impl PublicKey {
    /// Reads the 32 bytes of a key.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, NotAKey> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NotAKey)?;
        ed25519_dalek::VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| NotAKey)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Its id.
    pub fn key_id(&self) -> KeyId {
        let mut text = Hash256::of(self.as_bytes()).to_string();
        text.truncate(16);
        KeyId(text)
    }

    /// True when `signature` is this key's over `bytes` for `purpose`.
    pub fn verifies(&self, purpose: Purpose, bytes: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(&purpose.message(bytes), &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64(self.as_bytes().to_vec()).encode())
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_slice(&Base64::decode(text.trim()).ok_or(NotAKey)?.0)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A signature; as text base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// Reads 64 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&Base64::decode(text.trim())?.0)
    }

    /// The base64 text.
    pub fn to_base64(self) -> String {
        Base64(self.0.to_vec()).encode()
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_base64(&text).ok_or_else(|| serde::de::Error::custom("not a signature: 64 bytes of base64"))
    }
}

/// A private key. It has no Debug output.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::from_seed(&bytes::<32>(entropy))
    }

    /// The key of these 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The 32 secret bytes, for sealing.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `bytes` for `purpose`.
    pub fn sign(&self, purpose: Purpose, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&purpose.message(bytes)).to_bytes())
    }
}

/// A job key as the server announces it at provisioning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPublicKey {
    /// Its id.
    pub key_id: KeyId,
    /// The key.
    pub public_key: PublicKey,
}

impl From<PublicKey> for JobPublicKey {
    fn from(public_key: PublicKey) -> Self {
        Self { key_id: public_key.key_id(), public_key }
    }
}

/// A job key as the heartbeat answer announces it during a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotatedKey {
    /// Its id.
    pub key_id: KeyId,
    /// The key.
    pub public_key: PublicKey,
    /// The key that vouches for it; none for the first key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<KeyId>,
    /// That key's signature over the 32 bytes of the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

impl RotatedKey {
    /// True when one of `pinned` vouches for the key, or it is one of them.
    pub fn is_vouched_for(&self, pinned: &[PublicKey]) -> bool {
        if self.key_id != self.public_key.key_id() {
            return false;
        }
        if pinned.contains(&self.public_key) {
            return true;
        }
        let (Some(by), Some(signature)) = (&self.signed_by, &self.signature) else { return false };
        pinned
            .iter()
            .any(|key| key.key_id() == *by && key.verifies(Purpose::Key, self.public_key.as_bytes(), signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_purpose_and_one_key() {
        let key = SigningKey::from_seed(&[7; 32]);
        let signature = key.sign(Purpose::Job, b"text");
        assert!(key.public().verifies(Purpose::Job, b"text", &signature));
        assert!(!key.public().verifies(Purpose::Job, b"texT", &signature));
        assert!(!key.public().verifies(Purpose::Key, b"text", &signature));
        assert!(!SigningKey::from_seed(&[8; 32]).public().verifies(Purpose::Job, b"text", &signature));
    }

    #[test]
    fn a_new_key_counts_only_when_a_pinned_one_signed_it() {
        let (old, new, stranger) =
            (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]), SigningKey::from_seed(&[3; 32]));
        let rotated = |by: &SigningKey| RotatedKey {
            key_id: new.public().key_id(),
            public_key: new.public(),
            signed_by: Some(by.public().key_id()),
            signature: Some(by.sign(Purpose::Key, new.public().as_bytes())),
        };
        assert!(rotated(&old).is_vouched_for(&[old.public()]));
        assert!(!rotated(&stranger).is_vouched_for(&[old.public()]));
    }
}
