//! Names of headers, limits of bodies, and bytes as text.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Carries the scanner's key.
pub const API_KEY_HEADER: &str = "x-api-key";
/// Carries the SHA-256 of the unpacked body of a part.
pub const PART_SHA256_HEADER: &str = "x-mipo-part-sha256";
/// Carries the SHA-256 of a release binary.
pub const RELEASE_SHA256_HEADER: &str = "x-mipo-sha256";
/// Carries the signature of a release binary.
pub const RELEASE_SIGNATURE_HEADER: &str = "x-mipo-signature";

/// Largest body as sent.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Largest body once unpacked.
pub const MAX_UNPACKED_BYTES: usize = 32 * 1024 * 1024;
/// A part is cut after so many indices, …
pub const PART_MAX_INDICES: u64 = 250_000;
/// … or so many seconds.
pub const PART_MAX_SECONDS: u64 = 5;
/// A scanner says that it lives this often.
pub const HEARTBEAT_SECONDS: u32 = 60;
/// A scanner reports progress this often.
pub const PROGRESS_SECONDS: u64 = 15;
/// The long poll waits at most so long.
pub const MAX_WAIT_SECONDS: u32 = 25;
/// A scanner stops probing so long before an unrenewed lease ends.
pub const STOP_BEFORE_LEASE_END_SECONDS: u64 = 30;
/// How far the clocks of scanner and server may be apart.
pub const CLOCK_ERROR_SECONDS: i64 = 300;

/// Bytes that are written as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Base64(pub Vec<u8>);

impl Base64 {
    /// The text.
    pub fn encode(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// Reads the text.
    pub fn decode(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().map(Self)
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("not base64"))
    }
}
