//! Where the cluster and its socket lie, and who owns them.
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{At, PostgresError};

/// The user that the server runs as when mipo is root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Where everything of one private cluster lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Holds `data` and `log`.
    pub home: PathBuf,
    /// The folder of the socket.
    pub socket: PathBuf,
    /// `<data directory>/postgres`, when it is a link to `home`.
    pub link: Option<PathBuf>,
    pub(crate) account: Option<Account>,
}

impl Place {
    /// The place that belongs to the data directory, which exists.
    pub fn of(data_dir: &Path) -> Result<Self, PostgresError> {
        let data_dir = data_dir.canonicalize().at(data_dir)?;
        let hash = &hex::encode(Sha256::digest(data_dir.as_os_str().as_encoded_bytes()))[..12];
        if rustix::process::geteuid().is_root() {
            return Ok(Self {
                home: Path::new("/var/lib/mipo").join(hash),
                socket: Path::new("/run/mipo").join(hash),
                link: Some(data_dir.join("postgres")),
                account: Some(account("postgres").ok_or(PostgresError::NoUser)?),
            });
        }
        let uid = rustix::process::geteuid().as_raw();
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| owned(path, uid));
        let base = runtime.map_or_else(|| std::env::temp_dir().join(format!("mipo-{uid}")), |path| path.join("mipo"));
        Ok(Self { home: data_dir.join("postgres"), socket: base.join(hash), link: None, account: None })
    }

    /// The folder of the cluster itself.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// True when there is a cluster and the data directory knows nothing of it.
    pub(crate) fn is_orphan(&self) -> bool {
        self.link.as_ref().is_some_and(|link| fs::symlink_metadata(link).is_err()) && self.home.exists()
    }

    /// Renames the cluster; one that was set aside before is deleted.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, PostgresError> {
        let kept = self.aside();
        match fs::remove_dir_all(&kept) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&kept),
            _ => {}
        }
        fs::rename(&self.home, &kept).at(&self.home)?;
        Ok(kept)
    }

    fn aside(&self) -> PathBuf {
        self.home.with_extension("old")
    }

    /// Makes what is missing, with the right owner and mode.
    pub(crate) fn prepare(&self) -> Result<(), PostgresError> {
        if self.account.is_some() {
            for parent in [self.home.parent(), self.socket.parent()].into_iter().flatten() {
                fs::create_dir_all(parent).at(parent)?;
            }
        } else if let Some(parent) = self.socket.parent() {
            private(parent)?;
        }
        private(&self.home)?;
        private(&self.socket)?;
        if let Some(account) = &self.account {
            for path in [&self.home, &self.socket] {
                chown(path, Some(account.uid), Some(account.gid)).at(path)?;
            }
        }
        // A socket path holds 107 bytes at most.
        let longest = self.socket.join(".s.PGSQL.5432.lock");
        if longest.as_os_str().len() > 107 {
            let problem =
                "this path is too long for a socket; set XDG_RUNTIME_DIR or TMPDIR to a shorter one".to_owned();
            return Err(PostgresError::Folder { path: self.socket.display().to_string(), problem });
        }
        match &self.link {
            Some(link) if fs::read_link(link).ok().as_deref() != Some(&self.home) => {
                if fs::symlink_metadata(link).is_ok() {
                    if !link.is_symlink() {
                        let problem =
                            "is not a link; it was made by an ordinary user: start mipo as that user, or move \
                                       it away"
                                .to_owned();
                        return Err(PostgresError::Folder { path: link.display().to_string(), problem });
                    }
                    fs::remove_file(link).at(link)?;
                }
                symlink(&self.home, link).at(link)
            }
            _ => Ok(()),
        }
    }

    /// Deletes everything, also what was set aside.
    pub(crate) fn remove(&self) -> Result<(), PostgresError> {
        let mut paths = vec![self.home.clone(), self.socket.clone()];
        if self.link.is_some() {
            paths.push(self.aside());
        }
        for path in &paths {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(path),
                _ => {}
            }
        }
        if let Some(link) = &self.link
            && link.is_symlink()
        {
            fs::remove_file(link).at(link)?;
        }
        Ok(())
    }
}

/// Makes a folder that only its owner can enter; refuses one that somebody else made (the temporary folder is shared).
fn private(path: &Path) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error).at(path),
        _ => {}
    }
    let metadata = fs::symlink_metadata(path).at(path)?;
    let uid = rustix::process::geteuid().as_raw();
    if !metadata.is_dir() || (uid != 0 && metadata.uid() != uid) {
        let problem = "exists and does not belong to you; remove it, or set XDG_RUNTIME_DIR".to_owned();
        return Err(PostgresError::Folder { path: path.display().to_string(), problem });
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).at(path)
}

fn owned(path: &Path, uid: u32) -> bool {
    path.is_absolute() && fs::metadata(path).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == uid)
}

fn account(name: &str) -> Option<Account> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        Some(Account { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

/// The name of the user that mipo runs as, for the map of who may connect as superuser.
pub(crate) fn own_name() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    })
}
