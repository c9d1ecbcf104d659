//! Short help of each page: what it is for, what its inputs mean, and what surprises people. Found by the page's route.

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
const RATE: (&str, &str) = (
    "Rate limit",
    "Probes per second. Scanner, subnet and port list each may have one; the lowest counts. Empty: no limit of its own.",
);
const REASON: (&str, &str) = ("Reason", "Required; it goes to the audit log.");
const SHARED: (&str, &str) = ("Everybody sees it", "Everybody who may see the queues; you alone can change it.");
const CONFIRM: (&str, &str) = ("Name", "The exact name, typed by hand, so that nothing is lost by one wrong click.");

const SCHEDULE: &[(&str, &str)] = &[
    NAME,
    ("Time zone", "An IANA name such as Europe/Berlin; the times are its local times, in summer and in winter."),
    ("Jitter", "Each run starts up to so many minutes after its planned time, by a fixed offset of its own."),
    ("The last run has not ended", "Leave the new run out (with an event), start it afterwards, or run both."),
    ("Catch up", "A run that was missed because mipo was down starts once, if it is not older than this."),
];
const SCHEDULE_GOTCHAS: &[&str] = &[
    "A local time that the clocks skip runs at the first instant after the gap; one that they repeat runs once.",
    "Of several missed runs only the newest is caught up.",
];

