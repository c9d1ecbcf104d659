//! The changes of one object, as its page shows them.
use chrono::{DateTime, Utc};
use mipo_app::history::Change;
use serde_json::Value;

/// Most changes shown on the page of an object.
const SHOWN: usize = 12;
/// Longest value shown.
const LONGEST: usize = 120;

/// One change.
pub struct Shown {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// What was done, as a sentence starts.
    pub action: String,
    /// Why.
    pub reason: String,
    /// What it was and what it is now.
    pub fields: Vec<(String, String, String)>,
}

/// The newest changes.
pub fn shown(changes: Vec<Change>) -> Vec<Shown> {
    changes
        .into_iter()
        .take(SHOWN)
        .map(|change| Shown {
            // What an object was made of stands on its page.
            fields: match change.action.as_str() {
                "created" | "deleted" => Vec::new(),
                _ => {
                    change.fields().into_iter().map(|(name, was, is)| (label(&name), words(&was), words(&is))).collect()
                }
            },
            at: change.at,
            actor: change.actor,
            action: crate::ui::show::label(&change.action),
            reason: change.reason,
        })
        .collect()
}

/// `rateLimit` as `Rate limit`.
fn label(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    crate::ui::show::label(&out)
}

fn words(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_like_words() {
        assert_eq!(words(&json!(["a", "b"])), "a, b");
        assert_eq!(words(&json!(null)), "none");
        assert_eq!(words(&json!("x".repeat(500))).chars().count(), LONGEST);
        assert_eq!(label("maxConcurrentJobs"), "Max concurrent jobs");
    }
}
