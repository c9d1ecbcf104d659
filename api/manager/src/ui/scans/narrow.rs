//! What a list of scans can be narrowed to, for the history and its JSON twin.
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use mipo_app::FieldError;
use mipo_store::results::scan_views::{Narrow, SORTS};

use super::STATUSES;
use crate::lists::{Columns, ListQuery};

/// What the list can be asked.
pub(crate) const COLUMNS: Columns = Columns {
    sort: SORTS,
    filters: &["from", "to", "status", "startedBy", "template"],
    default_sort: "-id",
    words: &[("status", STATUSES)],
};

/// The filters. What cannot be read is refused with its name: a list that leaves a filter out would say that everything
/// matches.
pub(crate) fn of(query: &ListQuery) -> Result<Narrow, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut day = |name: &str| -> Option<DateTime<Utc>> {
        let text = query.filter(name)?;
        let day = text.parse::<NaiveDate>();
        if day.is_err() {
            errors.push(FieldError::new(name, "not_a_date", format!("“{text}” is not a day as YYYY-MM-DD.")));
        }
        day.ok().map(|day| day.and_time(NaiveTime::MIN).and_utc())
    };
    // From that day's beginning, to the end of the other.
    let from = day("from");
    let before = day("to").and_then(|day| day.checked_add_days(Days::new(1)));
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Narrow {
        from,
        before,
        statuses: query.filter("status").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        started_by: query.filter("startedBy").map(str::to_owned),
        template: query.filter("template").map(str::to_owned),
        q: query.q.clone(),
        ..Narrow::default()
    })
}
