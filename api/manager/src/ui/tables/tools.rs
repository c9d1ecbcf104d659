//! The bar above a table: search, chips, filters, and the choice of columns.
use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;
use mipo_app::FieldError;

use super::Listing;
use crate::ui::show::{escape, icon, mark};

/// Something to choose from.
struct Choice {
    column: &'static str,
    label: &'static str,
    /// (value, words)
    values: Vec<(String, String)>,
}

/// A field that is typed into.
struct Typed {
    column: &'static str,
    label: &'static str,
    class: &'static str,
    attrs: String,
}

/// The bar, to be written into a template: `{{ list.tools("Find a scanner", "Name").chip("status", "active", "Active") }}`.
pub struct Tools<'a> {
    list: &'a Listing,
    label: &'static str,
    hint: Option<&'static str>,
    chips: String,
    typed: Vec<Typed>,
    choices: Vec<Choice>,
    refused: &'a [FieldError],
}

impl Listing {
    /// The bar with a search field; `hint` says what is searched.
    pub fn tools(&self, label: &'static str, hint: &'static str) -> Tools<'_> {
        Tools { hint: Some(hint), ..self.tools_without_search(label) }
    }

    /// The bar of a list that cannot be searched.
    pub fn tools_without_search(&self, label: &'static str) -> Tools<'_> {
        Tools {
            list: self,
            label,
            hint: None,
            chips: String::new(),
            typed: Vec::new(),
            choices: Vec::new(),
            refused: &[],
        }
    }
}

impl<'a> Tools<'a> {
    /// A chip that sets a filter, marked while it is set; following it then takes the filter away.
    #[must_use]
    pub fn chip(mut self, column: &str, value: &str, label: &str) -> Self {
        self.chips.push_str(&self.list.chip(column, value, label).to_string());
        self
    }

    /// A choice among values that rows have, in the popover of filters. Nothing when there is none.
    #[must_use]
    pub fn choice(self, column: &'static str, label: &'static str, values: &[String]) -> Self {
        self.among(column, label, values.iter().map(|value| (value.clone(), value.clone())).collect())
    }

    /// A choice among fixed values, as (value, words).
    #[must_use]
    pub fn choice_of(self, column: &'static str, label: &'static str, values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect();
        self.among(column, label, values)
    }

    fn among(mut self, column: &'static str, label: &'static str, values: Vec<(String, String)>) -> Self {
        let chosen = self.list.chosen(column);
        let mut values = values;
        // A value of an old address may have no row any more; it must still be seen and be taken away.
        if !chosen.is_empty() && !values.iter().any(|(value, _)| value == chosen) {
            values.push((chosen.to_owned(), chosen.to_owned()));
        }
        if !values.is_empty() {
            self.choices.push(Choice { column, label, values });
        }
        self
    }

