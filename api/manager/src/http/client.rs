//! Where a request comes from. Forwarded headers count only when a trusted proxy sent them (product S10).
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::App;

/// The other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// True when it speaks TLS, to us or to the proxy.
    pub secure: bool,
    /// The authority that it asked for.
    pub host: String,
    /// Its name for itself.
    pub user_agent: String,
}

impl Client {
    /// The origin that pages of this request have.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }
}

/// Finds out who asks and leaves it in the request's extensions.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical());
    let trusted = |ip: IpAddr| app.trusted_proxies.iter().any(|net| net.contains(&ip));
    let headers = request.headers();
    let forwarded = trusted(peer);
    let ip = if forwarded { forwarded_for(headers, trusted).unwrap_or(peer) } else { peer };
    let secure = forwarded && last(headers, "x-forwarded-proto") == Some("https");
    let host = text(headers, header::HOST.as_str())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or_default()
        .to_owned();
    let user_agent = text(headers, header::USER_AGENT.as_str()).unwrap_or_default().to_owned();
    // Outside a trial on this machine everything is behind TLS, whether the proxy says so or not.
    let secure = secure || !app.development;
    request.extensions_mut().insert(Client { ip, secure, host, user_agent });
    next.run(request).await
}

/// The last address in the list that is no proxy of ours: everything before it was written by strangers.
fn forwarded_for(headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let all: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for part in all.iter().rev() {
        let ip: IpAddr = part.trim().parse().ok()?;
        let ip = ip.to_canonical();
        if !trusted(ip) {
            return Some(ip);
        }
    }
    None
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", value.parse().expect("a header"));
        headers
    }

    #[test]
    fn strangers_cannot_write_the_address() {
        let proxy: IpAddr = "10.0.0.2".parse().expect("an address");
        let found = |value: &str| forwarded_for(&headers(value), |ip| ip == proxy).map(|ip| ip.to_string());
        assert_eq!(found("1.1.1.1, 203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(found("203.0.113.7, 10.0.0.2").as_deref(), Some("203.0.113.7"));
        assert_eq!(found("::ffff:203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(found("1.1.1.1, junk"), None);
        assert_eq!(found("10.0.0.2"), None);
    }
}
