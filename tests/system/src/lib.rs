//! Tests with real binaries and a real PostgreSQL.
