//! Help of the pages of Ops.
use super::Help;

const REASON: (&str, &str) = ("Reason", "Required; it goes to the audit log.");
const SHARED: (&str, &str) = ("Everybody sees it", "Everybody who may see the queues; you alone can change it.");

/// By route.
pub(super) const PAGES: &[(&str, Help)] = &[
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
];
