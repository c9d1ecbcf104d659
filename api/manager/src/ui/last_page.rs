//! A list that was left behind: rows went away, or somebody typed a page that there is not.
use axum::response::Response;

use super::flash;
use super::tables::Listing;

/// Where to go instead of a page beyond the end: to the last one that has rows. Nothing while the page has some, or while
/// there are none at all. `total` may be an estimate; then the page stays as it is when it is not beyond that.
pub fn instead(list: &Listing, shown: usize, total: i64) -> Option<Response> {
    let last = (total + list.query.limit() - 1) / list.query.limit();
    let beyond = shown == 0 && last >= 1 && i64::from(list.query.page) > last;
    let number = last.to_string();
    beyond.then(|| flash::to(&list.link("page", (last > 1).then_some(number.as_str()))))
}
