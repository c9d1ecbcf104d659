//! Writes come from our own pages (product S7): the browser says where a request began, and the form or script sends
//! the token of its session.
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use mipo_domain::secrets::Token;

use super::body::{self, Whole};
use super::{Client, refuse_with};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// The header of scripts.
const HEADER: &str = "x-csrf-token";
/// The field of forms.
pub const FIELD: &str = "_csrf";
/// Signing in needs no token of the session that it replaces; where it began is checked all the same.
const WITHOUT_TOKEN: [&str; 3] = ["/login", "/api/auth/login", "/setup"];

/// Refuses what began elsewhere, and what comes with a session but without its token.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if body::writes(request.method()) {
        let refusal = match request.extensions().get::<Client>() {
            Some(client) if began_here(request.headers(), client, app.public_url.as_deref()) => {
                let needs = request.extensions().get::<SignedIn>().filter(|_| !WITHOUT_TOKEN.contains(&path));
                needs.filter(|signed| !holds_token(&request, &signed.csrf)).map(
                    |_| "The request does not carry the token of its session. Open the page again and repeat it there.",
                )
            }
            _ => Some("The request began on another site."),
        };
        if let Some(detail) = refusal {
            return refuse_with(path, StatusCode::FORBIDDEN, "CSRF", detail);
        }
    }
    next.run(request).await
}

/// What a browser says must be right. A program says nothing; it holds no cookie of anybody else.
fn began_here(headers: &HeaderMap, client: &Client, public_url: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = text(header::ORIGIN.as_str()).is_none_or(|origin| {
        origin.eq_ignore_ascii_case(&client.origin()) || public_url.is_some_and(|url| origin.eq_ignore_ascii_case(url))
    });
    site && origin
}

fn holds_token(request: &Request, expected: &str) -> bool {
    let header = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let given = header.or_else(|| {
        let Whole(body) = request.extensions().get::<Whole>()?;
        let is_form = body::media_type(request.headers()) == "application/x-www-form-urlencoded";
        let text = std::str::from_utf8(body).ok().filter(|_| is_form)?;
        pairs(text).into_iter().find_map(|(name, value)| (name == FIELD).then_some(value))
    });
    // Hashes are compared, so that time tells nothing.
    given.is_some_and(|given| Token::presented(given).hash().matches(&Token::presented(expected).hash()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secure: bool) -> Client {
        let ip = std::net::IpAddr::from([192, 0, 2, 1]);
        Client { ip, secure, host: "mipo.example:8443".to_owned(), user_agent: String::new() }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn a_write_begins_on_our_own_pages() {
        fn here(pairs: &[(&'static str, &'static str)]) -> bool {
            began_here(&headers(pairs), &client(true), Some("https://public.example"))
        }
        assert!(here(&[]), "a program");
        assert!(here(&[("origin", "https://mipo.example:8443"), ("sec-fetch-site", "same-origin")]));
        assert!(here(&[("origin", "https://public.example")]));
        for wrong in [
            [("origin", "https://evil.example")],
            [("origin", "http://mipo.example:8443")],
            [("origin", "https://mipo.example")],
            [("origin", "null")],
            [("sec-fetch-site", "cross-site")],
            [("sec-fetch-site", "same-site")],
            [("sec-fetch-site", "none")],
        ] {
            assert!(!here(&wrong), "{wrong:?}");
        }
        assert!(!here(&[("origin", "https://mipo.example:8443"), ("sec-fetch-site", "cross-site")]));
    }
}
