//! Forms that keep what was typed and say beside each field what is wrong.
//!
//! A handler makes a [`Form`] from the posted pairs (or from the object that is edited), runs the use case, and on
//! `AppError::Invalid` renders the same page again with status 422 and [`Form::refuse`].
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;
use axum::http::StatusCode;
use mipo_app::FieldError;

use super::show::{Html, escape, mark};

/// The days of the week as a choice, the week beginning on Monday.
pub const DAYS: &[(&str, &str)] = &[
    ("1", "Monday"),
    ("2", "Tuesday"),
    ("3", "Wednesday"),
    ("4", "Thursday"),
    ("5", "Friday"),
    ("6", "Saturday"),
    ("0", "Sunday"),
];

/// Values and refusals of one form. Field names are the names of the JSON twin (camelCase). It has no Debug output,
/// because some forms hold a password.
#[derive(Clone, Default)]
pub struct Form {
    values: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// From the pairs of a posted body, in their order.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut form = Self::new();
        for (name, value) in pairs {
            form.values.entry(name).or_default().push(value);
        }
        form
    }

    /// Presets a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.entry(name.to_owned()).or_default().push(value.into());
        self
    }

    /// Sets a field to one value, whatever it held.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), vec![value.into()]);
        self
    }

    /// The attributes of a field that is drawn by hand: what describes it, and whether it was refused.
    pub fn marks(&self, name: &str) -> Html {
        let wrong = !self.errors_of(name).is_empty();
        Html(if wrong { format!(r#" aria-invalid="true" aria-describedby="f-{name}-err""#) } else { String::new() })
    }

    /// Takes over the values and refusals of `other`.
    #[must_use]
    pub fn adopt(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self.errors.extend(other.errors);
        self
    }

    /// Adds what was refused.
    #[must_use]
    pub fn refuse(mut self, errors: Vec<FieldError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// The first value of a field, trimmed; empty if absent.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).and_then(|values| values.first()).map_or("", |value| value.trim())
    }

    /// The first value of a field as it was typed: passwords may begin or end with a blank.
    pub fn raw(&self, name: &str) -> &str {
        self.values.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// The value, or nothing if it is empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.value(name)).filter(|value| !value.is_empty())
    }

    /// True when the field was sent, even if it is empty.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// All values of a field (several boxes of one name).
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.values.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty()).collect()
    }

    /// True when the box `name` with `value` is ticked.
    pub fn ticked(&self, name: &str, value: &str) -> bool {
        self.values.get(name).is_some_and(|values| values.iter().any(|v| v == value))
    }

    /// A number field; the refusal names what was typed.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, FieldError> {
        match self.filled(name) {
            None => Ok(None),
            Some(text) => text
                .replace([',', ' '], "")
                .parse()
                .map(Some)
                .map_err(|_| FieldError::new(name, "not_a_number", format!("“{text}” is not a whole number."))),
        }
    }

    /// The status of the page that shows the form.
    pub const fn status(&self) -> StatusCode {
        if self.has_errors() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }

    /// True when something was refused.
    pub const fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Everything that was refused.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The refusals of a field; `ports[2]` and `ports.x` belong to `ports`.
    pub fn errors_of(&self, name: &str) -> Vec<&FieldError> {
        self.errors
            .iter()
            .filter(|error| {
                error.field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
            })
            .collect()
    }

    /// The note above the form that says what was refused; each line leads to its field. Nothing without errors.
    pub fn summary(&self) -> Html {
        if self.errors.is_empty() {
            return Html(String::new());
        }
        let count = self.errors.len();
        let mut out = format!(
            r#"<div class="note bad" id="errors" tabindex="-1" role="group" aria-labelledby="errors-h">{}<b id="errors-h">Not saved. {}</b><ul>"#,
            mark("s-fail", "bad"),
            if count == 1 {
                "One thing needs a correction.".to_owned()
            } else {
                format!("{count} things need a correction.")
            }
        );
        for error in &self.errors {
            let root = error.field.split(['[', '.']).next().unwrap_or_default();
            // Infallible: writing to a String.
            let _ = if root.is_empty() {
                write!(out, "<li>{}</li>", escape(&error.message))
            } else {
                write!(out, r##"<li><a href="#f-{}">{}</a></li>"##, escape(root), escape(&error.message))
            };
        }
        out.push_str("</ul></div>");
        Html(out)
    }

    /// The refusals of one field, as they stand under it. For fields drawn by hand; give the field
    /// `aria-describedby="f-NAME-err"`.
    pub fn error(&self, name: &str) -> Html {
        let errors = self.errors_of(name);
        if errors.is_empty() {
            return Html(String::new());
        }
        let text = errors.iter().map(|error| escape(&error.message)).collect::<Vec<_>>().join("<br>");
        Html(format!(r#"<p class="err" id="f-{name}-err">{}<span>{text}</span></p>"#, mark("s-fail", "bad")))
    }

    /// A line of text.
    pub fn text<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Input("text"))
    }

    /// A whole number.
    pub fn count<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Input("text")).attr("inputmode", "numeric")
    }

    /// A password; its value is never sent back.
    pub fn password<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Input("password"))
    }

    /// An instant, as the browser's own picker writes it: `2030-12-31T18:00`.
    pub fn instant<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Input("datetime-local"))
    }

    /// An e-mail address.
    pub fn email<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Input("email"))
    }

    /// Several lines of text.
    pub fn area<'a>(&'a self, name: &'a str, label: &'a str, rows: u8) -> Field<'a> {
        Field::new(self, name, label, Kind::Area(rows))
    }

    /// One of several values; `options` are (value, words).
    pub fn select<'a>(&'a self, name: &'a str, label: &'a str, options: &'a [(&'a str, &'a str)]) -> Field<'a> {
        Field::new(self, name, label, Kind::Select(options))
    }

    /// A box. Its value is `true` when ticked.
    pub fn tick<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Kind::Tick)
    }
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Input(&'static str),
    Area(u8),
    Select(&'a [(&'a str, &'a str)]),
    Tick,
}

/// One field with its label, hint and refusal. `{{ form.text("name", "Name").hint("…").required() }}`
pub struct Field<'a> {
    form: &'a Form,
    name: &'a str,
    label: &'a str,
    kind: Kind<'a>,
    hint: &'a str,
    required: bool,
    mono: bool,
    attrs: Vec<(&'a str, String)>,
}

impl<'a> Field<'a> {
    fn new(form: &'a Form, name: &'a str, label: &'a str, kind: Kind<'a>) -> Self {
        Self { form, name, label, kind, hint: "", required: false, mono: false, attrs: Vec::new() }
    }

    /// A sentence under the field: what is accepted.
    #[must_use]
    pub fn hint(mut self, text: &'a str) -> Self {
        self.hint = text;
        self
    }

    /// Must be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Addresses, ports and other literals.
    #[must_use]
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// Longest value.
    #[must_use]
    pub fn max(self, length: usize) -> Self {
        self.attr("maxlength", length)
    }

    /// The browser's own completion, such as `username`; `off` for none.
    #[must_use]
    pub fn autocomplete(self, what: &'static str) -> Self {
        self.attr("autocomplete", what)
    }

    /// An example in the empty field.
    #[must_use]
    pub fn placeholder(self, text: &'a str) -> Self {
        self.attr("placeholder", text)
    }

    /// The field that has the focus when the page opens.
    #[must_use]
    pub fn autofocus(self) -> Self {
        self.attr("autofocus", "")
    }

    /// Any other attribute.
    #[must_use]
    pub fn attr(mut self, name: &'a str, value: impl fmt::Display) -> Self {
        self.attrs.push((name, escape(&value.to_string())));
        self
    }
}

impl HtmlSafe for Field<'_> {}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        let wrong = !self.form.errors_of(name).is_empty();
        let mut described = String::new();
        if wrong {
            let _ = write!(described, "f-{name}-err ");
        }
        if !self.hint.is_empty() {
            let _ = write!(described, "f-{name}-help");
        }
        let mut attrs = String::new();
        if !described.is_empty() {
            let _ = write!(attrs, r#" aria-describedby="{}""#, described.trim_end());
        }
        if wrong {
            attrs.push_str(r#" aria-invalid="true""#);
        }
        if self.required {
            attrs.push_str(" required");
        }
        for (key, value) in &self.attrs {
            let _ = if value.is_empty() { write!(attrs, " {key}") } else { write!(attrs, r#" {key}="{value}""#) };
        }
        let class = if self.mono { "in mono" } else { "in" };
        let required = if self.required { r#" <span class="req">required</span>"# } else { "" };
        let label = escape(self.label);
        if let Kind::Tick = self.kind {
            let checked = if self.form.ticked(name, "true") { " checked" } else { "" };
            write!(
                f,
                r#"<div class="fld opts"><label><input type="checkbox" id="f-{name}" name="{name}" value="true"{checked}{attrs}>{label}</label>"#
            )?;
        } else {
            write!(f, r#"<div class="fld"><label for="f-{name}">{label}{required}</label>"#)?;
        }
        match self.kind {
            Kind::Tick => {}
            Kind::Input(kind) => {
                let value = if kind == "password" { String::new() } else { escape(self.form.value(name)) };
                write!(
                    f,
                    r#"<input class="{class}" type="{kind}" id="f-{name}" name="{name}" value="{value}"{attrs}>"#
                )?;
            }
            Kind::Area(rows) => {
                let value = escape(self.form.value(name));
                // A line break right after the tag is dropped by the browser; without it one of the value's would be.
                write!(
                    f,
                    "<textarea class=\"{class}\" id=\"f-{name}\" name=\"{name}\" rows=\"{rows}\"{attrs}>\n{value}</textarea>"
                )?;
            }
            Kind::Select(options) => {
                write!(f, r#"<select class="{class}" id="f-{name}" name="{name}"{attrs}>"#)?;
                for (value, words) in options {
                    let selected = if self.form.value(name) == *value { " selected" } else { "" };
                    write!(f, r#"<option value="{}"{selected}>{}</option>"#, escape(value), escape(words))?;
                }
                f.write_str("</select>")?;
            }
        }
        write!(f, "{}", self.form.error(name))?;
        if !self.hint.is_empty() {
            write!(f, r#"<p class="help" id="f-{name}-help">{}</p>"#, escape(self.hint))?;
        }
        f.write_str("</div>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_keeps_its_value_and_says_why() {
        let form = Form::from_pairs([("name".to_owned(), "a <b".to_owned())]).refuse(vec![FieldError::new(
            "name",
            "charset",
            "Blanks are not allowed.",
        )]);
        let html = form.text("name", "Name").hint("1 to 64 letters.").required().to_string();
        assert!(html.contains(r#"value="a &lt;b""#), "{html}");
        assert!(
            html.contains(r#"aria-invalid="true""#) && html.contains(r#"aria-describedby="f-name-err f-name-help""#)
        );
        assert!(html.contains("Blanks are not allowed."));
        assert!(form.summary().to_string().contains(r##"href="#f-name""##));
    }

    #[test]
    fn errors_of_list_items_belong_to_their_field() {
        let form = Form::new().refuse(vec![FieldError::new("ports[2]", "range", "70000 is above 65535.")]);
        assert_eq!(form.errors_of("ports").len(), 1);
        assert_eq!(form.errors_of("port").len(), 0);
    }

    #[test]
    fn an_instant_has_a_picker_and_keeps_what_is_no_instant_out_of_it() {
        let html = Form::new().with("at", "2030-12-31T18:00").instant("at", "At").to_string();
        assert!(html.contains(r#"type="datetime-local""#) && html.matches(" type=").count() == 1, "{html}");
    }

    #[test]
    fn a_password_is_not_sent_back() {
        let form = Form::new().with("password", "hunter2 hunter2");
        assert!(!form.password("password", "Password").to_string().contains("hunter2"));
    }
}
