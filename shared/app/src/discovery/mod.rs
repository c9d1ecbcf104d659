//! Discovery: other systems push the addresses that they know to lists of theirs, which templates scan.
mod lists;
mod push;
mod sources;

pub use lists::{
    DiscoveryList, Seen, delete_list, get_list, ips, list_history, list_lists, list_users, list_values, update_list,
};
pub use push::{
    AskedList, DeletedIps, ListAnswer, MAX_PUSH, MadeList, PushAnswer, Rejected, authenticate, delete_older, make_list,
    own_lists, push,
};
pub use sources::{
    DiscoverySource, KeyShown, NewSource, SourcePatch, create, delete, duplicate, filter_values, get, history, list,
    rotate_key, update, users,
};

/// How the two kinds of objects stand in the audit chain.
const SOURCE: &str = "discovery source";
const LIST: &str = "discovery list";
