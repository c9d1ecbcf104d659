//! Lists of product 6.1: `?page=`, `?pageSize=`, `?sort=field,-field`, `?q=` and filters by column, for pages and JSON
//! alike. The whole state of a list is in its address.
use std::collections::BTreeMap;

use mipo_app::{Ask, FieldError, Found};
use serde::Serialize;
use utoipa::ToSchema;

/// Rows a page without `pageSize`.
pub const PAGE_SIZE: u32 = 25;
/// Most rows a page.
pub const PAGE_SIZE_MAX: u32 = 200;

/// What a list can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Columns that can be sorted by.
    pub sort: &'static [&'static str],
    /// Columns that can be filtered by.
    pub filters: &'static [&'static str],
    /// Order without `sort`, such as `-started`.
    pub default_sort: &'static str,
    /// Filters whose values are known beforehand; any other value is a mistake of who asks.
    pub words: &'static [(&'static str, &'static [&'static str])],
}

/// Values of a filter that is yes or no.
pub const YES_NO: &[&str] = &["true", "false"];

impl Columns {
    /// Nothing to sort or filter by; the rest of a literal.
    pub const NONE: Self = Self { sort: &[], filters: &[], default_sort: "", words: &[] };

    /// The mistake in a filter, if there is one.
    fn check(&self, column: &str, value: &str) -> Option<FieldError> {
        let (_, words) = self.words.iter().find(|(known, _)| *known == column)?;
        let unknown = value.split(',').map(str::trim).find(|value| !words.contains(value))?;
        let message = format!("“{unknown}” is no {column}; possible: {}.", words.join(", "));
        Some(FieldError::new(column, "unknown_value", message))
    }
}

/// What is asked of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Page, from 1.
    pub page: u32,
    /// Rows a page.
    pub page_size: u32,
    /// Columns with true for descending; never empty.
    pub sort: Vec<(String, bool)>,
    /// Words to find.
    pub q: Option<String>,
    /// Filters by column.
    pub filters: BTreeMap<String, String>,
}

/// The answer of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Page, from 1.
    pub page: u32,
    /// Rows a page.
    pub page_size: u32,
    /// Rows in all.
    pub total: i64,
    /// True when `total` is an estimate, because counting would take too long.
    pub total_is_estimate: bool,
}

impl<T> Listed<T> {
    /// An answer of what was found, row by row.
    pub fn of<R>(found: Found<R>, query: &ListQuery, row: impl FnMut(R) -> T) -> Self {
        Self {
            items: found.items.into_iter().map(row).collect(),
            page: query.page,
            page_size: query.page_size,
            total: found.total,
            total_is_estimate: found.total_is_estimate,
        }
    }

    /// An answer with an exact total.
    pub fn exact(items: Vec<T>, total: i64, query: &ListQuery) -> Self {
        Self { items, page: query.page, page_size: query.page_size, total, total_is_estimate: false }
    }
}

