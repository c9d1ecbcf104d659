//! Reads a filter. Every mistake is named, not only the first.
use super::{Age, BadFilter, BadToken, Compare, Filter, ID_PREFIX, PayloadTest, Shown, Term, Test, Unit};

/// Longer filters are nobody's intention; 200 rows that were picked one by one are 7,403.
const LENGTH_MAX: usize = 8000;
/// Ten years.
const AGE_MAX_SECONDS: i64 = 3653 * 86_400;
/// Ids have so many characters.
const ID_LENGTH: usize = 36;

const KEYS: &str = "queue, kind, status, error, fingerprint, age, id, worker or payload";

/// What is wrong with a token: a word for programs and a sentence.
type Fault = (&'static str, String);

pub(super) fn filter(text: &str) -> Result<Filter, BadFilter> {
    let length = text.chars().count();
    if length > LENGTH_MAX {
        let reason = format!("write at most {LENGTH_MAX} characters; these are {length}");
        let token = text.chars().take(20).collect::<String>() + "…";
        return Err(BadFilter(vec![BadToken { token, position: 1, code: "too_long", reason }]));
    }
    let (mut terms, mut bad) = (Vec::new(), Vec::new());
    for (position, token) in tokens(text) {
        match term(&token) {
            Ok(term) => terms.push(term),
            Err((code, reason)) => bad.push(BadToken { token, position, code, reason }),
        }
    }
    if bad.is_empty() { Ok(Filter { terms }) } else { Err(BadFilter(bad)) }
}

/// The tokens with their positions, in characters from 1. Spaces inside quotes separate nothing.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let (mut open, mut escaped, mut inside) = (false, false, false);
    for (index, c) in text.chars().enumerate() {
        if c.is_whitespace() && !open {
            inside = false;
            continue;
        }
        if !inside {
            tokens.push((index + 1, String::new()));
            inside = true;
        }
        if let Some((_, token)) = tokens.last_mut() {
            token.push(c);
        }
        if escaped {
            escaped = false;
        } else if open && c == '\\' {
            escaped = true;
        } else if c == '"' {
            open = !open;
        }
    }
    tokens
}

fn term(token: &str) -> Result<Term, Fault> {
    let (not, rest) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
    let Some((key, value)) = rest.split_once(':') else {
        return Err(("no_key", format!("write key:value, such as error:timeout; the key is {KEYS}")));
    };
    let test = match key {
        "queue" => Test::Queue(names(value, key)?),
        "kind" => Test::Kind(names(value, key)?),
        "status" | "state" => Test::Status(each(value, key)?.iter().map(|word| state(word)).collect::<Result<_, _>>()?),
        "error" => Test::Error(each(value, key)?),
        "fingerprint" => Test::Fingerprint(each(value, key)?),
        "age" => age(value)?,
        "id" => Test::Id(each(value, key)?.iter().map(|text| id(text)).collect::<Result<_, _>>()?),
        "worker" => Test::Worker(each(value, key)?),
        "payload" => Test::Payload(payload(value)?),
        _ => return Err(("unknown_key", format!("there is no key {key}; write {KEYS}"))),
    };
    Ok(Term { not, test })
}

/// The values between commas, without their quotes; none of them is empty.
fn each(text: &str, key: &str) -> Result<Vec<String>, Fault> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut open, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                value.push(c);
            }
            '\\' if open => escaped = true,
            '"' => open = !open,
            ',' if !open => values.push(std::mem::take(&mut value)),
            '\0' => return Err(("charset", "a text cannot hold the character NUL".to_owned())),
            _ => value.push(c),
        }
    }
    if open {
        return Err((
            "open_quote",
            "a quote is opened and not closed; write \\\" for a quote inside a text".to_owned(),
        ));
    }
    values.push(value);
    if values.iter().any(String::is_empty) {
        return Err(("empty", format!("a value of {key} is empty; write {key}:value or {key}:one,two")));
    }
    Ok(values)
}

fn names(text: &str, key: &str) -> Result<Vec<String>, Fault> {
    let values = each(text, key)?;
    match values.iter().find(|name| !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')) {
        Some(name) => Err(("not_a_name", format!("{name} is no name of a {key}; names are lower-case words and _"))),
        None => Ok(values),
    }
}

fn state(word: &str) -> Result<Shown, Fault> {
    Shown::ALL.iter().copied().find(|state| state.as_str() == word).ok_or_else(|| {
        let words: Vec<_> = Shown::ALL.iter().map(|state| state.as_str()).collect();
        ("unknown_state", format!("{word} is no state; write {}", words.join(", ")))
    })
}

fn age(text: &str) -> Result<Test, Fault> {
    let wrong = || ("not_an_age", "write > or <, a number and s, m, h or d, such as age:>10m".to_owned());
    let mut chars = text.chars();
    let compare = match chars.next() {
        Some('>') => Compare::Older,
        Some('<') => Compare::Younger,
        _ => return Err(wrong()),
    };
    let unit = match chars.next_back() {
        Some('s') => Unit::Seconds,
        Some('m') => Unit::Minutes,
        Some('h') => Unit::Hours,
        Some('d') => Unit::Days,
        _ => return Err(wrong()),
    };
    let digits = chars.as_str();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let age = digits.parse().ok().map(|count| Age { count, unit }).filter(|age| age.seconds() <= AGE_MAX_SECONDS);
    let age = age.ok_or_else(|| ("too_long", "an age is ten years at most".to_owned()))?;
    Ok(Test::Age(compare, age))
}

/// The beginning of a UUID in its usual form: hyphens after 8, 12, 16 and 20 digits.
fn id(text: &str) -> Result<String, Fault> {
    let text = text.to_ascii_lowercase();
    let fits = |(at, c): (usize, char)| if matches!(at, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() };
    if (ID_PREFIX..=ID_LENGTH).contains(&text.len()) && text.chars().enumerate().all(fits) {
        return Ok(text);
    }
    let message = format!("{text} is no id; write one, or at least its first {ID_PREFIX} characters, with its hyphens");
    Err(("not_an_id", message))
}

fn payload(text: &str) -> Result<PayloadTest, Fault> {
    let wrong = || ("not_a_path", "write path=value, such as payload:scanId=12; fields are joined by dots".to_owned());
    let (path, value) = text.split_once('=').ok_or_else(wrong)?;
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    let fits = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !path.iter().all(fits) {
        return Err(wrong());
    }
    match <[String; 1]>::try_from(each(value, "payload")?) {
        Ok([value]) => Ok(PayloadTest { path, value }),
        Err(_) => Err(("one_value", "a payload term has one value; put a value with commas in quotes".to_owned())),
    }
}
