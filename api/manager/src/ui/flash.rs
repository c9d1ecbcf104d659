//! One sentence that outlives a redirect, in a cookie of half a minute.
//!
//! A handler only says what is to become of the cookie; [`settle`] writes it, because its name depends on how the request
//! came, as with the cookie of the session.
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `__Host-` binds it to this host and to TLS; on plain loopback a browser would refuse that.
const fn name(secure: bool) -> &'static str {
    if secure { "__Host-mipo-flash" } else { "mipo-flash" }
}

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
    let text = text.chars().take(LONGEST).collect();
    response.extensions_mut().insert(Fate::Said(Flash { text, tone }));
    response
}

/// What becomes of the cookie; travels in the response's extensions.
#[derive(Clone, Debug)]
enum Fate {
    /// It is set.
    Said(Flash),
    /// It is taken away.
    Shown,
}

/// Notes that the page of `response` shows the sentence, so that no other does.
pub(super) fn shown(response: &mut Response) {
    response.extensions_mut().insert(Fate::Shown);
}

/// Writes the cookie as the handler wished; `secure` when the request came by TLS.
pub(super) fn settle(response: &mut Response, secure: bool) {
    let (value, age) = match response.extensions_mut().remove::<Fate>() {
        None => return,
        Some(Fate::Shown) => (String::new(), 0),
        Some(Fate::Said(Flash { text, tone })) => (URL_SAFE_NO_PAD.encode(format!("{}|{text}", tone.class())), 30),
    };
    let (name, flag) = (name(secure), if secure { "; Secure" } else { "" });
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{flag}");
    // Base 64 is always a good header value.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// 303 to `path`.
pub fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Reads the sentence of the request before. It is text from the browser: it is escaped like any other.
pub fn read(headers: &HeaderMap, secure: bool) -> Option<Flash> {
    let value = cookie(headers, name(secure))?;
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
        for secure in [false, true] {
            let mut response = redirect("/scans/12", Tone::Good, "Scan #12 “nightly” started; ok=1");
            settle(&mut response, secure);
            let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
            assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
            assert_eq!(cookie.starts_with("__Host-"), secure, "{cookie}");
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("a=b; {}", cookie.split(';').next().unwrap()).parse().unwrap());
            let flash = read(&headers, secure).unwrap();
            assert_eq!(flash, Flash { text: "Scan #12 “nightly” started; ok=1".to_owned(), tone: Tone::Good });
            assert_eq!(read(&headers, !secure), None);
        }
    }

    #[test]
    fn a_sentence_that_was_shown_is_taken_away() {
        let mut response = to("/");
        shown(&mut response);
        settle(&mut response, true);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-mipo-flash=; ") && cookie.contains("Max-Age=0"), "{cookie}");
    }
}