/// Splits a query string into decoded pairs.
pub fn pairs(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Percent-encodes a value of a query string.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' | b':' | b'/' => {
                out.push(byte as char);
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = rest.clone().take(2).collect::<Vec<u8>>();
                match hex::decode(&digits).ok().as_deref() {
                    Some([value]) => {
                        bytes.push(*value);
                        rest.nth(1);
                    }
                    _ => bytes.push(b'%'),
                }
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl ListQuery {
    /// Reads a query string; every mistake is named.
    pub fn parse(raw: Option<&str>, columns: &Columns) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let query = Self::read(raw, columns, &mut errors);
        if errors.is_empty() { Ok(query) } else { Err(errors) }
    }

    /// Reads a query string for a page: what cannot be read is left out, because a stale bookmark should still open.
    pub fn lenient(raw: Option<&str>, columns: &Columns) -> Self {
        Self::read(raw, columns, &mut Vec::new())
    }

    fn read(raw: Option<&str>, columns: &Columns, errors: &mut Vec<FieldError>) -> Self {
        let mut query = Self {
            page: 1,
            page_size: PAGE_SIZE,
            sort: sort_of(columns.default_sort),
            q: None,
            filters: BTreeMap::new(),
        };
        for (name, value) in pairs(raw.unwrap_or_default()) {
            let value = value.trim().to_owned();
            match name.as_str() {
                _ if value.is_empty() => {}
                _ if value.chars().any(char::is_control) => {
                    errors.push(FieldError::new(name, "charset", "Write it without control characters."));
                }
                "page" => match value.parse() {
                    Ok(page @ 1..=1_000_000) => query.page = page,
                    _ => errors.push(FieldError::new("page", "range", "A page is a whole number from 1.")),
                },
                "pageSize" => match value.parse() {
                    Ok(size @ 1..=PAGE_SIZE_MAX) => query.page_size = size,
                    _ => errors.push(FieldError::new("pageSize", "range", "A page has 1 to 200 rows.")),
                },
                "sort" => {
                    let sort = sort_of(&value);
                    match sort.iter().find(|(column, _)| !columns.sort.contains(&column.as_str())) {
                        None if !sort.is_empty() => query.sort = sort,
                        _ if columns.sort.is_empty() => {
                            errors.push(FieldError::new("sort", "unknown_column", "This list has one order only."));
                        }
                        unknown => errors.push(FieldError::new(
                            "sort",
                            "unknown_column",
                            format!(
                                "Cannot sort by “{}”; possible: {}.",
                                unknown.map_or(&*value, |(column, _)| column),
                                columns.sort.join(", ")
                            ),
                        )),
                    }
                }
                "q" => query.q = Some(value.chars().take(200).collect()),
                _ if columns.filters.contains(&name.as_str()) => match columns.check(&name, &value) {
                    Some(error) => errors.push(error),
                    None => drop(query.filters.insert(name, value.chars().take(200).collect())),
                },
                _ => errors.push(FieldError::new(
                    name.clone(),
                    "unknown_parameter",
                    format!("“{name}” is not a parameter of this list."),
                )),
            }
        }
        query
    }

    /// The filter on `column`.
    pub fn filter(&self, column: &str) -> Option<&str> {
        self.filters.get(column).map(String::as_str)
    }

    /// The first column sorted by, and whether descending.
    pub fn first_sort(&self) -> (&str, bool) {
        self.sort.first().map_or(("", false), |(column, down)| (column, *down))
    }

    /// The same as the store reads it.
    pub fn ask(&self) -> Ask {
        Ask {
            limit: self.limit(),
            offset: self.offset(),
            sort: self.sort.clone(),
            q: self.q.clone(),
            filters: self.filters.clone(),
        }
    }

    /// Rows before this page.
    pub fn offset(&self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.page_size)
    }

    /// Rows of this page.
    pub fn limit(&self) -> i64 {
        i64::from(self.page_size)
    }
}

fn sort_of(text: &str) -> Vec<(String, bool)> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.strip_prefix('-').map_or((part.to_owned(), false), |name| (name.to_owned(), true)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns {
        sort: &["name", "started"],
        filters: &["status"],
        default_sort: "-started",
        words: &[("status", &["running", "completed"])],
    };

    #[test]
    fn a_list_without_parameters_is_the_first_page_in_its_own_order() {
        let query = ListQuery::parse(None, &COLUMNS).unwrap();
        assert_eq!((query.page, query.page_size, query.first_sort()), (1, 25, ("started", true)));
    }

    #[test]
    fn every_mistake_is_named() {
        let errors = ListQuery::parse(Some("page=0&pageSize=500&sort=name,-size&colour=red"), &COLUMNS).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["page", "pageSize", "sort", "colour"]);
    }

    #[test]
    fn a_filter_takes_only_values_that_there_are() {
        let both = ListQuery::parse(Some("status=running,completed"), &COLUMNS).unwrap();
        assert_eq!(both.filter("status"), Some("running,completed"));
        let errors = ListQuery::parse(Some("status=running,done"), &COLUMNS).unwrap_err();
        assert_eq!(errors[0].field, "status");
        assert!(errors[0].message.contains("“done”") && errors[0].message.contains("completed"), "{errors:?}");
    }

    #[test]
    fn control_characters_are_refused_with_their_field() {
        let errors = ListQuery::parse(Some("q=a%00b&status=%07"), &COLUMNS).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["q", "status"]);
    }

    #[test]
    fn a_page_opens_from_a_stale_bookmark() {
        let query = ListQuery::lenient(Some("page=x&colour=red&status=running&q=a+%26%20b%zz"), &COLUMNS);
        assert_eq!(query.filter("status"), Some("running"));
        assert_eq!(query.q.as_deref(), Some("a & b%zz"));
        assert_eq!(query.page, 1);
    }

    #[test]
    fn what_is_encoded_reads_back() {
        let text = "ä & b=c+d/10.0.0.0/8?";
        assert_eq!(pairs(&format!("q={}", encode(text))), vec![("q".to_owned(), text.to_owned())]);
    }
}
