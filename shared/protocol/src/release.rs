//! Release files of the scanner: what they are called and how they are signed (product 6.4, S26).
//!
//! A release folder holds, for each platform, `mipo-scanner-<platform>-<arch>` and beside it `….sha256` (64 hex
//! digits) and `….sig` (base64 of an Ed25519 signature over the bytes of the file).
use mipo_domain::hash::Hash256;

use crate::signature::{PublicKey, Purpose, Signature, SigningKey};

/// Platforms that the routes know.
pub const PLATFORMS: [&str; 3] = ["linux", "darwin", "windows"];
/// Architectures that the routes know.
pub const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// True when the combination is one that the routes know.
pub fn is_known(platform: &str, arch: &str) -> bool {
    PLATFORMS.contains(&platform) && ARCHITECTURES.contains(&arch)
}

/// The file of a platform.
pub fn file_name(platform: &str, arch: &str) -> String {
    let suffix = if platform == "windows" { ".exe" } else { "" };
    format!("mipo-scanner-{platform}-{arch}{suffix}")
}

/// The platform and architecture that this program was built for, in release words.
pub const fn this_platform() -> (&'static str, &'static str) {
    let platform = if cfg!(target_os = "macos") {
        "darwin"
    } else if cfg!(windows) {
        "windows"
    } else {
        "linux"
    };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    (platform, arch)
}

/// The texts of the two files that stand beside a release binary: `.sha256` and `.sig`.
pub fn sign(key: &SigningKey, binary: &[u8]) -> (String, String) {
    (format!("{}\n", Hash256::of(binary)), format!("{}\n", key.sign(Purpose::Release, binary).to_base64()))
}

/// The hash of `binary` when `signature_text` is `key`'s signature over it.
pub fn verify(key: &PublicKey, binary: &[u8], signature_text: &str) -> Option<(Hash256, Signature)> {
    let signature = Signature::from_base64(signature_text)?;
    key.verifies(Purpose::Release, binary, &signature).then(|| (Hash256::of(binary), signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_does_not_verify() {
        let key = SigningKey::from_seed(&[9; 32]);
        let (hash, signature) = sign(&key, b"binary");
        let (seen, _) = verify(&key.public(), b"binary", &signature).expect("verifies");
        assert_eq!(seen.to_string(), hash.trim());
        assert!(verify(&key.public(), b"binarY", &signature).is_none());
        assert!(verify(&key.public(), b"binary", "nonsense").is_none());
        assert_eq!(file_name("windows", "amd64"), "mipo-scanner-windows-amd64.exe");
        assert!(is_known("darwin", "arm64") && !is_known("linux", "mips"));
    }
}
