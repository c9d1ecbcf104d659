//! One sentence that outlives a redirect, in a cookie of half a minute.
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const NAME: &str = "mipo-flash";
const LONGEST: usize = 300;

/// A sentence and its tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// What happened.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How a sentence is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done.
    Good,
    /// Done, with something to look at.
    Warn,
    /// Not done.
    Bad,
}

impl Tone {
    /// The CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// The mark beside it.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Good => "s-ok",
            Self::Warn => "s-warn",
            Self::Bad => "s-fail",
        }
    }
}

/// 303 to `path`, whose page shows `text` once.
pub fn redirect(path: &str, tone: Tone, text: &str) -> Response {
    let mut response = to(path);
    let text: String = text.chars().take(LONGEST).collect();
    let value = URL_SAFE_NO_PAD.encode(format!("{}|{text}", tone.class()));
    if let Ok(cookie) = HeaderValue::from_str(&format!("{NAME}={value}; Path=/; Max-Age=30; HttpOnly; SameSite=Strict"))
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// 303 to `path`.
pub fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Reads the sentence of the request before. It is text from the browser: it is escaped like any other.
pub fn read(headers: &HeaderMap) -> Option<Flash> {
    let value = cookie(headers, NAME)?;
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (tone, text) = text.split_once('|')?;
    let tone = match tone {
        "good" => Tone::Good,
        "warn" => Tone::Warn,
        "bad" => Tone::Bad,
        _ => return None,
    };
    Some(Flash { text: text.chars().take(LONGEST).collect(), tone })
}

/// The cookie that takes it away.
pub(super) fn clear() -> HeaderValue {
    HeaderValue::from_static("mipo-flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_survives_the_redirect() {
        let response = redirect("/scans/12", Tone::Good, "Scan #12 “nightly” started; ok=1");
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {cookie}").parse().unwrap());
        let flash = read(&headers).unwrap();
        assert_eq!(flash, Flash { text: "Scan #12 “nightly” started; ok=1".to_owned(), tone: Tone::Good });
    }
}
