//! A process that is killed at a point of its own: it announces the point and stands still.
//!
//! The points are in `core/kernel/src/crash_point.rs`; SIGKILL comes from here, from outside.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Kills the process of `command` at its `point`-th crash point and gives the point's name; `None`
/// when the process ended before it, which it must do well.
pub fn killed_at(command: &mut Command, point: u32) -> Option<String> {
    command.env("CERALACCA_CRASH_POINT", point.to_string());
    let mut process =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mark = format!("crash point {point}: ");
    let mut name = None;
    let mut said = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if let Some(found) = line.strip_prefix(&mark) {
            name = Some(found.to_owned());
            process.kill().unwrap();
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    let status = process.wait().unwrap();
    assert!(name.is_some() || status.success(), "without a kill it finishes: {said}");
    name
}
