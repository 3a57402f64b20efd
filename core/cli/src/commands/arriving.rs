//! What lies in `ricezione` when a run is resumed: what may still be on its way is waited for, a moment;
//! what is used for nothing is said when the run waits all the same.

use std::thread;
use std::time::{Duration, Instant};

use ceralacca_hand_off::{self as hand_off, HandOver};
use ceralacca_kernel::{Host, RunId};
use jiff::Timestamp;

use crate::host::Terminal;
use crate::workspace::Workspace;

/// Sleeps until the file that would answer the run counts as whole, and never longer than such a file
/// has to be quiet.
pub(super) fn wait(workspace: &Workspace, run: RunId, terminal: &Terminal) {
    if !workspace.settings.agency.hand_off {
        return;
    }
    // What is wrong with the records the run itself will say.
    let Ok(all) = hand_off::list(&workspace.folders()) else { return };
    let begun = Instant::now();
    let longest = Duration::try_from(hand_off::QUIET).unwrap_or_default() + MARGIN;
    let mut said = false;
    loop {
        let arrivals = workspace.ricezione.look();
        let of_run = |one: &&HandOver| one.run == run.to_string();
        let settling = hand_off::settling(&all, &arrivals);
        let settles = |one: &HandOver| settling.get(&one.key).copied();
        let until = all.iter().filter(of_run).filter_map(settles).min();
        let (Some(until), Some(left)) = (until, longest.checked_sub(begun.elapsed())) else {
            return;
        };
        if !said {
            terminal.progress("a file in ricezione may still be on its way: waiting some seconds");
            said = true;
        }
        let quiet = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        thread::sleep((quiet + MARGIN).min(left));
    }
}

/// Says what lies in `ricezione` and is used for nothing, as a rule because it is not what it should be.
pub(super) fn say_unused(workspace: &Workspace, terminal: &Terminal) {
    if !workspace.settings.agency.hand_off {
        return;
    }
    let folders = workspace.folders();
    let Ok(all) = hand_off::list(&folders) else { return };
    let unused = hand_off::unused(&folders, &all, &workspace.ricezione.look());
    for one in unused.iter().take(MOST_SHOWN) {
        terminal.say(&format!("  not used: {}", one.describe()));
    }
    if unused.len() > MOST_SHOWN {
        terminal.say(&format!(
            "  not used: {} more (ceralacca status --json)",
            unused.len() - MOST_SHOWN
        ));
    }
}

const MOST_SHOWN: usize = 5;

/// So that it is over when it is over.
const MARGIN: Duration = Duration::from_millis(20);
