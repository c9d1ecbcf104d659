//! Tables whose whole state is in the address: heads that sort, columns that can be hidden, filters that stay, a pager.
//!
//! A list page names its columns once and builds everything else from a [`Listing`]:
//! ```ignore
//! const COLS: &[Col] = &[Col::lead("name", "Name"), Col::text("status", "Status"), Col::num("count", "Count").extra()];
//! let list = Listing::read("/x", raw.as_deref(), &COLUMNS).showing(COLS);
//! ```
//! ```html
//! {{ list.tools("Find a thing", "Name or status").chip("status", "active", "Active").choice("owner", "Owner", owners) }}
//! <thead><tr>{{ list.heads() }}</tr></thead>
//! <tr>… {% if list.shows("count") %}<td class="num" data-l="Count">{{ row.count }}</td>{% endif %} … {{ row.menu(page) }}</tr>
//! {{ list.pager(total) }}
//! ```
//! [`Listing::tools`] is the bar above the table: search, chips, a popover of filters, and the choice of columns.
//! [`RowMenu`] is the last cell of a row: what can be done with it. Parameters: `page`, `pageSize`, `sort`, `q`, `cols`
//! (columns shown, by name) and the filters of [`Columns`]; nothing is kept outside the address.
mod columns;
pub mod inline;
mod menu;
mod tools;

pub use columns::Col;
pub use inline::Inline;
pub use menu::RowMenu;
pub use tools::Tools;

use std::fmt::Write as _;

use super::show::{self, Html, escape};
use crate::lists::{Columns, ListQuery, encode, pairs};

/// Rows a page to choose from.
const PAGE_SIZES: &[u32] = &[25, 50, 100, 200];

/// A list on a page.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What is asked.
    pub query: ListQuery,
    path: String,
    columns: Columns,
    cols: &'static [Col],
    /// Columns asked for by name; empty for those that show by themselves.
    wanted: Vec<String>,
    absent: Vec<&'static str>,
    /// The row that is edited in its place.
    inline: Option<Inline>,
}

