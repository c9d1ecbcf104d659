//! What can be done with a row: its last cell, a button that opens a popover of links and forms.
use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

use crate::ui::Page;
use crate::ui::show::{escape, icon};

/// The menu of a row, drawn as a cell. Without an entry the cell stays empty.
///
/// `RowMenu::new(page, "scan-12", "scan #12").link("/scans/12", "Open").post_if(may, "/scans/12/pause", "Pause")`
pub struct RowMenu {
    csrf: String,
    id: String,
    about: String,
    quick: String,
    entries: String,
    /// For the entry that comes next.
    key: Option<&'static str>,
}

impl RowMenu {
    /// A menu without entries. `id` is that of the row, unique on the page; `about` completes "Actions of …".
    pub fn new(page: &Page, id: impl fmt::Display, about: impl fmt::Display) -> Self {
        Self {
            csrf: page.csrf_field().to_string(),
            id: id.to_string(),
            about: about.to_string(),
            quick: String::new(),
            entries: String::new(),
            key: None,
        }
    }

    /// The key that presses the next entry while its row is the current one (see `assets/js/rows.js`).
    #[must_use]
    pub fn keyed(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    fn key(&mut self) -> String {
        self.key.take().map(|key| format!(r#" data-key="{key}""#)).unwrap_or_default()
    }

    /// An entry that leads to a page.
    #[must_use]
    pub fn link(self, href: impl fmt::Display, words: &str) -> Self {
        self.link_if(true, href, words)
    }

    /// The same where `allowed`.
    #[must_use]
    pub fn link_if(mut self, allowed: bool, href: impl fmt::Display, words: &str) -> Self {
        let key = self.key();
        if allowed {
            let href = escape(&href.to_string());
            // Infallible: writing to a String.
            let _ = write!(self.entries, r#"<li><a class="item" href="{href}"{key}>{}</a></li>"#, escape(words));
        }
        self
    }

    /// An entry, where `allowed`, that edits the row in its place (see [`super::inline`]).
    #[must_use]
    pub fn edit_if(mut self, allowed: bool, href: impl fmt::Display) -> Self {
        if allowed {
            let href = escape(&href.to_string());
            // Infallible: writing to a String.
            let _ = write!(self.entries, r#"<li><a class="item" href="{href}" data-edit>Edit in the row</a></li>"#);
        }
        self
    }

    /// An entry, where `allowed`, that leads to a page with a form, and opens the same form as the dialog `dialog` where
    /// there is a script.
    #[must_use]
    pub fn dialog_if(mut self, allowed: bool, href: impl fmt::Display, dialog: &str, words: &str) -> Self {
        let key = self.key();
        if allowed {
            let (href, dialog) = (escape(&href.to_string()), escape(dialog));
            let _ = write!(
                self.entries,
                r#"<li><a class="item" href="{href}" data-dialog="{dialog}"{key}>{}</a></li>"#,
                escape(words)
            );
        }
        self
    }

    /// An entry, where `allowed`, that leads to a page which asks before it harms.
    #[must_use]
    pub fn harm_if(mut self, allowed: bool, href: impl fmt::Display, words: &str) -> Self {
        let key = self.key();
        if allowed {
            let href = escape(&href.to_string());
            let _ = write!(self.entries, r#"<li><a class="item harm" href="{href}"{key}>{}</a></li>"#, escape(words));
        }
        self
    }

    /// What is done most, where `allowed`, as a button of its own before the menu: a POST to `action` with `fields`.
    #[must_use]
    pub fn quick_if(mut self, allowed: bool, action: impl fmt::Display, fields: &[(&str, &str)], words: &str) -> Self {
        if allowed {
            let label = escape(&format!("{words} {}", self.about));
            let button = format!(r#"<button class="btn sm" aria-label="{label}">{}</button>"#, escape(words));
            self.quick = self.form(action, fields, &button);
        }
        self
    }

    fn form(&self, action: impl fmt::Display, fields: &[(&str, &str)], button: &str) -> String {
        let mut out = format!(r#"<form method="post" action="{}">{}"#, escape(&action.to_string()), self.csrf);
        for (name, value) in fields {
            // Infallible: writing to a String.
            let _ = write!(out, r#"<input type="hidden" name="{name}" value="{}">"#, escape(value));
        }
        out + button + "</form>"
    }

    /// An entry, where `allowed`, that acts at once, by a POST to `action`.
    #[must_use]
    pub fn post_if(self, allowed: bool, action: impl fmt::Display, words: &str) -> Self {
        self.post_with(allowed, action, &[], words)
    }

    /// The same with fields of the form.
    #[must_use]
    pub fn post_with(mut self, allowed: bool, action: impl fmt::Display, fields: &[(&str, &str)], words: &str) -> Self {
        let key = self.key();
        if allowed {
            let form = self.form(action, fields, &format!(r#"<button class="item"{key}>{}</button>"#, escape(words)));
            let _ = write!(self.entries, "<li>{form}</li>");
        }
        self
    }
}

impl HtmlSafe for RowMenu {}

impl fmt::Display for RowMenu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str(r#"<td class="act"></td>"#);
        }
        let (id, about) = (escape(&self.id), escape(&self.about));
        write!(
            f,
            r#"<td class="act"><div>{}<button class="btn quiet sm more" type="button" popovertarget="m-{id}" aria-label="Actions of {about}">{}</button><ul class="pop" popover id="m-{id}">{}</ul></div></td>"#,
            self.quick,
            icon("i-more"),
            self.entries
        )
    }
}
