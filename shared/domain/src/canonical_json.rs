//! Canonical JSON (RFC 8785): the same value always has the same bytes, so that it can be hashed.
use serde::Serialize;

/// The canonical bytes of `value`.
///
/// # Panics
/// Never for the types of this workspace: they serialise without maps of non-string keys and without non-finite numbers.
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("our types have string keys and finite numbers only")
}
