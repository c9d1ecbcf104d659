//! JSON bodies, with refusals that name the field.
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mipo_app::{AppError, FieldError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{LIMIT, media_type};
use super::problem::Problem;

/// A JSON body, in and out. Types that come in refuse unknown fields.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                Problem::from(AppError::Internal(format!("an answer could not be written: {error}"))).into_response()
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if media_type(request.headers()) != "application/json" {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "WRONG_CONTENT_TYPE",
                "Send the body as application/json.",
            ));
        }
        let unreadable = || Problem::new(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "The body ended too early.");
        let body = axum::body::to_bytes(request.into_body(), LIMIT).await.map_err(|_| unreadable())?;
        parse(&body).map(Self)
    }
}

/// Reads a body. Text that is no JSON is 400; a field that is unknown, missing or of the wrong type is 422 and named.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| refusal(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("The body is no JSON: line {}, column {}.", error.line(), error.column());
    Problem::new(StatusCode::BAD_REQUEST, "NOT_JSON", detail)
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return not_json(inner);
    }
    // Serde says it as: unknown field `x`, expected one of …; missing field `x`; invalid type: string "a", expected u32.
    let words = inner.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let path = error.path().to_string();
    let quoted = words.split('`').nth(1).unwrap_or_default();
    let within = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
    let (field, code, message) = if words.starts_with("unknown field") {
        // The path already ends with the unknown field.
        let field = if path.ends_with(quoted) { path.clone() } else { within(quoted) };
        (field, "unknown_field", format!("“{quoted}” is not known here{}.", expected(words)))
    } else if words.starts_with("missing field") {
        (within(quoted), "required", format!("“{quoted}” is required."))
    } else {
        let field = if path == "." { String::new() } else { path.clone() };
        (field, "wrong_type", format!("This is of the wrong type{}.", expected(words)))
    };
    AppError::Invalid(vec![FieldError::new(field, code, message)]).into()
}

/// What serde expected, in its own words; never what was given, which may be a secret.
fn expected(words: &str) -> String {
    words
        .rsplit_once(", expected ")
        .map_or_else(String::new, |(_, right)| format!("; expected {}", right.replace('`', "")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        user_name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        ports: Vec<u16>,
    }

    fn told(body: &str) -> serde_json::Value {
        serde_json::to_value(parse::<Outer>(body.as_bytes()).expect_err(body)).expect("writes")
    }

    #[test]
    fn the_field_is_named() {
        for (body, field, code) in [
            (r#"{"userName":"a","colour":1}"#, "colour", "unknown_field"),
            (r#"{"ports":[1]}"#, "userName", "required"),
            (r#"{"userName":1}"#, "userName", "wrong_type"),
            (r#"{"userName":"a","ports":[1,"x"]}"#, "ports[1]", "wrong_type"),
        ] {
            let told = told(body);
            assert_eq!(told["status"], 422, "{told}");
            assert_eq!(
                (&told["fields"][0]["field"], &told["fields"][0]["code"]),
                (&field.into(), &code.into()),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_unreadable() {
        for body in ["", "{", r#"{"userName":"a"} x"#, "not json"] {
            assert_eq!(told(body)["code"], "NOT_JSON", "{body}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_what_was_given() {
        assert!(!told(r#"{"userName":"a","ports":"hunter2"}"#).to_string().contains("hunter2"));
    }
}