    /// A short field for literals, such as an address.
    #[must_use]
    pub fn literal(mut self, column: &'static str, label: &'static str, hint: &str) -> Self {
        let attrs = format!(r#" type="text" autocomplete="off" placeholder="{}""#, escape(hint));
        self.typed.push(Typed { column, label, class: "mono short", attrs });
        self
    }

    /// A field for a number.
    #[must_use]
    pub fn number(mut self, column: &'static str, label: &'static str) -> Self {
        let attrs = r#" type="text" inputmode="numeric" autocomplete="off""#.to_owned();
        self.typed.push(Typed { column, label, class: "mono tiny", attrs });
        self
    }

    /// A day.
    #[must_use]
    pub fn date(mut self, column: &'static str, label: &'static str) -> Self {
        self.typed.push(Typed { column, label, class: "date", attrs: r#" type="date""#.to_owned() });
        self
    }

    /// What could not be read, shown at its field.
    #[must_use]
    pub const fn refused(mut self, errors: &'a [FieldError]) -> Self {
        self.refused = errors;
        self
    }

    fn search(&self) -> String {
        self.hint.map_or_else(String::new, |hint| {
            format!(
                r#"<input class="in sm grow" id="q" type="search" name="q" aria-label="{}" value="{}" placeholder="{}">"#,
                escape(self.label),
                escape(self.list.q()),
                escape(hint)
            )
        })
    }

    fn typed_fields(&self) -> String {
        let mut out = String::new();
        for Typed { column, label, class, attrs } in &self.typed {
            let value = escape(self.list.chosen(column));
            let error = self.refused.iter().find(|error| error.field == *column);
            let (wrong, words) = match error {
                None => (String::new(), String::new()),
                Some(error) => (
                    format!(r#" aria-invalid="true" aria-describedby="f-{column}-err""#),
                    format!(
                        r#"<p class="err" id="f-{column}-err">{}<span>{}</span></p>"#,
                        mark("s-fail", "bad"),
                        escape(&error.message)
                    ),
                ),
            };
            // Infallible: writing to a String.
            let _ = write!(
                out,
                r#"<span class="pair"><label for="f-{column}">{label}</label><input class="in sm {class}" id="f-{column}" name="{column}" value="{value}"{attrs}{wrong}></span>{words}"#
            );
        }
        out
    }

    /// The popover of filters, and a chip for each that is set.
    fn filters(&self) -> String {
        if self.choices.is_empty() {
            return String::new();
        }
        let (mut fields, mut set) = (String::new(), String::new());
        for Choice { column, label, values } in &self.choices {
            let chosen = self.list.chosen(column);
            let _ = write!(
                fields,
                r#"<div class="fld"><label for="f-{column}">{label}</label><select class="in sm" id="f-{column}" name="{column}"><option value="">Any</option>"#
            );
            for (value, words) in values {
                let mark = if value == chosen { " selected" } else { "" };
                let _ = write!(fields, r#"<option value="{}"{mark}>{}</option>"#, escape(value), escape(words));
                if value == chosen {
                    let _ = write!(
                        set,
                        r#"<a class="chip" href="{}" aria-current="true"><span class="vh">Take away: </span>{label}: <b>{}</b>{}</a>"#,
                        escape(&self.list.link(column, None)),
                        escape(words),
                        icon("i-x")
                    );
                }
            }
            fields.push_str("</select></div>");
        }
        format!(
            r#"{set}<button class="btn quiet sm" type="button" popovertarget="filters">{}Filters</button><div class="pop" popover id="filters">{fields}<div class="acts"><button class="btn sm">Apply</button></div></div>"#,
            icon("i-filter")
        )
    }
}

impl HtmlSafe for Tools<'_> {}

impl fmt::Display for Tools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.list;
        let own: Vec<&str> = ["q"]
            .into_iter()
            .chain(self.typed.iter().map(|field| field.column))
            .chain(self.choices.iter().map(|choice| choice.column))
            .collect();
        let find =
            if self.hint.is_some() || !self.typed.is_empty() { r#"<button class="btn sm">Find</button>"# } else { "" };
        write!(
            f,
            r#"<div class="tools"><form class="filter" method="get" action="{}" role="search" aria-label="{}">{}{}{find}{}{}{}"#,
            escape(list.path()),
            escape(self.label),
            self.search(),
            self.typed_fields(),
            self.chips,
            self.filters(),
            list.hidden(&own),
        )?;
        if list.is_narrowed() {
            write!(f, r#"<a href="{}">Show all</a>"#, escape(&list.cleared()))?;
        }
        write!(f, "</form>{}</div>", list.column_menu())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Columns;

    const COLUMNS: Columns =
        Columns { sort: &["name"], filters: &["status", "version", "ip"], default_sort: "name", ..Columns::NONE };

    fn list(raw: &str) -> Listing {
        Listing::read("/x", Some(raw), &COLUMNS)
    }

    #[test]
    fn what_the_bar_has_no_field_for_stays() {
        let list = list("status=active&version=0.1&sort=-name&pageSize=50&q=a");
        let html = list.tools("Find", "Name").chip("status", "active", "Active").to_string();
        for part in [r#"name="status" value="active""#, r#"name="sort" value="-name""#, r#"name="pageSize" value="50""#]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches(r#"name="q""#).count(), 1, "{html}");
    }

    #[test]
    fn a_filter_that_is_set_can_be_seen_and_taken_away() {
        let list = list("version=0.0.9&q=a");
        let html = list.tools("Find", "Name").choice("version", "Version", &["0.1.0".to_owned()]).to_string();
        assert!(html.contains(r#"<option value="0.0.9" selected>"#), "{html}");
        assert!(html.contains(r#"href="/x?q=a" aria-current="true"#), "{html}");
        assert_eq!(html.matches(r#"name="version""#).count(), 1, "the choice is its only field: {html}");
    }

    #[test]
    fn a_field_says_what_was_wrong_with_it() {
        let errors = [FieldError::new("ip", "not_an_address", "Give an address.")];
        let list = list("ip=x");
        let html = list.tools("Find", "Name").literal("ip", "In", "10.0.0.0/8").refused(&errors).to_string();
        assert!(html.contains(r#"value="x""#) && html.contains(r#"aria-describedby="f-ip-err""#), "{html}");
        assert!(html.contains("Give an address."), "{html}");
    }
}
