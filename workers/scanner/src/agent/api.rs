//! Talking to the server: one client, typed answers, typed refusals.
use std::io::Write;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mipo_protocol::problem::{Action, Code, Problem};
use mipo_protocol::wire::API_KEY_HEADER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, RequestBuilder};

use crate::cli::VERSION;

/// Bodies above this are compressed.
const COMPRESS: usize = 1_024;
/// The largest answer that is read.
const ANSWER: u64 = 64 << 20;
const CONNECT: Duration = Duration::from_secs(10);
/// The time for one call; a long poll has its wait on top.
const CALL: Duration = Duration::from_secs(40);

/// The server said no, and why.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its words.
    pub problem: Problem,
    /// When to come back, if it said so.
    pub retry_after: Option<Duration>,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server was not reached, or what answered was not it.
    #[error("{0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{} {}: {}", .0.problem.status, .0.problem.code, .0.problem.detail)]
    Refused(Box<Refusal>),
}

impl CallError {
    /// The refusal's code, when it is one that this program knows.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Unreachable(_) => None,
            Self::Refused(refusal) => refusal.problem.known_code(),
        }
    }

    /// What to do about it; an unreachable server is tried again.
    pub fn action(&self) -> Action {
        match self {
            Self::Unreachable(_) => Action::Retry,
            Self::Refused(refusal) => refusal.problem.action,
        }
    }

    /// When the server wants to hear again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable(_) => None,
            Self::Refused(refusal) => refusal.retry_after,
        }
    }
}

/// The client.
pub struct Api {
    agent: Agent,
    server: String,
    key: RwLock<Option<String>>,
}

impl Api {
    /// A client of `server`. Plain HTTP is for this machine alone, because the key would be read by others.
    pub fn new(server: &str, key: Option<String>, ca_file: Option<&Path>) -> Result<Self, String> {
        let server = server.trim_end_matches('/').to_owned();
        check_address(&server)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(ureq::Proxy::try_from_env())
            .user_agent(format!("mipo-scanner/{}", VERSION.replace(' ', "+")))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(CALL));
        if let Some(path) = ca_file {
            config = config.tls_config(TlsConfig::builder().root_certs(roots(path)?).build());
        }
        Ok(Self { agent: config.build().new_agent(), server, key: RwLock::new(key) })
    }

    /// Uses another key from now on.
    pub fn set_key(&self, key: String) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// A read, which may take `wait` longer than others.
    pub fn get<R: DeserializeOwned>(&self, path: &str, wait: Duration) -> Result<R, CallError> {
        let request = self.agent.get(self.url(path)).config().timeout_global(Some(CALL + wait)).build();
        answer(self.with_key(request).call())
    }

    /// A call with a JSON body.
    pub fn post<R: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<R, CallError> {
        let bytes = serde_json::to_vec(body).map_err(|error| CallError::Unreachable(error.to_string()))?;
        self.post_bytes(path, &bytes, None)
    }

    /// A call with ready bytes, and their hash where one is asked for.
    pub fn post_bytes<R: DeserializeOwned>(
        &self,
        path: &str,
        bytes: &[u8],
        hash: Option<(&str, &str)>,
    ) -> Result<R, CallError> {
        let mut request = self.with_key(self.agent.post(self.url(path))).content_type("application/json");
        if let Some((name, value)) = hash {
            request = request.header(name, value);
        }
        if bytes.len() > COMPRESS {
            let packed = gzip(bytes);
            return answer(request.header("content-encoding", "gzip").send(&packed[..]));
        }
        answer(request.send(bytes))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn with_key<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
            Some(key) => request.header(API_KEY_HEADER, key),
            None => request,
        }
    }
}

/// Packs bytes as a body is packed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn check_address(server: &str) -> Result<(), String> {
    let wrong = || format!("`{server}` is not the address of a server; write it as https://mipo.example");
    let uri: Uri = server.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_this_machine(host) => Ok(()),
        Some("http") => Err(format!("`{server}` would send the key in the clear; use https://{host}")),
        _ => Err(wrong()),
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn roots(path: &Path) -> Result<RootCerts, String> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let pem = std::fs::read(path).map_err(|error| at(&error))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| at(&error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(at(&"holds no certificate (PEM)"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn answer<R: DeserializeOwned>(result: Result<Response<Body>, ureq::Error>) -> Result<R, CallError> {
    let unreachable = |error: ureq::Error| CallError::Unreachable(error.to_string());
    let mut response = result.map_err(unreachable)?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let bytes = response.body_mut().with_config().limit(ANSWER).read_to_vec().map_err(unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(if bytes.is_empty() { b"null" } else { &bytes })
            .map_err(|error| CallError::Unreachable(format!("an answer that cannot be read: {error}")));
    }
    Err(refusal(status, &bytes, retry_after))
}

/// What an answer other than 2xx means. One without a code is not the server's, but of something before it.
fn refusal(status: StatusCode, bytes: &[u8], retry_after: Option<Duration>) -> CallError {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) if !problem.code.is_empty() => CallError::Refused(Box::new(Refusal { problem, retry_after })),
        _ => CallError::Unreachable(format!("HTTP {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_over_plain_http_to_this_machine_alone() {
        for good in ["https://mipo.example", "http://127.0.0.1:8080", "http://[::1]:8080/", "http://localhost"] {
            assert!(Api::new(good, None, None).is_ok(), "{good}");
        }
        for bad in ["http://mipo.example", "http://10.0.0.1", "ftp://127.0.0.1", "mipo.example", ""] {
            assert!(Api::new(bad, None, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_proxy_s_error_page_is_not_a_refusal() {
        let page = refusal(StatusCode::NOT_FOUND, b"<html>", None);
        assert!(matches!(page, CallError::Unreachable(_)) && page.action() == Action::Retry);
        let lost = refusal(StatusCode::CONFLICT, br#"{"code":"LEASE_LOST","action":"stop"}"#, None);
        assert_eq!((lost.code(), lost.action()), (Some(Code::LeaseLost), Action::Stop));
    }
}
