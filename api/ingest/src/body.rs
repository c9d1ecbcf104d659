//! Reading bodies: bounded as they come in and bounded again once unpacked (product 6.4, S21).
use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use mipo_app::FieldError;
use mipo_app::refusal::Refusal;
use mipo_protocol::problem::Code;
use mipo_protocol::wire::{MAX_BODY_BYTES, MAX_UNPACKED_BYTES};
use serde::de::DeserializeOwned;

/// A body that takes longer to arrive is given up.
const READ_TIME_OUT: Duration = Duration::from_secs(30);

/// How large a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    sent: usize,
    unpacked: usize,
}

/// A part.
pub(crate) const PART: Bounds = Bounds { sent: MAX_BODY_BYTES, unpacked: MAX_UNPACKED_BYTES };
/// A push of addresses.
pub(crate) const PUSH: Bounds = Bounds { sent: 1024 * 1024, unpacked: 1024 * 1024 };
/// Everything else: a few fields and short lists.
pub(crate) const CALL: Bounds = Bounds { sent: 64 * 1024, unpacked: 64 * 1024 };
/// Largest window that a zstd body may ask for, as a power of two: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

fn too_large(what: &str, limit: usize) -> Refusal {
    Refusal::new(Code::TooLarge, format!("the body is above {} KiB {what}", limit / 1024))
}

/// The unpacked bytes of a body.
pub(crate) async fn read(headers: &HeaderMap, body: Body, bounds: Bounds) -> Result<Bytes, Refusal> {
    let announced = headers.get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bounds.sent) {
        return Err(too_large("as sent", bounds.sent));
    }
    let read = tokio::time::timeout(READ_TIME_OUT, axum::body::to_bytes(body, bounds.sent)).await;
    let packed = match read {
        Err(_) => return Err(Refusal::new(Code::BadRequest, "the body did not arrive within 30 s")),
        Ok(Err(error)) if is_over_limit(&error) => return Err(too_large("as sent", bounds.sent)),
        Ok(Err(_)) => return Err(Refusal::new(Code::BadRequest, "the body was cut off")),
        Ok(Ok(bytes)) => bytes,
    };
    let encoding = headers.get(CONTENT_ENCODING).map_or(Ok("identity"), |value| value.to_str());
    match encoding.map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        Ok("identity" | "") => Ok(packed),
        Ok("gzip") => {
            blocking(move || unpack(flate2::read::MultiGzDecoder::new(packed.as_ref()), bounds.unpacked)).await
        }
        Ok("zstd") => {
            blocking(move || {
                let mut decoder = zstd::stream::read::Decoder::new(packed.as_ref()).map_err(|_| cannot_unpack())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| cannot_unpack())?;
                unpack(decoder, bounds.unpacked)
            })
            .await
        }
        _ => Err(Refusal::new(Code::BadRequest, "Content-Encoding must be zstd, gzip or identity")),
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Runs what takes long on a thread of its own kind, so that other calls go on.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
}

fn cannot_unpack() -> Refusal {
    Refusal::new(Code::BadRequest, "the body is not what its Content-Encoding says")
}

fn unpack(decoder: impl Read, most: usize) -> Result<Bytes, Refusal> {
    let mut unpacked = Vec::new();
    decoder.take(most as u64 + 1).read_to_end(&mut unpacked).map_err(|_| cannot_unpack())?;
    if unpacked.len() > most { Err(too_large("unpacked", most)) } else { Ok(unpacked.into()) }
}

