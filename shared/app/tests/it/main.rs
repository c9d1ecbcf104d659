//! Use cases against a real database, each as the role of the service that calls it.
mod declared;
mod login;
mod scans;
