//! The release of a local trial: signs the scanner that it runs, and serves it, so that the command of "Add a scanner"
//! works as shown.
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mipo_domain::entropy::Entropy;
use mipo_protocol::release;
use mipo_protocol::signature::SigningKey;

use super::data_dir::{DataDir, write_private};
use crate::Failure;

/// What ingest needs to serve the scanner.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) folder: PathBuf,
    /// Ed25519, base64.
    pub(crate) public_key: String,
}

/// Signs `scanner` into the release folder of the data directory, with the key that is made there once.
pub(crate) fn prepare(data: &DataDir, scanner: &Path, entropy: &dyn Entropy) -> Result<Release, Failure> {
    let key_file = data.path().join("release.key");
    if !key_file.exists() {
        write_private(&key_file, &STANDARD.encode(SigningKey::generate(entropy).seed()))?;
    }
    let seed = STANDARD.decode(fs::read_to_string(&key_file)?.trim())?;
    let seed = <[u8; 32]>::try_from(seed).map_err(|_| format!("{}: not a key of 32 bytes", key_file.display()))?;
    let key = SigningKey::from_seed(&seed);
    let folder = data.folder("releases")?;
    let (platform, arch) = release::this_platform();
    let name = release::file_name(platform, arch);
    let binary = fs::read(scanner).map_err(|error| format!("{}: {error}", scanner.display()))?;
    let (hash, signature) = release::sign(&key, &binary);
    let file = |ending: &str| folder.join(format!("{name}{ending}"));
    let unchanged = fs::read_to_string(file(".sig")).is_ok_and(|known| known == signature) && file("").exists();
    if !unchanged {
        // The signature comes last: a release that has a good one is whole.
        fs::write(file(""), &binary)?;
        fs::write(file(".sha256"), hash)?;
        fs::write(file(".sig"), signature)?;
    }
    Ok(Release { folder, public_key: STANDARD.encode(key.public().as_bytes()) })
}

#[cfg(test)]
mod tests {
    use mipo_protocol::signature::PublicKey;
    use mipo_runtime::OsEntropy;

    use super::*;

    #[test]
    fn the_signature_verifies_and_follows_the_binary() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::hold(&folder.path().join("trial")).expect("free");
        let scanner = folder.path().join("scanner");
        for content in ["one", "two"] {
            fs::write(&scanner, content).expect("writes");
            let made = prepare(&data, &scanner, &OsEntropy).expect("signs");
            let key = PublicKey::from_slice(&STANDARD.decode(&made.public_key).expect("base64")).expect("a key");
            let (platform, arch) = release::this_platform();
            let name = release::file_name(platform, arch);
            let binary = fs::read(made.folder.join(&name)).expect("there");
            let signature = fs::read_to_string(made.folder.join(format!("{name}.sig"))).expect("there");
            assert_eq!(binary, content.as_bytes());
            assert!(release::verify(&key, &binary, &signature).is_some());
        }
    }
}
