//! Short help of each page: what it is for, what its inputs mean, and what surprises people. Found by the page's route.
mod config;
mod ops;
mod scans;

/// The help of a page.
#[derive(Debug)]
pub struct Help {
    /// What the page is for.
    pub purpose: &'static str,
    /// Inputs with their meaning.
    pub inputs: &'static [(&'static str, &'static str)],
    /// What surprises people.
    pub gotchas: &'static [&'static str],
}

const LIST: (&str, &str) = (
    "Search, filters, columns, rows",
    "All of it stands in the address: a bookmark or a sent link opens the same view. A head sorts, and turns on the second click.",
);
const NAME: (&str, &str) = ("Name", "1 to 64 letters, digits, _ and -; unique, whatever the case.");
const CONFIRM: (&str, &str) = ("Name", "The exact name, typed by hand, so that nothing is lost by one wrong click.");

/// The help of the page at `route`, written as in the router (`/scans/{id}`).
pub fn of(route: &str) -> Option<&'static Help> {
    let pages = [PAGES, scans::PAGES, config::PAGES, ops::PAGES];
    let exact = pages.into_iter().flatten().find(|(known, _)| *known == route);
    let found = exact.or_else(|| ACTIONS.iter().find(|(last, _)| route.ends_with(last)));
    found.map(|(_, help)| help)
}

/// Questions that are the same for every kind of object, by the end of their route.
const ACTIONS: &[(&str, Help)] = &[
    (
        "/clone",
        Help {
            purpose: "Makes a copy under another name, for instance to change what is built in.",
            inputs: &[NAME],
            gotchas: &["The copy is yours alone: later changes of the original do not reach it."],
        },
    ),
    (
        "/delete",
        Help {
            purpose: "Deletes the object for good, after you typed its name.",
            inputs: &[CONFIRM],
            gotchas: &[
                "What is used by something else cannot be deleted; the page names the users.",
                "What scans found through it stays.",
            ],
        },
    ),
];

/// Of pages outside those areas.
const PAGES: &[(&str, Help)] = &[
    (
        "/",
        Help {
            purpose: "What needs somebody now, then what is going on. A quiet page is a good sign.",
            inputs: &[],
            gotchas: &[
                "Figures move by themselves while Live stands above; Paused and Stale say that they do not.",
                "The first steps go away one by one as each is done.",
            ],
        },
    ),
    (
        "/health/job-errors",
        Help {
            purpose: "Scan jobs that do not get on by themselves: what is wrong with each, and what helps.",
            inputs: &[LIST],
            gotchas: &[
                "A job error closes by itself when its cause is gone; an expired job when its alarm is acknowledged.",
                "One alarm stands for all jobs of a scanner with the same trouble.",
                "What an operator has paused is left in peace.",
            ],
        },
    ),
    (
        "/health/job-errors/{id}",
        Help {
            purpose: "One job error: the facts that it was judged by, its history, and the repairs, the recommended one first.",
            inputs: &[
                ("Reason", "At most 1,000 characters; it goes to the audit log and stays in the history."),
                ("Other scanner", "Of a reassign: an active one that reaches the same targets."),
            ],
            gotchas: &[
                "A repair is carried out in a moment; what came of it stands in the history.",
                "A reassigned job that has results ends partial: no single scanner has seen all of it. The receipt says who saw what.",
                "A new token is shown once, and the scanner's old key stops to work at once.",
            ],
        },
    ),
    (
        "/health/job-errors/bulk-repair",
        Help {
            purpose: "Asks for the same repair of many job errors, with their exact number first.",
            inputs: &[("Reason", "One for all of them; it goes to the audit log.")],
            gotchas: &["When the number has changed since it was shown, nothing is asked for."],
        },
    ),
    (
        "/health/alerting/alarms",
        Help {
            purpose: "What is wrong now and what was, one line for each rule and thing.",
            inputs: &[LIST],
            gotchas: &[
                "The same trouble counts up on its alarm; it does not open another one.",
                "Most alarms resolve by themselves with the good event; resolving by hand does not mend the cause.",
            ],
        },
    ),
    (
        "/health/alerting/alarms/{id}",
        Help {
            purpose: "One alarm: take it on, or end it, with a note for those who look later.",
            inputs: &[("Note", "At most 2,000 characters; it stays on the alarm.")],
            gotchas: &["One that somebody has taken on stays until it is resolved, by hand or by the good event."],
        },
    ),
    (
        "/health/alerting/events",
        Help {
            purpose: "What changed for the worse or the better, as the services saw it.",
            inputs: &[LIST],
            gotchas: &["Events are never edited. Those that need somebody open an alarm."],
        },
    ),
    (
        "/profile",
        Help {
            purpose: "Your own account: look, password, and where you are signed in.",
            inputs: &[
                ("Password", "Four random words make a good one."),
                ("Time zone", "An IANA name, such as Europe/Berlin."),
            ],
            gotchas: &["A session that you do not know: end it and change the password."],
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::nav::AREAS;

    #[test]
    fn every_page_of_the_navigation_has_help() {
        for entry in AREAS.iter().flat_map(|area| area.entries) {
            assert!(of(entry.path).is_some(), "{} has no help", entry.path);
        }
        assert!(of("/config/subnets/{id}/delete").is_some() && of("/nowhere").is_none());
    }
}
