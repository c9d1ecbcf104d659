//! The memory of this process, as Linux tells it (proc(5)).
use std::fs;

/// Forgets the peak so far; answers what is resident now, in KiB.
pub fn reset_peak() -> Result<u64, String> {
    fs::write("/proc/self/clear_refs", "5").map_err(|error| format!("/proc/self/clear_refs: {error}"))?;
    field("VmRSS:")
}

/// The most that was resident since, in KiB.
pub fn peak() -> Result<u64, String> {
    field("VmHWM:")
}

fn field(name: &str) -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc/self/status: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| format!("/proc/self/status has no {name}"))
}
