//! Tables whose whole state is in the address: heads that sort, filters that stay, a pager of links.
use std::fmt::Write as _;

use super::show::{self, Html, escape};
use crate::lists::{Columns, ListQuery, encode};

/// A list on a page.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What is asked.
    pub query: ListQuery,
    path: String,
    default_sort: &'static str,
}

impl Listing {
    /// Reads the query string of the page at `path`.
    pub fn read(path: impl Into<String>, raw: Option<&str>, columns: &Columns) -> Self {
        Self { query: ListQuery::lenient(raw, columns), path: path.into(), default_sort: columns.default_sort }
    }

    /// The address with one parameter changed (`None` takes it away) and, unless it is `page`, on the first page.
    pub fn link(&self, name: &str, value: Option<&str>) -> String {
        let query = &self.query;
        let sort =
            query.sort.iter().map(|(c, down)| format!("{}{c}", if *down { "-" } else { "" })).collect::<Vec<_>>();
        let mut pairs: Vec<(String, String)> =
            query.filters.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        pairs.push(("q".to_owned(), query.q.clone().unwrap_or_default()));
        let sort = sort.join(",");
        pairs.push(("sort".to_owned(), if sort == self.default_sort { String::new() } else { sort }));
        if query.page_size != crate::lists::PAGE_SIZE {
            pairs.push(("pageSize".to_owned(), query.page_size.to_string()));
        }
        pairs.retain(|(key, _)| key != name);
        pairs.push((name.to_owned(), value.unwrap_or_default().to_owned()));
        pairs.retain(|(_, value)| !value.is_empty());
        let text: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
        if text.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, text.join("&")) }
    }

    /// The head of a column that sorts.
    pub fn head(&self, column: &str, label: &str) -> Html {
        self.head_as(column, label, "")
    }

    /// The head of a column of numbers that sorts.
    pub fn head_num(&self, column: &str, label: &str) -> Html {
        self.head_as(column, label, "num")
    }

    fn head_as(&self, column: &str, label: &str, class: &str) -> Html {
        let (current, down) = self.query.first_sort();
        let aria = match (current == column, down) {
            (true, true) => r#" aria-sort="descending""#,
            (true, false) => r#" aria-sort="ascending""#,
            _ => "",
        };
        let next = if current == column && !down { format!("-{column}") } else { column.to_owned() };
        let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
        Html(format!(
            r#"<th scope="col"{class}{aria}><a href="{}">{}</a></th>"#,
            escape(&self.link("sort", Some(&next))),
            escape(label)
        ))
    }

    /// A chip that sets a filter, marked while it is set; following it then takes the filter away.
    pub fn chip(&self, column: &str, value: &str, label: &str) -> Html {
        let on = self.query.filter(column) == Some(value);
        let href = self.link(column, if on { None } else { Some(value) });
        let current = if on { r#" aria-current="true""# } else { "" };
        Html(format!(r#"<a class="chip" href="{}"{current}>{}</a>"#, escape(&href), escape(label)))
    }

    /// Hidden fields that keep filters and order when the search form of the list is sent.
    pub fn kept(&self) -> Html {
        let mut out = String::new();
        for (name, value) in &self.query.filters {
            // Infallible: writing to a String.
            let _ = write!(out, r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value));
        }
        Html(out)
    }

    /// True when a search or filter is set.
    pub fn is_narrowed(&self) -> bool {
        self.query.q.is_some() || !self.query.filters.is_empty()
    }

    /// The address without search and filters.
    pub fn cleared(&self) -> &str {
        &self.path
    }

    /// Words to find, for the search field.
    pub fn q(&self) -> &str {
        self.query.q.as_deref().unwrap_or_default()
    }

    /// `1 to 25 of 1,284` and the links to other pages.
    pub fn pager(&self, total: impl show::Num) -> Html {
        self.pager_about(total, false)
    }

    /// The same for a total that may be an estimate.
    pub fn pager_about(&self, total: impl show::Num, is_estimate: bool) -> Html {
        let total = i64::try_from(total.num()).unwrap_or(i64::MAX);
        if total == 0 {
            return Html(String::new());
        }
        let size = self.query.limit();
        let last = ((total + size - 1) / size).max(1);
        let page = i64::from(self.query.page);
        let from = self.query.offset() + 1;
        let to = (self.query.offset() + size).min(total);
        let about = if is_estimate { "about " } else { "" };
        let mut out = format!(
            r#"<div class="pager"><span>{} to {} of {about}{}</span>"#,
            show::number(from.min(total)),
            show::number(to),
            show::number(total)
        );
        if last > 1 {
            out.push_str(r#"<nav class="end" aria-label="Pages">"#);
            let link = |n: i64, words: &str, current: bool| {
                let number = n.to_string();
                let href = escape(&self.link("page", if n == 1 { None } else { Some(&number) }));
                let current = if current { r#" aria-current="page""# } else { "" };
                format!(r#"<a href="{href}"{current}>{words}</a>"#)
            };
            if page > 1 {
                out.push_str(&link(page - 1, "Previous", false));
            }
            let mut shown = vec![1, page - 1, page, page + 1, last];
            shown.retain(|n| (1..=last).contains(n));
            shown.sort_unstable();
            shown.dedup();
            let mut before = 0;
            for n in shown {
                if n > before + 1 {
                    out.push_str("<span>…</span>");
                }
                out.push_str(&link(n, &show::number(n), n == page));
                before = n;
            }
            if page < last {
                out.push_str(&link(page + 1, "Next", false));
            }
            out.push_str("</nav>");
        }
        out.push_str("</div>");
        Html(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { sort: &["name", "started"], filters: &["status"], default_sort: "-started" };

    #[test]
    fn a_head_turns_its_order_and_keeps_the_rest() {
        let list = Listing::read("/scans/recent", Some("status=running&page=3&sort=name"), &COLUMNS);
        assert_eq!(list.link("sort", Some("-name")), "/scans/recent?status=running&sort=-name");
        let head = list.head("name", "Name").to_string();
        assert!(head.contains(r#"aria-sort="ascending""#) && head.contains("sort=-name"), "{head}");
    }

    #[test]
    fn the_pager_names_what_is_shown() {
        let list = Listing::read("/x", Some("page=2"), &COLUMNS);
        let html = list.pager(1_284).to_string();
        assert!(html.contains("26 to 50 of 1,284") && html.contains(r#"href="/x?page=52""#), "{html}");
        assert!(list.pager(0).to_string().is_empty());
    }
}
