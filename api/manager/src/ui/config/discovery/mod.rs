//! `/config/discovery`: other systems that push addresses, and their lists.
pub(super) mod lists;
pub(super) mod sources;

use axum::Router;
use axum::routing::get;

use crate::lists::Columns;
use crate::state::App;

/// What the list of sources can be asked.
pub const SOURCE_COLUMNS: Columns = Columns {
    sort: &["name", "description", "lists", "ips", "lastPush", "enabled", "created"],
    filters: &["enabled"],
    default_sort: "name",
    words: &[("enabled", crate::lists::YES_NO)],
};

/// What the list of lists can be asked.
pub const LIST_COLUMNS: Columns = Columns {
    sort: &["name", "source", "scanner", "ips", "rateLimit", "lastPush", "created"],
    filters: &["source", "scanner"],
    default_sort: "source,name",
    ..Columns::NONE
};

/// Addresses of a list stand in their order.
pub const IP_COLUMNS: Columns = Columns { sort: &["ip"], default_sort: "ip", ..Columns::NONE };

const LIST: &str = "/config/discovery";
const TITLE: &str = "Discovery";

/// Pages and forms of discovery.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/config/discovery", get(sources::list))
        .route("/config/discovery/new", get(sources::new_page).post(sources::create))
        .route("/config/discovery/{id}", get(sources::page).post(sources::save))
        .route("/config/discovery/{id}/rotate-key", get(sources::rotate_page).post(sources::rotate))
        .route("/config/discovery/{id}/delete", get(sources::delete_page).post(sources::delete))
        .route("/config/discovery/lists/{id}", get(lists::page).post(lists::save))
        .route("/config/discovery/lists/{id}/delete", get(lists::delete_page).post(lists::delete))
}
