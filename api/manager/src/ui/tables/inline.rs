//! Editing in the row: the starred columns of a list (product 6.2) become fields of one form, in the place of their cells.
//!
//! It is a state of the list's own address (`?edit=ID`), so it works without a script, by keyboard, and with every filter
//! and order. The list draws the row with [`Inline::text`] and [`Inline::end`]; the handler of the POST reads what was
//! sent with [`Sent`], stores it, and draws the list again with the refusals when it was not taken.
use std::fmt;

use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::{AppError, FieldError};

use super::Listing;
use crate::ui::config::refused;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::show::{Html, escape};
use crate::ui::{self, Page};

/// The parameter that names the row.
const PARAMETER: &str = "edit";
/// The form that the fields belong to: one row is edited at a time.
const FORM: &str = "inline";

/// The row of a list that is edited.
#[derive(Clone)]
pub struct Inline {
    id: String,
    /// What was typed and refused; none when the row was just opened.
    typed: Option<Form>,
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Inline {
    /// A line of text in the cell of `name`, with what is stored or what was typed.
    pub fn text(&self, name: &str, label: &str, stored: impl AsRef<str>) -> Html {
        self.field(name, label, stored.as_ref(), 10_000, "")
    }

    /// A name, which has the focus first.
    pub fn name(&self, stored: &str) -> Html {
        self.field("name", "Name", stored, 64, " autofocus required")
    }

    /// Probes per second; empty for no limit.
    pub fn rate(&self, stored: impl std::borrow::Borrow<i32>) -> Html {
        let stored = *stored.borrow();
        let text = if stored == 0 { String::new() } else { stored.to_string() };
        self.field("rateLimit", "Rate limit", &text, 7, r#" inputmode="numeric" size="7""#)
    }

    fn field(&self, name: &str, label: &str, stored: &str, longest: u32, more: &str) -> Html {
        let value = self.typed.as_ref().map_or(stored, |form| form.value(name));
        let (marks, error) = match &self.typed {
            Some(form) => (form.marks(name).to_string(), form.error(name).to_string()),
            None => Default::default(),
        };
        if value.contains('\n') {
            return Html(format!(
                r#"<textarea class="in sm" form="{FORM}" id="f-{name}" name="{name}" rows="3" maxlength="{longest}" aria-label="{label}"{marks}>
{}</textarea>{error}"#,
                escape(value)
            ));
        }
        Html(format!(
            r#"<input class="in sm" form="{FORM}" id="f-{name}" name="{name}" value="{}" maxlength="{longest}" aria-label="{label}" autocomplete="off" spellcheck="false"{marks}{more}>{error}"#,
            escape(value)
        ))
    }

    /// The last cell: the form itself with its buttons, and what was refused of the row as a whole.
    pub fn end(&self, list: &Listing, page: &Page, action: impl fmt::Display, version: impl fmt::Display) -> Html {
        let whole = self.typed.as_ref().map(|form| {
            let errors = form.errors().iter().filter(|error| error.field.is_empty());
            errors.fold(String::new(), |out, error| out + r#"<p class="err">"# + &escape(&error.message) + "</p>")
        });
        Html(format!(
            r#"<td class="act edits"><form id="{FORM}" method="post" action="{}" data-inline novalidate>{}<input type="hidden" name="version" value="{version}"><input type="hidden" name="back" value="{}">{}<div><button class="btn sm main-act">Save</button><a class="btn sm quiet" href="{}" data-cancel>Cancel</a></div></form></td>"#,
            escape(&format!("{action}/inline")),
            page.csrf_field(),
            escape(&list.here()),
            whole.unwrap_or_default(),
            escape(&list.here()),
        ))
    }
}

impl Listing {
    /// Opens the row that the address names, or the one whose form was refused, where the user may edit.
    #[must_use]
    pub fn editing(mut self, may: bool, raw: Option<&str>, typed: Option<(String, Form)>) -> Self {
        let named = || {
            let pairs = crate::lists::pairs(raw.unwrap_or_default());
            pairs.into_iter().find_map(|(name, id)| (name == PARAMETER).then_some(id))
        };
        self.inline = match typed {
            Some((id, form)) => Some(Inline { id, typed: Some(form) }),
            None => named().filter(|_| may).map(|id| Inline { id, typed: None }),
        };
        self
    }

    /// Set for the row that is edited.
    pub fn inline(&self, id: impl fmt::Display) -> Option<&Inline> {
        self.inline.as_ref().filter(|inline| inline.id == id.to_string())
    }

    /// Where the row `id` is edited; `anchor` is the id of its element.
    pub fn edit(&self, id: impl fmt::Display, anchor: &str) -> String {
        let here = self.here();
        let glue = if here.contains('?') { '&' } else { '?' };
        format!("{here}{glue}{PARAMETER}={id}#{anchor}")
    }

    /// This address, with its page.
    pub fn here(&self) -> String {
        let page = (self.query.page > 1).then(|| self.query.page.to_string());
        self.link("page", page.as_deref())
    }
}

/// What was sent by a row.
pub struct Sent {
    form: Form,
    /// The version of the row that was edited.
    pub version: i32,
    errors: Vec<FieldError>,
}

impl Sent {
    /// Reads the posted form.
    pub fn of(form: Form) -> Self {
        Self { version: crate::ui::config::version(&form), form, errors: Vec::new() }
    }

    /// A field; nothing when its column is hidden, so that it stays as it is.
    pub fn text(&self, name: &str) -> Option<String> {
        self.form.has(name).then(|| self.form.value(name).to_owned())
    }

    /// The rate limit, 0 when it is empty; nothing when its column is hidden.
    pub fn rate(&mut self) -> Option<i64> {
        if !self.form.has("rateLimit") {
            return None;
        }
        match self.form.number("rateLimit") {
            Ok(rate) => Some(rate.unwrap_or(0)),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// The query string of the list that it was sent from.
    pub fn raw(&self) -> Option<String> {
        self.form.value("back").split_once('?').map(|(_, raw)| raw.to_owned())
    }

    /// What becomes of it: back to the list at `path` when it is stored, which `commit` makes durable; else the form with
    /// its refusals, for the row.
    pub fn judge<T>(self, done: Result<T, AppError>) -> Result<Result<T, Form>, ui::Error> {
        let mut errors = self.errors;
        match done {
            Ok(stored) if errors.is_empty() => return Ok(Ok(stored)),
            Ok(_) => {}
            Err(error) => errors.extend(refused(error)?),
        }
        Ok(Err(self.form.refuse(errors)))
    }
}

/// Back to the list at `path` as it was asked with `raw`; `name` is saved.
pub fn saved(path: &str, raw: Option<&str>, name: &str) -> Response {
    let back = raw.map_or_else(|| path.to_owned(), |raw| format!("{path}?{raw}"));
    flash::redirect(&back, Tone::Good, &format!("{name} is saved."))
}

/// The status of a list with a row that was refused.
pub const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Columns;

    const COLUMNS: Columns = Columns { sort: &["name"], filters: &["status"], default_sort: "name", ..Columns::NONE };

    #[test]
    fn a_row_is_a_state_of_the_address() {
        let raw = Some("status=active&page=2&edit=7");
        let list = Listing::read("/x", raw, &COLUMNS).editing(true, raw, None);
        assert!(list.inline(7).is_some() && list.inline(8).is_none());
        assert_eq!(list.here(), "/x?status=active&page=2", "links lead out of it");
        assert_eq!(list.edit(8, "row-8"), "/x?status=active&page=2&edit=8#row-8");
        assert!(Listing::read("/x", raw, &COLUMNS).editing(false, raw, None).inline(7).is_none(), "nobody else's");
    }

    #[test]
    fn a_refused_row_keeps_what_was_typed() {
        let form = Form::new().with("name", "a <b").refuse(vec![FieldError::new("name", "charset", "No blanks.")]);
        let list = Listing::read("/x", None, &COLUMNS).editing(true, None, Some(("7".to_owned(), form)));
        let html = list.inline(7).expect("is edited").name("stored").to_string();
        assert!(html.contains(r#"value="a &lt;b""#) && html.contains("No blanks.") && html.contains("aria-invalid"));
    }
}