/// Reads JSON: what is no JSON is `BAD_REQUEST`, what has wrong values is `INVALID` with the field named.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
    let value = read.map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|_| Refusal::new(Code::BadRequest, "the body holds more than one JSON value"))?;
    Ok(value)
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    use serde_json::error::Category;

    let inner = error.inner();
    if matches!(inner.classify(), Category::Syntax | Category::Eof | Category::Io) {
        return Refusal::new(Code::BadRequest, format!("the body is not JSON: {inner}"));
    }
    let text = inner.to_string();
    let path = error.path().to_string();
    // "missing field `x`" and "unknown field `x`" name a field below the path.
    let named = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| text.strip_prefix(start))
        .and_then(|rest| rest.split('`').next());
    let field = match (path.as_str(), named) {
        ("." | "", None) => "body".to_owned(),
        ("." | "", Some(named)) => named.to_owned(),
        (path, Some(named)) if path.ends_with(named) => path.to_owned(),
        (path, Some(named)) => format!("{path}.{named}"),
        (path, None) => path.to_owned(),
    };
    let code = if text.starts_with("missing") {
        "required"
    } else if text.starts_with("unknown field") {
        "unknown"
    } else {
        "invalid"
    };
    Refusal {
        fields: vec![FieldError::new(field.clone(), code, text.clone())],
        ..Refusal::new(Code::Invalid, format!("{field}: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mipo_protocol::messages::{HeartbeatRequest, StartRequest};
    use mipo_protocol::part::Part;

    #[test]
    fn names_the_field_that_is_wrong() {
        let field = |refusal: Refusal| (refusal.code, refusal.fields.first().map(|f| f.field.clone()));
        let start = |text: &str| field(json::<StartRequest>(text.as_bytes()).expect_err("refused"));
        assert_eq!(start("{"), (Code::BadRequest, None));
        assert_eq!(start("{} {}"), (Code::Invalid, Some("leaseAttempt".to_owned())));
        assert_eq!(start(r#"{"leaseAttempt":1} x"#), (Code::BadRequest, None));
        assert_eq!(start(r#"{"leaseAttempt":"1"}"#), (Code::Invalid, Some("leaseAttempt".to_owned())));
        assert_eq!(start(r#"{"leaseAttempt":-1}"#), (Code::Invalid, Some("leaseAttempt".to_owned())));
        assert_eq!(start(r#"{"leaseAttempt":1,"x":2}"#), (Code::Invalid, Some("x".to_owned())));
        assert_eq!(start("7"), (Code::Invalid, Some("body".to_owned())));
        let part =
            br#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":1,"defaultState":"closed","hosts":[{"ip":"x"}]}"#;
        assert_eq!(field(json::<Part>(part).expect_err("refused")), (Code::Invalid, Some("hosts[0].ip".to_owned())));
        assert!(json::<HeartbeatRequest>(br#"{"somethingNew":1}"#).is_ok());
    }

    #[tokio::test]
    async fn bounds_bodies_before_and_after_unpacking() {
        let with = |encoding: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, axum::http::HeaderValue::from_static(encoding));
            headers
        };
        let code = |result: Result<Bytes, Refusal>| result.map(|bytes| bytes.len()).map_err(|refusal| refusal.code);
        let plain = vec![b'x'; MAX_BODY_BYTES + 1];
        assert_eq!(code(read(&HeaderMap::new(), Body::from(plain), PART).await), Err(Code::TooLarge));
        let bomb = zstd::encode_all(std::io::repeat(0).take(MAX_UNPACKED_BYTES as u64 + 1), 1).expect("packs");
        assert!(bomb.len() < 1024 * 1024);
        assert_eq!(code(read(&with("zstd"), Body::from(bomb), PART).await), Err(Code::TooLarge));
        let fits = zstd::encode_all(&b"{}"[..], 1).expect("packs");
        assert_eq!(code(read(&with("zstd"), Body::from(fits), PART).await), Ok(2));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, b"{}").expect("packs");
        assert_eq!(code(read(&with("gzip"), Body::from(gzip.finish().expect("packs")), PART).await), Ok(2));
        assert_eq!(code(read(&with("gzip"), Body::from("{}"), PART).await), Err(Code::BadRequest));
        let more = "x".repeat(64 * 1024 + 1);
        assert_eq!(code(read(&HeaderMap::new(), Body::from(more.clone()), CALL).await), Err(Code::TooLarge));
        let packed = zstd::encode_all(more.as_bytes(), 1).expect("packs");
        assert_eq!(code(read(&with("zstd"), Body::from(packed), CALL).await), Err(Code::TooLarge));
        assert_eq!(code(read(&with("br"), Body::from("{}"), PART).await), Err(Code::BadRequest));
    }
}
