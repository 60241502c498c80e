//! What this process holds in memory.

/// Resident bytes.
pub fn resident_bytes() -> u64 {
    of_status("VmRSS:")
}

/// The most there ever were.
pub fn peak_resident_bytes() -> u64 {
    of_status("VmHWM:")
}

/// A line of /proc/self/status.
fn of_status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}
