//! Processor time: a busy machine lengthens what the clock says, and hardly this.

use std::fs;
use std::time::Duration;

/// What this thread has had so far; nothing where the system does not tell.
pub fn of_this_thread() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = told.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

/// What a process has had so far, where the system tells.
pub fn of(process: u32) -> Option<Duration> {
    let told = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything; user and system, in hundredths of a second.
    let fields: Vec<&str> = told.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}
