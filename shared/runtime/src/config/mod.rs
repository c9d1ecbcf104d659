//! Configuration, product section 5: a file, then the environment, then `*_FILE` for secrets. Everything is read and
//! judged before a port is bound, and every mistake is reported at once, by name.
mod judges;
mod otlp;
mod reader;
mod services;
mod values;

pub use otlp::{Endpoint, Otlp};
pub use reader::{ConfigError, Effective, FILE_VARIABLE, Mistake, Reader, Setting};
pub use services::{Backup, Common, Dispatcher, Ingest, Manager};
pub use values::{DatabaseUrl, Environment, Secret};
