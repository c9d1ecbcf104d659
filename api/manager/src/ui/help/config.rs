//! Help of the pages of Configuration.
use super::{Help, LIST, NAME};

const RATE: (&str, &str) = (
    "Rate limit",
    "Probes per second. Scanner, subnet and port list each may have one; the lowest counts. Empty: no limit of its own.",
);

const FQDN: &[(&str, &str)] = &[
    NAME,
    ("Host name", "What is resolved, IPv4 and IPv6."),
    ("Allowed networks", "A guard: addresses elsewhere are left out, with a warning. Empty: anywhere."),
    RATE,
];

/// By route.
pub(super) const PAGES: &[(&str, Help)] = &[
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
        "/config/scanner-groups",
        Help {
            purpose: "Scanners that all scan the same targets: what each of them sees can be compared.",
            inputs: &[LIST],
            gotchas: &[
                "A group does not share the work out: every member scans everything.",
                "A group that a subnet, an FQDN or a discovery list names cannot be deleted.",
            ],
        },
    ),
    (
        "/config/scanner-groups/new",
        Help {
            purpose: "Puts scanners under one name, to be assigned to targets together.",
            inputs: &[NAME, ("Scanners", "At least one. A scanner may be in several groups.")],
            gotchas: &["A target's rate limit is divided by the scanners that scan it in a run."],
        },
    ),
    (
        "/config/scanner-groups/{id}",
        Help {
            purpose: "One scanner group, and which targets it is assigned to.",
            inputs: &[NAME, ("Scanners", "At least one.")],
            gotchas: &["A new member scans every target of the group from the next scan on."],
        },
    ),
    (
        "/config/subnet-groups",
        Help {
            purpose: "Subnets under one name, so that a template need not list them.",
            inputs: &[LIST],
            gotchas: &["Addresses that lie in several of its subnets count once."],
        },
    ),
    (
        "/config/subnet-groups/new",
        Help {
            purpose: "Puts subnets under one name.",
            inputs: &[NAME, ("Subnets", "At least one. A subnet may be in several groups.")],
            gotchas: &["Each subnet keeps its own scanners and rate limit."],
        },
    ),
    (
        "/config/subnet-groups/{id}",
        Help {
            purpose: "One subnet group, and what uses it.",
            inputs: &[NAME, ("Subnets", "At least one.")],
            gotchas: &["A subnet that is added is scanned by every template of the group from the next scan on."],
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
        "/config/fqdns",
        Help {
            purpose: "Host names that can be scanned, and which scanners scan them.",
            inputs: &[LIST],
            gotchas: &[
                "A name is resolved by the server when a scan is planned, so that each scan finds the addresses of its time.",
                "One that does not resolve, or resolves outside its networks, is a warning on the scan, never silent.",
            ],
        },
    ),
    (
        "/config/fqdns/new",
        Help {
            purpose: "Names a host so that templates can use it, wherever it moves.",
            inputs: FQDN,
            gotchas: &["At most 64 addresses of a name are scanned."],
        },
    ),
    (
        "/config/fqdns/{id}",
        Help {
            purpose: "One FQDN: what it resolves to, and the scanners that scan it.",
            inputs: FQDN,
            gotchas: &["Resolving by hand is for people to look; scans ask again by themselves."],
        },
    ),
    (
        "/config/fqdn-groups",
        Help {
            purpose: "FQDNs under one name, so that a template need not list them.",
            inputs: &[LIST],
            gotchas: &["Addresses that several of its names share count once."],
        },
    ),
    (
        "/config/fqdn-groups/new",
        Help {
            purpose: "Puts FQDNs under one name.",
            inputs: &[NAME, ("FQDNs", "At least one. An FQDN may be in several groups.")],
            gotchas: &["Each FQDN keeps its own scanners, networks and rate limit."],
        },
    ),
    (
        "/config/fqdn-groups/{id}",
        Help {
            purpose: "One FQDN group, and what uses it.",
            inputs: &[NAME, ("FQDNs", "At least one.")],
            gotchas: &["An FQDN that is added is scanned by every template of the group from the next scan on."],
        },
    ),
    (
        "/config/discovery",
        Help {
            purpose: "Other systems that push the addresses they know, so that scans follow what is really there.",
            inputs: &[LIST],
            gotchas: &[
                "A source sees and changes its own lists alone.",
                "A list that is empty contributes nothing to a scan; the scan says so in its warnings.",
            ],
        },
    ),
    (
        "/config/discovery/new",
        Help {
            purpose: "Makes a source and shows its key, this once, with commands that work as shown.",
            inputs: &[("Name", "1 to 100 letters, digits, _ and -.")],
            gotchas: &["mipo keeps only the hash of the key. When it is lost, rotate it."],
        },
    ),
    (
        "/config/discovery/{id}",
        Help {
            purpose: "One source: whether its calls are answered, and its lists.",
            inputs: &[
                ("Name", "1 to 100 letters, digits, _ and -."),
                ("Answer its calls", "Off: pushes are refused; what is on its lists stays and is scanned."),
            ],
            gotchas: &["A source with a list that a template uses cannot be deleted."],
        },
    ),
    (
        "/config/discovery/{id}/rotate-key",
        Help {
            purpose: "Gives the source a new key, shown this once.",
            inputs: &[],
            gotchas: &["The old key works no more at once; pushes fail until the source has the new one."],
        },
    ),
    (
        "/config/discovery/lists/{id}",
        Help {
            purpose: "One list: its addresses with when they were first and last pushed, and how fast they are scanned.",
            inputs: &[("Find an address", "An address, or a network to look in."), RATE],
            gotchas: &[
                "Its name and its scanner are the source's to choose.",
                "Addresses stay until the source takes old ones off.",
            ],
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
            inputs: &[
                NAME,
                ("Targets", "Subnets, host names, discovery lists and groups of them; overlaps are probed once."),
                ("Ports", "Port lists and groups of them; a port that is in several is probed once."),
            ],
            gotchas: &["Probes are addresses times ports times scanners, less exclusions."],
        },
    ),
    (
        "/config/scan-templates/{id}",
        Help {
            purpose: "One template, with a summary of what a run of it would do now.",
            inputs: &[
                NAME,
                ("Targets", "Subnets, host names, discovery lists and groups of them; overlaps are probed once."),
                ("Ports", "Port lists and groups of them; a port that is in several is probed once."),
            ],
            gotchas: &[
                "Changes act on future scans.",
                "Host names are resolved, and groups and lists are read, when a scan is planned.",
            ],
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
        "/config/port-list-groups",
        Help {
            purpose: "Port lists under one name, so that a template need not list them.",
            inputs: &[LIST],
            gotchas: &["A port that is in several of its lists counts once."],
        },
    ),
    (
        "/config/port-list-groups/new",
        Help {
            purpose: "Puts port lists under one name.",
            inputs: &[NAME, ("Port lists", "At least one. A list may be in several groups.")],
            gotchas: &["The lowest rate limit of its lists holds for the whole scan."],
        },
    ),
    (
        "/config/port-list-groups/{id}",
        Help {
            purpose: "One port list group, and what uses it.",
            inputs: &[NAME, ("Port lists", "At least one.")],
            gotchas: &["A list that is added is scanned by every template of the group from the next scan on."],
        },
    ),
    (
        "/config/scan-template-groups",
        Help {
            purpose: "Scan templates under one name, for schedules that run them together.",
            inputs: &[LIST],
            gotchas: &["A schedule runs each template once, however many ways lead to it."],
        },
    ),
    (
        "/config/scan-template-groups/new",
        Help {
            purpose: "Puts scan templates under one name.",
            inputs: &[NAME, ("Scan templates", "At least one. A template may be in several groups.")],
            gotchas: &[],
        },
    ),
    (
        "/config/scan-template-groups/{id}",
        Help {
            purpose: "One group of scan templates, and the schedules that run it.",
            inputs: &[NAME, ("Scan templates", "At least one.")],
            gotchas: &["What is added is run from the next time of each schedule on."],
        },
    ),
    (
        "/config/port-catalog",
        Help {
            purpose: "A reference of services and their ports, to build port lists from.",
            inputs: &[LIST],
            gotchas: &[
                "Nothing here is scanned by itself: import an entry into a port list, and use that in a template.",
                "Built-in entries say where they are from; clone one to change it.",
            ],
        },
    ),
    (
        "/config/port-catalog/new",
        Help { purpose: "Adds a service of your own to the catalog.", inputs: ENTRY, gotchas: &[] },
    ),
    (
        "/config/port-catalog/{id}",
        Help {
            purpose: "One entry: its ports, where it is known from, and the lists that took them.",
            inputs: ENTRY,
            gotchas: &["A change does not reach port lists that imported it before."],
        },
    ),
    (
        "/config/blackouts",
        Help {
            purpose: "Times in which targets are left alone: business hours, a migration, a fair.",
            inputs: &[LIST],
            gotchas: &[
                "When a window begins, jobs that it is about pause at their place; when it ends, they go on there.",
                "A scan that is held keeps its status. Jobs held longer than a job may wait time out, and the scan says so.",
            ],
        },
    ),
    (
        "/config/blackouts/new",
        Help {
            purpose: "Keeps scans away from targets, or scanners from work, at some times.",
            inputs: WINDOW,
            gotchas: &[
                "It acts at once, on scans that run too.",
                "A job that meets one of its subnets waits as a whole.",
            ],
        },
    ),
    (
        "/config/blackouts/{id}",
        Help {
            purpose: "One window: when it holds, what it holds now, and who changed it.",
            inputs: WINDOW,
            gotchas: &["Saving asks for your password, because less may be held afterwards."],
        },
    ),
    (
        "/config/blackouts/{id}/disable",
        Help {
            purpose: "Lets scans go on at its times, without losing the window.",
            inputs: &[("Reason", "Required; it stands on the window and in the audit log.")],
            gotchas: &["What it holds goes on at once."],
        },
    ),
];

const ENTRY: &[(&str, &str)] = &[
    NAME,
    ("Ports", "Numbers and ranges with commas or blanks; 53/udp is kept, but never scanned."),
    ("Sources", "Where name and ports are known from, one a line."),
];

const WINDOW: &[(&str, &str)] = &[
    NAME,
    ("Holds", "Everything, or subnets, groups of them and scanners; one of them is enough to hold a job."),
    ("Once", "From one time to another, UTC."),
    ("Weekly", "Days on which it begins, the time of day, and how long: at most 24:00. It may run past midnight."),
    ("Time zone", "An IANA name. The window follows its clocks, over changes of summer time too."),
];
