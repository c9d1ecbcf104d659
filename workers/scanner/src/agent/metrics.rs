//! How this machine does, read from `/proc`.
use std::fs::read_to_string;

/// The numbers of a heartbeat; what cannot be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// All memory, in bytes.
    pub memory_total: Option<u64>,
    /// Memory that could be used, in bytes.
    pub memory_available: Option<u64>,
    /// Bytes received and sent by all interfaces but the loopback one.
    pub network: Option<(u64, u64)>,
    /// Processors.
    pub cpus: Option<u32>,
}

/// Reads the machine.
pub fn read() -> Machine {
    let memory = read_to_string("/proc/meminfo").unwrap_or_default();
    Machine {
        load: read_to_string("/proc/loadavg").ok().and_then(|text| load(&text)),
        memory_total: meminfo(&memory, "MemTotal:"),
        memory_available: meminfo(&memory, "MemAvailable:"),
        network: read_to_string("/proc/net/dev").ok().map(|text| network(&text)),
        cpus: std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok()),
    }
}

/// The name of this machine.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn load(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    Some([numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?])
}

fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

fn network(text: &str) -> (u64, u64) {
    let mut sum = (0, 0);
    for line in text.lines() {
        let Some((name, numbers)) = line.split_once(':') else { continue };
        if name.trim() == "lo" {
            continue;
        }
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        sum.0 += numbers.first().copied().unwrap_or(0);
        sum.1 += numbers.get(8).copied().unwrap_or(0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_proc_are_read_right() {
        assert_eq!(load("0.52 1.00 12.25 2/345 6789\n"), Some([0.52, 1.0, 12.25]));
        assert_eq!(meminfo("MemTotal:  16 kB\nMemAvailable:   5 kB\n", "MemAvailable:"), Some(5_120));
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 9 0 0 0 0 0 0 0 9 0\n  eth0: 100 1 0 0 0 0 0 0 200 2\n\
                   eth1:1 0 0 0 0 0 0 0 2 0\n";
        assert_eq!(network(dev), (101, 202));
        let machine = read();
        assert!(machine.load.is_some() && machine.memory_available < machine.memory_total && machine.cpus > Some(0));
    }
}
