//! Help of the pages of Scans.
use super::{Help, LIST, NAME};

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

/// By route.
pub(super) const PAGES: &[(&str, Help)] = &[
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
];
