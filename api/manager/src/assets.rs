//! Style sheets, scripts and icons: compiled in, served under one content hash, cached for ever.
//!
//! A template writes `{{ crate::assets::url("css/base.css") }}`. All files share one hash, so that the relative imports
//! of the script modules stay inside the same version.
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

struct Asset {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal => $kind:expr),+ $(,)?) => {
        &[$(Asset { path: $path, kind: $kind, bytes: include_bytes!(concat!("../assets/", $path)) }),+]
    };
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

static ASSETS: &[Asset] = assets! {
    "css/tokens.css" => CSS,
    "css/base.css" => CSS,
    "css/components.css" => CSS,
    "css/pages.css" => CSS,
    "js/mipo.js" => JS,
    "js/ago.js" => JS,
    "js/copy.js" => JS,
    "js/filter.js" => JS,
    "js/inline.js" => JS,
    "js/live.js" => JS,
    "js/menu.js" => JS,
    "js/palette.js" => JS,
    "js/rows.js" => JS,
    "js/say.js" => JS,
    "js/setup.js" => JS,
    "js/toast.js" => JS,
    "vendor/htmx.min.js" => JS,
    "vendor/hx-sse.min.js" => JS,
    "vendor/LICENSE.htmx" => TEXT,
    "icons.svg" => SVG,
    "favicon.svg" => SVG,
};

/// Twelve hex digits over all files: enough to tell two builds apart.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.path.as_bytes());
        hash.update([0]);
        hash.update(asset.bytes);
    }
    hex::encode(&hash.finalize()[..6])
});

/// The address of an asset in this build.
pub fn url(path: &str) -> String {
    debug_assert!(ASSETS.iter().any(|asset| asset.path == path), "no asset {path}");
    format!("/assets/{}/{path}", *HASH)
}

/// `/assets/…`; needs no session.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{*path}", get(serve))
}

async fn serve(Path((hash, path)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else {
        return (StatusCode::NOT_FOUND, "no such asset").into_response();
    };
    // A page of the previous build may still ask by its hash: it gets what there is now, but must not keep it.
    let cache = if hash == *HASH { "public, max-age=31536000, immutable" } else { "no-store" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn vendored_files_are_what_was_published() {
        let listed: BTreeMap<&str, &str> = {
            let mut files = BTreeMap::new();
            let mut path = "";
            for line in include_str!("../assets/vendor/VENDOR.toml").lines() {
                if let Some(value) = line.strip_prefix("path = ") {
                    path = value.trim_matches('"');
                } else if let Some(value) = line.strip_prefix("sha256 = ") {
                    files.insert(path, value.trim_matches('"'));
                }
            }
            files
        };
        let vendored: Vec<_> = ASSETS.iter().filter(|asset| asset.path.starts_with("vendor/")).collect();
        assert_eq!(vendored.len(), listed.len(), "each vendored file is listed and the other way round");
        for asset in vendored {
            let name = asset.path.trim_start_matches("vendor/");
            assert_eq!(listed.get(name).copied(), Some(&*hex::encode(Sha256::digest(asset.bytes))), "{name}");
        }
    }

    #[test]
    fn modules_import_only_what_is_served() {
        for asset in ASSETS.iter().filter(|asset| asset.path.starts_with("js/")) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let name = line.split('\'').nth(1).unwrap().trim_start_matches("./");
                assert!(ASSETS.iter().any(|other| other.path == format!("js/{name}")), "{}: {line}", asset.path);
            }
        }
    }
}
