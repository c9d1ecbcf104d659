//! Where traces go, by the standard variables of OpenTelemetry.
use std::fmt;
use std::str::FromStr;

use super::reader::Reader;
use super::values::Secret;

/// Where traces go, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct Otlp {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; without it nothing is exported.
    pub endpoint: Option<Endpoint>,
    /// `OTEL_EXPORTER_OTLP_HEADERS_FILE`: names and values that go with each call, such as a token of the collector.
    pub headers: Vec<(String, Secret)>,
}

impl Otlp {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let endpoint = reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        if let Some(protocol) = reader.optional::<String>("OTEL_EXPORTER_OTLP_PROTOCOL")
            && protocol != "http/protobuf"
        {
            reader.mistake("OTEL_EXPORTER_OTLP_PROTOCOL", "mipo speaks http/protobuf alone; leave it out");
        }
        let mut headers = Vec::new();
        if let Some(list) = reader.secret("OTEL_EXPORTER_OTLP_HEADERS") {
            for pair in list.expose().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                match pair.split_once('=') {
                    Some((name, value)) if !name.trim().is_empty() => {
                        headers.push((name.trim().to_owned(), Secret::new(value.trim())));
                    }
                    _ => reader.mistake("OTEL_EXPORTER_OTLP_HEADERS", "must be name=value pairs with commas between"),
                }
            }
        }
        Self { endpoint, headers }
    }
}

/// The base address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Where spans are sent.
    pub fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let host = rest.map_or("", |rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let plain = !text.contains(['@', '?', '#']) && !text.contains(char::is_whitespace);
        if host.is_empty() || !plain {
            return Err("must be the base address of a collector, such as http://collector:4318");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_without_secrets() {
        let good: Endpoint = "https://collector.example:4318/base/".parse().expect("an address");
        assert_eq!(good.traces(), "https://collector.example:4318/base/v1/traces");
        for wrong in ["", "collector:4318", "grpc://collector:4317", "http://", "http://a:b@c", "http://a?b"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_come_from_a_file_and_every_mistake_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("headers");
        std::fs::write(&path, "authorization=Bearer a=b, x-team = mipo\n").expect("writes");
        let values = [("OTEL_EXPORTER_OTLP_HEADERS_FILE", path.display().to_string())];
        let mut reader = Reader::from_values(values);
        let read = Otlp::read(&mut reader);
        let told: Vec<_> = read.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(told, [("authorization", "Bearer a=b"), ("x-team", "mipo")]);
        reader.finish().expect("good");

        let mut reader = Reader::from_values([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x"),
        ]);
        assert!(Otlp::read(&mut reader).endpoint.is_none());
        let names: Vec<_> = reader.finish().expect_err("wrong").0.into_iter().map(|mistake| mistake.name).collect();
        assert_eq!(names, ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS"]);
    }
}
