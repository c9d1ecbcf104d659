//! The columns of a table: their heads, and which of them are shown (`?cols=`).
use std::fmt::Write as _;

use super::Listing;
use crate::ui::show::{Html, escape, icon};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Col {
    /// Its name in the address; also the name that it is sorted by, where the list can be sorted by it.
    pub key: &'static str,
    title: &'static str,
    class: &'static str,
    fixed: bool,
    extra: bool,
}

impl Col {
    /// The column that says which row it is; it cannot be hidden.
    pub const fn lead(key: &'static str, title: &'static str) -> Self {
        Self { fixed: true, ..Self::text(key, title) }
    }

    /// A column of words, at the left.
    pub const fn text(key: &'static str, title: &'static str) -> Self {
        Self { key, title, class: "", fixed: false, extra: false }
    }

    /// A column of numbers, at the right.
    pub const fn num(key: &'static str, title: &'static str) -> Self {
        Self { class: "num", ..Self::text(key, title) }
    }

    /// A column that takes the room that is left.
    pub const fn fill(key: &'static str, title: &'static str) -> Self {
        Self { class: "fill", ..Self::text(key, title) }
    }

    /// Shown only to who asks for it.
    #[must_use]
    pub const fn extra(self) -> Self {
        Self { extra: true, ..self }
    }
}

impl Listing {
    fn shown(&self, col: &Col) -> bool {
        !self.absent.contains(&col.key) && self.chosen_col(col)
    }

    fn chosen_col(&self, col: &Col) -> bool {
        col.fixed || if self.wanted.is_empty() { !col.extra } else { self.wanted.iter().any(|name| name == col.key) }
    }

    /// True when the column is shown; each of its cells stands in an `if` on this.
    pub fn shows(&self, key: &str) -> bool {
        self.cols.iter().any(|col| col.key == key && self.shown(col))
    }

    /// The heads of the shown columns; those that the list can be sorted by are links.
    pub fn heads(&self) -> Html {
        Html(self.cols.iter().filter(|col| self.shown(col)).map(|col| self.head_of(col)).collect())
    }

    /// The same for a table whose rows end with a [`super::RowMenu`].
    pub fn heads_and_menu(&self) -> Html {
        Html(format!(r#"{}<th scope="col" class="act"><span class="vh">Actions</span></th>"#, self.heads()))
    }

    fn head_of(&self, col: &Col) -> String {
        let class = if col.class.is_empty() { String::new() } else { format!(r#" class="{}""#, col.class) };
        let title = escape(col.title);
        if !self.columns.sort.contains(&col.key) {
            return format!(r#"<th scope="col"{class}>{title}</th>"#);
        }
        let (current, down) = self.query.first_sort();
        let here = current == col.key;
        let aria = match (here, down) {
            (true, true) => r#" aria-sort="descending""#,
            (true, false) => r#" aria-sort="ascending""#,
            _ => "",
        };
        let next = if here && !down { format!("-{}", col.key) } else { col.key.to_owned() };
        let href = escape(&self.link("sort", Some(&next)));
        format!(r#"<th scope="col"{class}{aria}><a href="{href}">{title}</a></th>"#)
    }

    /// The choice of columns: a popover with a box for each. Nothing for a table without named columns.
    pub fn column_menu(&self) -> Html {
        let choice: Vec<&Col> = self.cols.iter().filter(|col| !col.fixed).collect();
        if choice.is_empty() {
            return Html(String::new());
        }
        // What cannot be hidden is always sent, so that "none of the others" differs from "as usual".
        let fixed = self.cols.iter().find(|col| col.fixed).map_or("", |col| col.key);
        let mut boxes = String::new();
        for col in choice {
            let checked = if self.chosen_col(col) { " checked" } else { "" };
            // Infallible: writing to a String.
            let _ = write!(
                boxes,
                r#"<label><input type="checkbox" name="cols" value="{}"{checked}>{}</label>"#,
                col.key,
                escape(col.title)
            );
        }
        let usual = if self.wanted.is_empty() {
            String::new()
        } else {
            format!(r#"<a class="btn quiet sm" href="{}">As usual</a>"#, escape(&self.link("cols", None)))
        };
        Html(format!(
            r#"<button class="btn quiet sm" type="button" popovertarget="cols">{}Columns</button><form class="pop" popover id="cols" method="get" action="{}" aria-label="Columns">{}<input type="hidden" name="cols" value="{fixed}"><fieldset><legend class="vh">Columns to show</legend>{boxes}</fieldset><div class="acts"><button class="btn sm">Show these</button>{usual}</div></form>"#,
            icon("i-cols"),
            escape(&self.path),
            self.hidden(&["cols"]),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Columns;

    const COLUMNS: Columns = Columns { sort: &["name"], filters: &["status"], default_sort: "name", ..Columns::NONE };
    const COLS: &[Col] = &[Col::lead("name", "Name"), Col::text("status", "Status"), Col::num("size", "Size").extra()];

    fn list(raw: &str) -> Listing {
        Listing::read("/x", Some(raw), &COLUMNS).showing(COLS)
    }

    #[test]
    fn a_table_shows_its_usual_columns_or_those_asked_for() {
        let usual = list("");
        assert_eq!((usual.shows("name"), usual.shows("status"), usual.shows("size")), (true, true, false));
        for raw in ["cols=name,size", "cols=name&cols=size"] {
            let asked = list(raw);
            assert_eq!((asked.shows("name"), asked.shows("status"), asked.shows("size")), (true, false, true), "{raw}");
        }
        let lead_alone = list("cols=name");
        assert_eq!((lead_alone.shows("status"), lead_alone.shows("size")), (false, false));
    }

    #[test]
    fn columns_that_are_not_there_are_left_out() {
        let list = list("cols=colour");
        assert!(list.shows("status") && !list.link("page", Some("2")).contains("cols"));
    }

    #[test]
    fn the_choice_keeps_filters_and_order() {
        let html = list("status=active&cols=name,size&sort=-name").column_menu().to_string();
        for part in [
            r#"name="status" value="active""#,
            r#"name="sort" value="-name""#,
            r#"<input type="hidden" name="cols" value="name">"#,
            r#"value="size" checked>"#,
            r#"value="status">"#,
            r#"href="/x?status=active&amp;sort=-name">As usual"#,
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
