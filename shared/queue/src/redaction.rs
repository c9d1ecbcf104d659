//! Secrets of a payload, struck out of whatever an attempt says.
use serde_json::Value;

use crate::context::Claim;

/// Shorter values are too common to be told from other words, and no secret is that short.
const SHORTEST: usize = 4;

/// Stands where a secret stood.
const MARK: &str = "[redacted]";

/// Knows the texts that a sealed payload holds.
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// That of a claim; payloads of other kinds hold ids alone, and nothing is struck out.
    pub(crate) fn of(claim: &Claim) -> Self {
        let mut secrets = Vec::new();
        if claim.kind.sealed
            && let Ok(payload) = &claim.payload
        {
            collect(payload.get("ids").unwrap_or(payload), &mut secrets);
        }
        // The longest first: one may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// `text` without the secrets.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MARK))
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => {
            secrets.push(text.clone());
            // As a debug output or a JSON text shows it.
            let escaped = Value::String(text.clone()).to_string();
            let inner = escaped.trim_matches('"');
            if inner != text {
                secrets.push(inner.to_owned());
            }
        }
        Value::Number(number) if number.to_string().len() >= SHORTEST => secrets.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, secrets)),
        _ => {}
    }
}
