//! Reads named values and collects what is wrong with them.
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;
use std::str::FromStr;

use super::values::Secret;

/// Names the file with settings (TOML, one `NAME = value` a line); the environment wins over it.
pub const FILE_VARIABLE: &str = "MIPO_CONFIG";

/// One value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The variable.
    pub name: String,
    /// What is wrong and what would be right; never the value of a secret.
    pub problem: String,
    /// It is not given at all.
    pub missing: bool,
}

/// All that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Mistake>);

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the configuration is wrong:", if self.0.len() == 1 { "one value" } else { "a part" })?;
        for mistake in &self.0 {
            write!(f, "\n  {}: {}", mistake.name, mistake.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// Its value; `(hidden)` for a secret, `(none)` without one.
    pub value: String,
    /// `default`, `file`, `environment`, or the path of the `_FILE`.
    pub source: String,
}

/// What is in force, redacted, for `mipo doctor`.
pub type Effective = Vec<Setting>;

/// Hands out values by name; [`Reader::finish`] tells what was wrong. Its Debug output holds names only, because the
/// environment of a process holds the secrets of others too.
#[derive(Default)]
pub struct Reader {
    file: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    mistakes: Vec<Mistake>,
    effective: Effective,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read: Vec<_> = self.effective.iter().map(|setting| setting.name).collect();
        let wrong: Vec<_> = self.mistakes.iter().map(|mistake| mistake.name.as_str()).collect();
        f.debug_struct("Reader").field("read", &read).field("wrong", &wrong).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the process environment, and the file that `MIPO_CONFIG` names.
    pub fn from_environment() -> Self {
        // Names that are not UTF-8 are nobody's; values that are not are refused by their parsers.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
        let mut reader = Self { environment: environment.collect(), ..Self::default() };
        if let Some(path) = reader.environment.get(FILE_VARIABLE).cloned() {
            match read_file(Path::new(&path)) {
                Ok(file) => reader.file = file,
                Err(problem) => reader.mistake(FILE_VARIABLE, problem),
            }
        }
        reader
    }

    /// Reads only these values, as if they were the environment.
    pub fn from_values<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let environment = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// A value, or the default.
    pub fn or<T: FromStr + Display>(&mut self, name: &'static str, default: T) -> T
    where
        T::Err: Display,
    {
        match self.optional(name) {
            Some(value) => value,
            None => {
                if let Some(setting) = self.effective.iter_mut().find(|setting| setting.name == name) {
                    setting.value = default.to_string();
                }
                default
            }
        }
    }

    /// A value within `range`, or the default.
    pub fn within<T>(&mut self, name: &'static str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + Display + PartialOrd,
        T::Err: Display,
    {
        let value = self.or(name, default);
        if !range.contains(&value) {
            self.mistake(name, format!("{value} is not within {} to {}", range.start(), range.end()));
        }
        value
    }

    /// A value that must be given. `None` has been noted as a mistake.
    pub fn required<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: Display,
    {
        let mistakes = self.mistakes.len();
        let value = self.optional(name);
        if value.is_none() && self.mistakes.len() == mistakes {
            self.missing(name, "is required".to_owned());
        }
        value
    }

    /// A value that may be given.
    pub fn optional<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: Display,
    {
        let found = self.find(name, false)?;
        let parsed = found.parse();
        if let Err(error) = &parsed {
            self.mistake(name, error);
        }
        parsed.ok()
    }

    /// A comma-separated list; empty without a value.
    pub fn list<T: FromStr>(&mut self, name: &'static str) -> Vec<T>
    where
        T::Err: Display,
    {
        let Some(text) = self.find(name, false) else { return Vec::new() };
        let mut list = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match item.parse() {
                Ok(value) => list.push(value),
                Err(error) => self.mistake(name, format!("`{item}`: {error}")),
            }
        }
        list
    }

    /// A secret, which is given by `<name>_FILE`.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.find(name, true).map(Secret::new)
    }

    /// A secret that must be given. `None` has been noted as a mistake.
    pub fn required_secret(&mut self, name: &'static str) -> Option<Secret> {
        let mistakes = self.mistakes.len();
        let value = self.secret(name);
        if value.is_none() && self.mistakes.len() == mistakes {
            self.missing(name, format!("is required; give {name}_FILE, the path of a file that holds it"));
        }
        value
    }

    /// A value whose text must not be shown although it may come from the environment.
    pub fn hide(&mut self, name: &'static str, shown: impl Into<String>) {
        if let Some(setting) = self.effective.iter_mut().find(|setting| setting.name == name) {
            setting.value = shown.into();
        }
    }

    /// Notes that a value is wrong.
    pub fn mistake(&mut self, name: &str, problem: impl Display) {
        self.mistakes.push(Mistake { name: name.to_owned(), problem: problem.to_string(), missing: false });
    }

    fn missing(&mut self, name: &str, problem: String) {
        self.mistakes.push(Mistake { name: name.to_owned(), problem, missing: true });
    }

    /// What is in force, or all that is wrong.
    pub fn finish(self) -> Result<Effective, ConfigError> {
        if self.mistakes.is_empty() { Ok(self.effective) } else { Err(ConfigError(self.mistakes)) }
    }

    fn find(&mut self, name: &'static str, secret: bool) -> Option<String> {
        let file_name = format!("{name}_FILE");
        let named = self.environment.get(&file_name).or_else(|| self.file.get(&file_name)).cloned();
        let direct = (self.environment.get(name).map(|value| (value.clone(), "environment")))
            .or_else(|| self.file.get(name).map(|value| (value.clone(), "file")))
            .filter(|(value, _)| !value.is_empty());
        let (value, source) = match (named, direct) {
            (Some(_), Some(_)) => {
                self.mistake(name, format!("{name} and {file_name} are both given; give one of them"));
                (None, String::new())
            }
            (None, Some(_)) if secret => {
                self.mistake(name, format!("is a secret: give {file_name}, the path of a file that holds it"));
                (None, String::new())
            }
            (None, Some((value, source))) => (Some(value), source.to_owned()),
            (Some(path), None) => match std::fs::read_to_string(&path) {
                Ok(text) => (Some(text.trim_end_matches(['\r', '\n']).to_owned()), path),
                Err(error) => {
                    self.mistake(name, format!("{file_name}: cannot read {path}: {error}"));
                    (None, path)
                }
            },
            (None, None) => (None, "default".to_owned()),
        };
        let shown = match &value {
            None => "(none)".to_owned(),
            Some(_) if secret => "(hidden)".to_owned(),
            Some(value) => value.clone(),
        };
        self.effective.retain(|setting| setting.name != name);
        self.effective.push(Setting { name, value: shown, source });
        value
    }
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    table
        .into_iter()
        .map(|(name, value)| match value {
            toml::Value::String(text) => Ok((name, text)),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => Ok((name, value.to_string())),
            _ => Err(format!("{}: `{name}` must be a text, a number, true or false", path.display())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_by_name() {
        let mut reader = Reader::from_values([("DB_POOL_MAX", "many"), ("SECRETS_KEY", "k1:abc"), ("LIST", "1,x,3")]);
        assert_eq!(reader.or("DB_POOL_MAX", 10_u32), 10);
        assert!(reader.required::<String>("DATABASE_URL").is_none());
        assert!(reader.secret("SECRETS_KEY").is_none());
        assert_eq!(reader.list::<u32>("LIST"), [1, 3]);
        let error = reader.finish().expect_err("four mistakes");
        let names: Vec<_> = error.0.iter().map(|mistake| mistake.name.as_str()).collect();
        assert_eq!(names, ["DB_POOL_MAX", "DATABASE_URL", "SECRETS_KEY", "LIST"]);
        assert!(!error.to_string().contains("abc"), "{error}");
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "hush\n").expect("writes");
        let mut reader = Reader::from_values([("BACKUP_API_TOKEN_FILE", path.display().to_string())]);
        assert_eq!(reader.secret("BACKUP_API_TOKEN").expect("given").expose(), "hush");
        let shown = format!("{:?}", reader.finish().expect("good"));
        assert!(!shown.contains("hush") && shown.contains("(hidden)"), "{shown}");
    }

    #[test]
    fn a_reader_is_printed_without_a_value() {
        let mut reader = Reader::from_values([("LIST", "hush"), ("PASSWORD_OF_ANOTHER", "hush")]);
        assert!(reader.list::<u32>("LIST").is_empty());
        let shown = format!("{reader:?}");
        assert!(shown.contains("LIST") && !shown.contains("hush") && !shown.contains("PASSWORD"), "{shown}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mipo.toml");
        std::fs::write(&path, "DB_POOL_MAX = 4\nLOG_FORMAT = \"pretty\"\n").expect("writes");
        let mut reader = Reader::from_values([("DB_POOL_MAX", "5")]);
        reader.file = read_file(&path).expect("good");
        assert_eq!(reader.or("DB_POOL_MAX", 10_u32), 5);
        assert_eq!(reader.or("LOG_FORMAT", "json".to_owned()), "pretty");
    }
}