impl Listing {
    /// Reads the query string of the page at `path`.
    pub fn read(path: impl Into<String>, raw: Option<&str>, columns: &Columns) -> Self {
        // A form sends a parameter for each box, a link one with commas.
        let wanted = pairs(raw.unwrap_or_default())
            .into_iter()
            .filter(|(name, _)| name == "cols")
            .flat_map(|(_, value)| value.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
            .filter(|name| !name.is_empty())
            .collect();
        Self {
            query: ListQuery::lenient(raw, columns),
            path: path.into(),
            columns: *columns,
            cols: &[],
            wanted,
            absent: Vec::new(),
            inline: None,
        }
    }

    /// Names the columns of the table, which [`Listing::heads`], [`Listing::shows`] and the choice of columns need.
    #[must_use]
    pub fn showing(mut self, cols: &'static [Col]) -> Self {
        self.cols = cols;
        self.wanted.retain(|name| cols.iter().any(|col| col.key == name));
        self
    }

    /// Leaves a column out for now, because no row has anything in it.
    #[must_use]
    pub fn without_if(mut self, absent: bool, key: &'static str) -> Self {
        if absent {
            self.absent.push(key);
        }
        self
    }

    /// The path without parameters, for a form.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The parameters of this address but `page`, each once and none at its default.
    fn state(&self) -> Vec<(String, String)> {
        let query = &self.query;
        let mut state: Vec<(String, String)> =
            query.filters.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        state.push(("q".to_owned(), query.q.clone().unwrap_or_default()));
        let sort: Vec<String> =
            query.sort.iter().map(|(column, down)| format!("{}{column}", if *down { "-" } else { "" })).collect();
        let sort = sort.join(",");
        state.push(("sort".to_owned(), if sort == self.columns.default_sort { String::new() } else { sort }));
        if query.page_size != crate::lists::PAGE_SIZE {
            state.push(("pageSize".to_owned(), query.page_size.to_string()));
        }
        state.push(("cols".to_owned(), self.wanted.join(",")));
        state.retain(|(_, value)| !value.is_empty());
        state
    }

    /// The address with one parameter changed (`None` takes it away) and, unless it is `page`, on the first page.
    pub fn link(&self, name: &str, value: Option<&str>) -> String {
        let mut state = self.state();
        state.retain(|(key, _)| key != name);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            state.push((name.to_owned(), value.to_owned()));
        }
        let text: Vec<String> = state.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
        if text.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, text.join("&")) }
    }

    /// A chip that sets a filter, marked while it is set; following it then takes the filter away.
    pub fn chip(&self, column: &str, value: &str, label: &str) -> Html {
        let on = self.query.filter(column) == Some(value);
        let href = self.link(column, if on { None } else { Some(value) });
        let current = if on { r#" aria-current="true""# } else { "" };
        Html(format!(r#"<a class="chip" href="{}"{current}>{}</a>"#, escape(&href), escape(label)))
    }

    /// The state as hidden fields of a form, but for those named in `but`, which the form has itself.
    fn hidden(&self, but: &[&str]) -> String {
        let mut out = String::new();
        for (name, value) in self.state().iter().filter(|(name, _)| !but.contains(&name.as_str())) {
            // Infallible: writing to a String.
            let _ = write!(out, r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value));
        }
        out
    }

    /// The state as hidden fields of a form that has the field `but` itself.
    pub fn hidden_but(&self, but: &str) -> Html {
        Html(self.hidden(&[but]))
    }

    /// True when a search or filter is set.
    pub fn is_narrowed(&self) -> bool {
        self.query.q.is_some() || !self.query.filters.is_empty()
    }

    /// The address without search and filters; order, columns and page size stay.
    pub fn cleared(&self) -> String {
        let bare = ListQuery { q: None, filters: std::collections::BTreeMap::new(), ..self.query.clone() };
        Self { query: bare, ..self.clone() }.link("page", None)
    }

    /// The value of a filter; empty when it is not set.
    pub fn chosen(&self, column: &str) -> &str {
        self.query.filter(column).unwrap_or_default()
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
        self.pager_of(total, &format!("{}{}", if is_estimate { "about " } else { "" }, show::number(total)))
    }

    fn pager_of(&self, total: i64, words: &str) -> Html {
        if total == 0 {
            return Html(String::new());
        }
        let size = self.query.limit();
        let last = ((total + size - 1) / size).max(1);
        let page = i64::from(self.query.page);
        let from = self.query.offset() + 1;
        let to = (self.query.offset() + size).min(total);
        let mut out = format!(
            r#"<div class="pager"><span>{} to {} of {words}</span>{}"#,
            show::number(from.min(total)),
            show::number(to),
            self.sizes(total)
        );
        if last > 1 {
            out.push_str(&self.pages(page, last));
        }
        out.push_str("</div>");
        Html(out)
    }

    /// The same for a total that is counted up to `limit` only.
    pub fn pager_up_to(&self, total: impl show::Num, limit: i64) -> Html {
        let total = i64::try_from(total.num()).unwrap_or(i64::MAX);
        self.pager_of(total, &show::number_up_to(total, limit))
    }

    /// The foot of a list that is read along its order: what is shown, the way on and the way back to the beginning.
    /// `total` is known on the first page alone; `next` is the `cursor` of the page that follows.
    pub fn pager_along(&self, shown: impl show::Num, total: Option<&str>, next: Option<&str>, is_first: bool) -> Html {
        let shown = shown.num();
        if shown == 0 && next.is_none() && is_first {
            return Html(String::new());
        }
        let of = total.map(|total| format!(" of {}", escape(total))).unwrap_or_default();
        let many = if next.is_some() || !is_first { i64::MAX } else { i64::try_from(shown).unwrap_or(i64::MAX) };
        let mut out =
            format!(r#"<div class="pager"><span>{} shown{of}</span>{}"#, show::number(shown), self.sizes(many));
        if next.is_some() || !is_first {
            out.push_str(r#"<nav class="end" aria-label="Pages">"#);
            if !is_first {
                let _ = write!(out, r#"<a href="{}">First page</a>"#, escape(&self.link("cursor", None)));
            }
            if let Some(next) = next {
                let href = escape(&self.link("cursor", Some(next)));
                let _ = write!(out, r#"<a href="{href}" data-next>Next page</a>"#);
            }
            out.push_str("</nav>");
        }
        out.push_str("</div>");
        Html(out)
    }

    /// How many rows a page has, once there are enough to choose.
    fn sizes(&self, total: i64) -> String {
        let current = self.query.page_size;
        if total <= i64::from(crate::lists::PAGE_SIZE) && current == crate::lists::PAGE_SIZE {
            return String::new();
        }
        let mut out = r#"<nav class="sizes" aria-label="Rows a page"><span>Rows</span>"#.to_owned();
        for &size in PAGE_SIZES {
            let value = (size != crate::lists::PAGE_SIZE).then(|| size.to_string());
            let mark = if size == current { r#" aria-current="true""# } else { "" };
            let href = escape(&self.link("pageSize", value.as_deref()));
            let _ = write!(out, r#"<a href="{href}"{mark}>{size}</a>"#);
        }
        out.push_str("</nav>");
        out
    }

    fn pages(&self, page: i64, last: i64) -> String {
        let mut out = r#"<nav class="end" aria-label="Pages">"#.to_owned();
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
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns =
        Columns { sort: &["name", "started"], filters: &["status"], default_sort: "-started", ..Columns::NONE };
    const COLS: &[Col] =
        &[Col::lead("name", "Name"), Col::text("started", "Started"), Col::num("size", "Size").extra()];

    #[test]
    fn a_head_turns_its_order_and_keeps_the_rest() {
        let raw = "status=running&page=3&sort=name&pageSize=50&cols=size";
        let list = Listing::read("/scans/recent", Some(raw), &COLUMNS).showing(COLS);
        assert_eq!(list.link("sort", Some("-name")), "/scans/recent?status=running&pageSize=50&cols=size&sort=-name");
        let heads = list.heads().to_string();
        assert!(heads.contains(r#"aria-sort="ascending""#) && heads.contains("sort=-name"), "{heads}");
    }

    #[test]
    fn the_pager_names_what_is_shown() {
        let list = Listing::read("/x", Some("page=2"), &COLUMNS);
        let html = list.pager(1_284).to_string();
        assert!(html.contains("26 to 50 of 1,284") && html.contains(r#"href="/x?page=52""#), "{html}");
        assert!(html.contains(r#"href="/x?pageSize=100""#) && html.contains(r#"href="/x" aria-current="true">25<"#));
        assert!(list.pager_up_to(100_001, 100_000).to_string().contains("of more than 100,000"));
        assert!(list.pager(0).to_string().is_empty());
        assert!(!list.pager(25).to_string().contains("pageSize"), "nothing to choose");
    }

    #[test]
    fn what_is_cleared_is_search_and_filters_alone() {
        let list = Listing::read("/x", Some("q=a&status=b&sort=name&pageSize=50&page=2"), &COLUMNS);
        assert_eq!(list.cleared(), "/x?sort=name&pageSize=50");
    }
}
