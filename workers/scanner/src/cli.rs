//! The command line, the environment (`MIPO_SCANNER_*`) and the optional configuration file, in this order.
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

/// Version and commit.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("MIPO_COMMIT"));

/// mipo's scanner.
#[derive(Debug, Parser)]
#[command(name = "mipo-scanner", version = VERSION, about = "Scans TCP ports, for a mipo server or by itself")]
#[command(after_help = "Exit codes: 0 good, 1 refused or failed (the reason is printed), 2 wrong usage.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scans targets from here, without a server
    Scan(ScanArgs),
    /// Exchanges a one-time token for this scanner's key, and writes the key file
    Enrol(EnrolArgs),
    /// Works for the server whose key file this machine has
    Run(RunArgs),
}

/// `mipo-scanner scan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mipo-scanner scan 127.0.0.1 -p 1-65535
  mipo-scanner scan 192.168.1.0/24 10.0.0.5-10.0.0.9 host.example -p 22,80,443 --rate 500 --json

It probes what it is told; only --deny-file holds it back.
Exit codes: 0 the scan is done, 1 it failed or was interrupted, 2 wrong usage.")]
pub struct ScanArgs {
    /// Addresses, CIDRs, ranges (a-b) or host names
    #[arg(required = true, value_name = "TARGETS")]
    pub targets: Vec<String>,
    /// Ports and ranges, such as 22,80,8000-8100
    #[arg(short, long, value_name = "PORTS")]
    pub ports: String,
    /// One JSON object a line, the summary last
    #[arg(long, conflicts_with = "xml")]
    pub json: bool,
    /// XML as nmap writes it
    #[arg(long)]
    pub xml: bool,
    /// Probes a second at most (0 = unlimited)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub rate: u32,
    /// Probes a second at most on one address (0 = unlimited)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub host_rate: u32,
    /// Every verdict, not only open ports
    #[arg(long)]
    pub all: bool,
    /// File of addresses and CIDRs that are never probed, one a line
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_DENY_FILE")]
    pub deny_file: Option<PathBuf>,
    /// Most memory for probes under way, in bytes or with k, m, g
    #[arg(long, value_name = "SIZE", value_parser = size, env = "MIPO_SCANNER_MAX_MEMORY")]
    pub max_memory: Option<u64>,
}

/// `mipo-scanner enrol`.
#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// Address of the server, such as https://mipo.example
    #[arg(long, value_name = "URL", env = "MIPO_SCANNER_SERVER")]
    pub server: String,
    /// The one-time token that the page "Add a scanner" shows
    #[arg(long, value_name = "TOKEN", env = "MIPO_SCANNER_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Where to write the key (mode 0600)
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// Certificates (PEM) to trust instead of the public ones
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

/// `mipo-scanner run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file (TOML) with these options as keys
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_CONFIG")]
    pub config: Option<PathBuf>,
    /// The options.
    #[command(flatten)]
    pub options: RunOptions,
}

/// What `run` can be told, by flag, variable or file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RunOptions {
    /// Address of the server, when it is not the key file's
    #[arg(long, value_name = "URL", env = "MIPO_SCANNER_SERVER")]
    pub server: Option<String>,
    /// The key file that `enrol` wrote
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// Probes a second over all jobs; wins when lower (0 = unlimited)
    #[arg(long, value_name = "N", env = "MIPO_SCANNER_MAX_RATE")]
    pub max_rate: Option<u32>,
    /// File of addresses and CIDRs that are never probed; wins over everything
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_DENY_FILE")]
    pub deny_file: Option<PathBuf>,
    /// Lifts an entry of the default deny list; may be repeated
    #[arg(long, value_name = "CIDR", env = "MIPO_SCANNER_ALLOW", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// File of addresses and CIDRs; when given, nothing else is probed
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_ALLOW_FILE")]
    pub allow_file: Option<PathBuf>,
    /// Folder for results that the server has not accepted yet
    #[arg(long, value_name = "DIR", env = "MIPO_SCANNER_SPOOL_DIR")]
    pub spool_dir: Option<PathBuf>,
    /// Most memory for probes under way, in bytes or with k, m, g
    #[arg(long, value_name = "SIZE", value_parser = size, env = "MIPO_SCANNER_MAX_MEMORY")]
    #[serde(deserialize_with = "deserialize_size")]
    pub max_memory: Option<u64>,
    /// Certificates (PEM) to trust instead of the public ones
    #[arg(long, value_name = "FILE", env = "MIPO_SCANNER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

impl RunArgs {
    /// The options in force: flags and variables first, then the file.
    pub fn merged(self) -> Result<RunOptions, String> {
        let Some(path) = self.config else { return Ok(self.options) };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: RunOptions = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let given = self.options;
        Ok(RunOptions {
            server: given.server.or(file.server),
            key_file: given.key_file.or(file.key_file),
            max_rate: given.max_rate.or(file.max_rate),
            deny_file: given.deny_file.or(file.deny_file),
            allow: if given.allow.is_empty() { file.allow } else { given.allow },
            allow_file: given.allow_file.or(file.allow_file),
            spool_dir: given.spool_dir.or(file.spool_dir),
            max_memory: given.max_memory.or(file.max_memory),
            ca_file: given.ca_file.or(file.ca_file),
        })
    }
}

/// Where state lies when nothing is said: the system's place for root, else the user's.
pub fn state_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/mipo-scanner");
    }
    let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    home("XDG_STATE_HOME")
        .or_else(|| home("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("mipo-scanner")
}

/// The key file when none is named.
pub fn default_key_file() -> PathBuf {
    state_dir().join("key.json")
}

/// The spool when none is named: beside the key file.
pub fn default_spool_dir(key_file: &Path) -> PathBuf {
    key_file.parent().unwrap_or(Path::new(".")).join("spool")
}

/// A number of bytes, with `k`, `m` or `g`.
fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.to_ascii_lowercase().strip_suffix(['k', 'm', 'g']) {
        Some(digits) => (digits.to_owned(), text.chars().last().map_or('b', |unit| unit.to_ascii_lowercase())),
        None => (text.to_owned(), 'b'),
    };
    let shift = match unit {
        'k' => 10,
        'm' => 20,
        'g' => 30,
        _ => 0,
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|bytes| *bytes >= 1 << 20)
        .ok_or_else(|| "a size of at least 1m, such as 64m".to_owned())
}

fn deserialize_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    let text = match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => bytes.to_string(),
        Size::Text(text) => text,
    };
    size(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(size("64m"), Ok(64 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("1048576"), Ok(1 << 20));
        assert!(size("12").is_err() && size("m").is_err() && size("-1m").is_err());
    }

    #[test]
    fn a_flag_wins_over_the_file_and_a_wrong_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scanner.toml");
        std::fs::write(&path, "max-rate = 100\nspool-dir = \"/x\"\nmax-memory = \"8m\"\nallow = [\"::1\"]\n").unwrap();
        let options = RunOptions { max_rate: Some(7), ..RunOptions::default() };
        let merged = RunArgs { config: Some(path.clone()), options }.merged().unwrap();
        assert_eq!((merged.max_rate, merged.max_memory), (Some(7), Some(8 << 20)));
        assert_eq!(merged.allow, ["::1"]);
        std::fs::write(&path, "max-rat = 100\n").unwrap();
        let error = RunArgs { config: Some(path), options: RunOptions::default() }.merged().unwrap_err();
        assert!(error.contains("max-rat"), "{error}");
    }
}