/// The help of the page at `route`, written as in the router (`/scans/{id}`).
pub fn of(route: &str) -> Option<&'static Help> {
    let exact = PAGES.iter().find(|(known, _)| *known == route);
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
        "/scans/run",
        Help {
            purpose: "Starts a scan now: of a template, or once of addresses and ports that you type.",
            inputs: &[
                (
                    "Targets",
                    "Addresses, networks (10.0.0.0/24), ranges (10.0.0.1-10.0.0.9) or host names, one a line or with commas.",
                ),
                ("Ports", "Numbers and ranges from 1 to 65535, such as 22, 80, 8000-8100; tcp."),
                ("Scanners", "Each that is ticked scans all of it, so that their views can be compared."),
                ("Reason", "For the audit log and whoever looks later."),
            ],
            gotchas: &[
                "Excluded addresses are left out by themselves; the estimate counts without them.",
                "A button that cannot be pressed says beside it why nothing would be scanned.",
            ],
        },
    ),
    (
        "/scans/recent",
        Help {
            purpose: "The scans of the last seven days, live, with what can be done to each in the menu at its end.",
            inputs: &[LIST],
            gotchas: &[
                "A paused scan keeps its place: scanners hand back what they hold and go on there.",
                "The end is estimated from the last minute; it jumps when a scanner joins or falls silent.",
            ],
        },
    ),
    (
        "/scans/history",
        Help {
            purpose: "Every scan that has ended, for as long as mipo has run.",
            inputs: &[("From, to", "Days in UTC on which the scan was asked for, both included."), LIST],
            gotchas: &["Single open ports are kept for 90 days; changes, coverage and receipts for ever."],
        },
    ),
    (
        "/scans/schedules",
        Help {
            purpose: "When scan templates run by themselves, with the true start of the next run and the time of the last.",
            inputs: &[LIST],
            gotchas: &[
                "A disabled schedule has no next run; Run now starts it all the same, at once and without jitter.",
            ],
        },
    ),
    (
        "/scans/schedules/new",
        Help {
            purpose: "Adds a schedule: when, which templates, and what happens when a time cannot be kept.",
            inputs: SCHEDULE,
            gotchas: SCHEDULE_GOTCHAS,
        },
    ),
    (
        "/scans/schedules/{id}",
        Help {
            purpose: "One schedule: its times and templates, its next starts, its last runs and its changes.",
            inputs: SCHEDULE,
            gotchas: SCHEDULE_GOTCHAS,
        },
    ),
    (
        "/scans/{id}",
        Help {
            purpose: "One scan: how far it is, what each scanner does for it, and what it found.",
            inputs: &[],
            gotchas: &[
                "Its scope was frozen when it was planned: later changes of targets or ports do not reach it, new exclusions do.",
                "Partial means that some probes have no verdict; they are counted as not tested, never as closed.",
            ],
        },
    ),
    (
        "/scans/{id}/results",
        Help {
            purpose: "Every open port that the scan found, once for each scanner that saw it.",
            inputs: &[("In", "An address or a network, such as 10.0.0.0/8."), ("Port", "1 to 65535."), LIST],
            gotchas: &[
                "Closed and filtered ports are counted, not listed.",
                "What was not tested is always shown beside the counts: it says nothing about the port.",
                "Looking at this page is written to the audit log.",
            ],
        },
    ),
    (
        "/scans/{id}/changes",
        Help {
            purpose: "What opened and closed since the previous scan of the same template, or since another one.",
            inputs: &[("Compared with scan", "The number of any scan; empty for the previous one of the template.")],
            gotchas: &[
                "Each scanner is compared with itself.",
                "A port that only one of the two scans covered is not comparable, and not a change.",
            ],
        },
    ),
    (
        "/scans/{id}/jobs",
        Help {
            purpose: "The shares into which the scan was cut: one scanner and one batch of addresses each.",
            inputs: &[LIST],
            gotchas: &[
                "Attempt counts how often a job was handed out; above 1 somebody lost it, and it went on where it was.",
                "Jobs are kept for 30 days after the end; the receipts stay.",
            ],
        },
    ),
    (
        "/scans/{id}/cancel",
        Help {
            purpose: "Calls a scan off. What it found until then stays.",
            inputs: &[("Reason", "Goes to the audit log.")],
            gotchas: &["A cancelled scan cannot be resumed; pause it if it should go on later."],
        },
    ),
    (
        "/config/scanners",
        Help {
            purpose: "The agents that probe, each from where it stands. They call mipo; mipo never calls them.",
            inputs: &[LIST],
            gotchas: &[
                "Two minutes of silence make a scanner offline; its jobs wait for its return.",
                "A number beside the binding counts calls from a wrong address: somebody else may have its key.",
            ],
        },
    ),
    (
        "/config/scanners/new",
        Help {
            purpose: "Makes a scanner known and shows, this once, the command to run on its host.",
            inputs: &[
                NAME,
                RATE,
                (
                    "Bound to",
                    "From where its key may be used: the address of its first call, the network around it, or anywhere.",
                ),
                ("Token works for", "How long the command may wait to be run. A new one can be made at any time."),
            ],
            gotchas: &["Behind an address that changes, bind it to its network or to nothing."],
        },
    ),
    (
        "/config/scanners/{id}",
        Help {
            purpose: "One scanner: its standing, its settings, its keys and what happened to it.",
            inputs: &[
                NAME,
                RATE,
                ("Jobs at once", "1 to 8; they share the rate limit."),
                ("Address", "Binds its key to this address; empty for the one of its last call."),
            ],
            gotchas: &[
                "Drain lets it finish what it holds and gives it nothing new; disable refuses its calls, and what it holds goes back when the lease ends.",
                "A lower rate reaches running jobs with their next call, within seconds.",
            ],
        },
    ),
    (
        "/config/scanners/{id}/token",
        Help {
            purpose: "Makes a new one-time token, for a host that lost its key or was never started.",
            inputs: &[("Token works for", "Minutes until it expires unused.")],
            gotchas: &["A key that it uses now stops to work at once; the scanner is out until it has used the token."],
        },
    ),
    (
        "/config/scanners/{id}/rotate-key",
        Help {
            purpose: "Asks the scanner to fetch a new key with its next call.",
            inputs: &[],
            gotchas: &[
                "Nothing is interrupted: the old key works until 15 minutes after the first use of the new one, 24 hours at most.",
            ],
        },
    ),
    (
        "/config/scanners/{id}/disable",
        Help {
            purpose: "Shuts a scanner out: its calls are refused, and what it holds goes back when the lease ends.",
            inputs: &[("Reason", "Goes to the audit log.")],
            gotchas: &["To let it finish first, drain it."],
        },
    ),
    (
        "/config/subnets",
        Help {
            purpose: "Networks that can be scanned, and which scanners scan them.",
            inputs: &[LIST],
            gotchas: &[
                "A subnet without a scanner is skipped; every scan says so in its warnings.",
                "Overlapping subnets are probed once a scanner, at the lower of their rates.",
            ],
        },
    ),
    (
        "/config/subnets/new",
        Help {
            purpose: "Names a network so that templates can use it.",
            inputs: &[NAME, ("Network", "CIDR with the host bits zero, or one address."), RATE],
            gotchas: &["Excluded addresses in it are left out by themselves."],
        },
    ),
    (
        "/config/subnets/{id}",
        Help {
            purpose: "One subnet and the scanners that scan it.",
            inputs: &[NAME, ("Network", "CIDR with the host bits zero, or one address."), RATE],
            gotchas: &["Changes act on future scans; a scan that runs keeps the scope that it was planned with."],
        },
    ),
    (
        "/config/port-lists",
        Help {
            purpose: "Ports that can be scanned, under a name.",
            inputs: &[LIST],
            gotchas: &["Built-in lists cannot be changed; clone one instead."],
        },
    ),
    (
        "/config/port-lists/new",
        Help {
            purpose: "Names a set of ports so that templates can use it.",
            inputs: &[NAME, ("Ports", "Ports and ranges, such as 22, 80, 8000-8100."), RATE],
            gotchas: &["A port that stands twice is probed once."],
        },
    ),
    (
        "/config/port-lists/{id}",
        Help {
            purpose: "One port list, with what its text means beside it.",
            inputs: &[NAME, ("Ports", "Ports and ranges, such as 22, 80, 8000-8100."), RATE],
            gotchas: &["Changes act on future scans of every template that uses it."],
        },
    ),
    (
        "/config/scan-templates",
        Help {
            purpose: "What to scan: targets and ports under a name, to be run as often as you like.",
            inputs: &[LIST],
            gotchas: &[
                "Each run is compared with the one before it; a changed template makes some ports not comparable.",
            ],
        },
    ),
    (
        "/config/scan-templates/new",
        Help {
            purpose: "Puts targets and ports together; the summary beside the form says at once what that means.",
            inputs: &[NAME, ("Subnets, port lists", "Tick what it covers; overlaps are probed once.")],
            gotchas: &["Probes are addresses times ports times scanners, less exclusions."],
        },
    ),
    (
        "/config/scan-templates/{id}",
        Help {
            purpose: "One template, with a summary of what a run of it would do now.",
            inputs: &[NAME, ("Subnets, port lists", "Tick what it covers; overlaps are probed once.")],
            gotchas: &["Changes act on future scans."],
        },
    ),
    (
        "/config/exclusions",
        Help {
            purpose: "Addresses that are never probed, whatever a template or a person asks for.",
            inputs: &[LIST],
            gotchas: &[
                "An exclusion always wins, and a new one also stops scans that run.",
                "Scanners have a deny list of their own; what mipo allows can still be refused on their host.",
            ],
        },
    ),
    (
        "/config/exclusions/new",
        Help {
            purpose: "Keeps every scan away from addresses, or from some of their ports.",
            inputs: &[
                NAME,
                ("Network", "CIDR with the host bits zero, or one address."),
                ("Ports", "Empty: every port."),
                ("Expires", "UTC; empty: never."),
            ],
            gotchas: &["An IPv4 network also covers its IPv6 forms (NAT64, 6to4, v4-mapped)."],
        },
    ),
    (
        "/config/exclusions/{id}",
        Help {
            purpose: "One exclusion, with its reason and who changed it.",
            inputs: &[("Network", "CIDR with the host bits zero, or one address."), ("Ports", "Empty: every port.")],
            gotchas: &["Saving asks for your password, because less may be excluded afterwards."],
        },
    ),
    (
        "/config/exclusions/{id}/disable",
        Help {
            purpose: "Lets scans probe these addresses again, without losing the exclusion.",
            inputs: &[("Reason", "Required; it stands on the exclusion and in the audit log.")],
            gotchas: &["It acts on scans that are planned from then on."],
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
        "/ops/queues",
        Help {
            purpose: "Every queue in one line: is anything late, failing or stuck, and why?",
            inputs: &[
                (
                    "Oldest",
                    "How long the oldest due task has waited, against the target of the queue. The gauge ends at five times the target.",
                ),
                (
                    "Rates",
                    "Tasks that come in and go out a second, over the last 5 minutes; failures are the share of the attempts of the last hour.",
                ),
                ("In use", "Slots that run a task now, of the slots of every process that works on the queue."),
                ("Keys", "j and k move, Enter opens, p pauses or resumes; ? lists them."),
            ],
            gotchas: &[
                "A pause holds back what waits; what runs goes on to its end.",
                "Above 100,000 waiting tasks the counts are a minute old and say about.",
            ],
        },
    ),
    (
        "/ops/queues/{name}",
        Help {
            purpose: "One queue: how long its tasks waited and ran, what stands in it, and what bounds it.",
            inputs: &[
                (
                    "Range",
                    "The last hour by minute, the day by quarters of an hour, the week by 2 hours, 30 days by 6 hours.",
                ),
                ("p50, p95, p99", "Half, 95 and 99 of 100 tasks took at most so long."),
            ],
            gotchas: &["Each chart stands below it as a table, too."],
        },
    ),
    (
        "/ops/queues/{name}/pause",
        Help {
            purpose: "Asks why nothing of the queue is to begin from now on.",
            inputs: &[("Reason", "Required; it goes to the audit log.")],
            gotchas: &["What runs goes on to its end."],
        },
    ),
    (
        "/ops/queues/{name}/limits",
        Help {
            purpose: "Sets how much of the queue runs at once and how fast it begins.",
            inputs: &[
                ("Slots of a process", "Tasks that one process runs at once."),
                ("Most running", "Tasks that run at once over all processes."),
                ("Most starts", "Tasks that begin in the window, over all processes."),
            ],
            gotchas: &["A lower limit stops nothing: what runs goes on, and less begins."],
        },
    ),
    (
        "/ops/tasks",
        Help {
            purpose: "Every task of every queue: what waits, what runs, and what became of it.",
            inputs: &[
                (
                    "Filter",
                    "Terms such as status:dead kind:plan_scan age:>10m; all must hold. The field completes names and values, and How to filter lists them.",
                ),
                (
                    "Keys",
                    "j and k move, x selects, Enter opens, r retries, c cancels, d discards, / filters; ? lists them.",
                ),
                ("Saved views", "Filter, order and columns under a name, for yourself or for everybody."),
            ],
            gotchas: &[
                "Counts above 100,000 are estimates and say so; a search that looked at many tasks offers to go on further.",
                "The list stands still while tasks are selected, so that no row moves away under the hand.",
            ],
        },
    ),
    (
        "/ops/tasks/{id}",
        Help {
            purpose: "One task: why it waits, when each attempt ran and how it ended, and what it was given.",
            inputs: &[(
                "Arguments",
                "Masked. Revealing them needs the right task-args:view and is written to the audit log.",
            )],
            gotchas: &[
                "A retried task keeps its id and its attempts, and gets those of its kind once more.",
                "Cancelling a running task asks its worker; the task ends when the worker obeys.",
            ],
        },
    ),
    (
        "/ops/tasks/{id}/cancel",
        Help {
            purpose: "Calls the task off, for good unless it is retried.",
            inputs: &[REASON],
            gotchas: &["What it has done already stays done."],
        },
    ),
    (
        "/ops/tasks/{id}/discard",
        Help {
            purpose: "Sets the task aside, so that it neither runs nor stands among the dead.",
            inputs: &[REASON],
            gotchas: &["It can be undone for 24 hours, on the task's page."],
        },
    ),
    (
        "/ops/tasks/{id}/priority",
        Help {
            purpose: "Moves the task forward or back in its line.",
            inputs: &[
                ("Priority", "0 to 9; higher goes first."),
                ("Reason", "May be empty; it goes to the audit log."),
            ],
            gotchas: &["Waiting tasks move forward as they age, so a low priority delays and never starves."],
        },
    ),
    (
        "/ops/failures",
        Help {
            purpose: "What goes wrong, grouped by kind and shape of the error: since when, how often, in which version.",
            inputs: &[(
                "Keys",
                "j and k move, Enter opens the tasks, r retries one, a retries all, s snoozes, d discards; ? lists them.",
            )],
            gotchas: &[
                "Retry one first: when it goes well, retry all. Both show what they do before more than one task is touched.",
                "Retrying counts live tasks that failed so and are tried again by themselves.",
                "Numbers and long words of an error do not matter for its group.",
            ],
        },
    ),
    (
        "/ops/failures/snooze",
        Help {
            purpose: "Hides a group that somebody works on already, so that what is new stands out.",
            inputs: &[("Until", "UTC; at most 90 days ahead."), REASON],
            gotchas: &["A version that fails so and was not there before ends the snooze early."],
        },
    ),
    (
        "/ops/workers",
        Help {
            purpose: "The processes that work on the queues: where each runs, what it does now, and which are lost.",
            inputs: &[("Keys", "j and k move, Enter opens the tasks of a worker, p drains it or lets it work again.")],
            gotchas: &[
                "A lost worker did not say goodbye and is not heard of; others take over its tasks within 30 seconds.",
                "Each start is a worker of its own. Those that ended stay listed for a day.",
            ],
        },
    ),
    (
        "/ops/workers/{no}/drain",
        Help {
            purpose: "Lets a worker finish what it runs and take nothing new, for instance before its host is restarted.",
            inputs: &[REASON],
            gotchas: &["What only this process serves waits meanwhile; the pages of such tasks say so."],
        },
    ),
    (
        "/ops/cron",
        Help {
            purpose: "What runs by the clock: when next, how it went last, and how often it went well today.",
            inputs: &[(
                "Keys",
                "j and k move, Enter opens the tasks of an entry, r runs it now, p pauses or resumes it.",
            )],
            gotchas: &[
                "Next ticks are those of the entry's own time zone; everything else on the page is UTC.",
                "Run now makes a task at once; while one of the same entry still waits, that one stands for both.",
                "The bars count all tasks of the kind, those of other origin too.",
            ],
        },
    ),
    (
        "/ops/cron/{name}/pause",
        Help {
            purpose: "Keeps the entry from ticking until somebody resumes it.",
            inputs: &[REASON],
            gotchas: &["Ticks of the pause are not made up for. Run now works all the same."],
        },
    ),
    (
        "/ops/database",
        Help {
            purpose: "Whether the database keeps up with the queue: sizes, dead rows, and who keeps them from being removed.",
            inputs: &[],
            gotchas: &[
                "A transaction that stays open anywhere in the cluster makes the tables of the queue grow.",
                "Rows are those of the statistics, not counted.",
            ],
        },
    ),
    (
        "/ops/bulk",
        Help {
            purpose: "Operations over many tasks, the newest first, with how far each is.",
            inputs: &[],
            gotchas: &["Tasks that were in another state when their turn came are left alone and counted."],
        },
    ),
    (
        "/ops/bulk/new",
        Help {
            purpose: "Does one thing to all tasks that pass a filter, after showing exactly how many they are.",
            inputs: &[
                ("To which tasks", "The filter language of the tasks; picked tasks are a filter on their ids."),
                REASON,
            ],
            gotchas: &[
                "When the count has changed by the time you start, nothing is started and the new count is shown.",
                "Tasks that are made after the start are left alone.",
            ],
        },
    ),
    (
        "/ops/bulk/{id}",
        Help {
            purpose: "One operation, live: how many tasks it has changed, and who asked for it and why.",
            inputs: &[],
            gotchas: &["Stopping keeps what was done. A discard can be undone for 24 hours once it has ended."],
        },
    ),
    (
        "/ops/bulk/{id}/undo",
        Help {
            purpose: "Brings back what the operation discarded, each task in its earlier state.",
            inputs: &[REASON],
            gotchas: &["It is an operation of its own, with progress and stop."],
        },
    ),
    (
        "/ops/views",
        Help {
            purpose: "Views of the queue pages that were kept under a name.",
            inputs: &[],
            gotchas: &["Shared views can be used by everybody and changed by their owner alone."],
        },
    ),
    (
        "/ops/views/new",
        Help {
            purpose: "Keeps filter, order, columns and rows a page under a name.",
            inputs: &[("Name", "1 to 64 letters, digits, _ and -; unique among your views of the page."), SHARED],
            gotchas: &[],
        },
    ),
    (
        "/ops/views/{id}",
        Help {
            purpose: "Renames one of your views, or shares it.",
            inputs: &[("Name", "1 to 64 letters, digits, _ and -; unique among your views of the page."), SHARED],
            gotchas: &["To change what it shows, open it, change the filter and save it under its name anew."],
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
