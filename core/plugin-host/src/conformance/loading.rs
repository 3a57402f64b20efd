//! Questions before the first call: the library, its entry, its manifest, its structures.

use std::path::Path;

use ceralacca_kernel::Error;
use ceralacca_kernel::manifest::Manifest;
use ceralacca_plugin_abi as abi;

use super::{Answer, Asking, broken_in_short, described, in_short, sidecar};
use crate::connection::Connection;
use crate::describe::require_same;
use crate::host_table::TableSize;
use crate::library::Unloadable;
use crate::loading::not_loaded;
use crate::process::ConnectError;

/// What has to be right before a plugin is there, in the order in which it is found out.
const STAGES: [&str; 7] = [
    "is a library of this system",
    "exports ceralacca_plugin_entry",
    "its entry begins with the magic number",
    "its structures are as large as they say, and large enough",
    "is built for a version of the contract that this program speaks",
    "its functions are there",
    "create succeeds without settings and capabilities",
];

/// Asks all of it; the manifest by which the primitives are asked, when the plugin can be called.
pub(super) fn ask(asking: &mut Asking<'_>, library: &Path) -> Option<Manifest> {
    let mut connection = ask_stages(asking)?;
    let mut own = None;
    let name = asking.launch.name.clone();
    let is_described = asking.ask("replies to DESCRIBE with a manifest", |_| {
        let manifest = described(&mut *connection, &name)?;
        let about = format!("{} {}", manifest.name, manifest.version);
        own = Some(manifest);
        Ok(about)
    });
    let beside = sidecar(library);
    asking.ask("has a manifest beside it", |_| match &beside {
        Ok(manifest) => Ok(format!("{}.json", manifest.name)),
        Err(error) => Err(in_short(error)),
    });
    match (&own, &beside) {
        (Some(own), Ok(beside)) => {
            let differs = |error: Error| {
                let report = error.report();
                let [expected, found] =
                    [&report.expected, &report.found].map(|text| text.clone().unwrap_or_default());
                format!("beside it {expected}; it says {found}")
            };
            asking.ask("its manifest is what it says of itself", |_| {
                require_same(beside, own).map(|()| String::new()).map_err(differs)
            });
        }
        _ => asking.skip("its manifest is what it says of itself", "one of the two is missing"),
    }
    ask_end(asking, connection);
    if !is_described {
        return None;
    }
    ask_twice(asking);
    ask_sizes(asking);
    own
}

fn ask_stages(asking: &mut Asking<'_>) -> Option<Box<dyn Connection>> {
    (asking.progress)("loading it");
    let why = match asking.connect(TableSize::Normal) {
        Ok(connection) => {
            let (major, minor) = connection.abi();
            STAGES.iter().enumerate().for_each(|(at, stage)| {
                let version = format!("contract {major}.{minor}");
                asking.note(stage, Answer::Ok, if at == 4 { &version } else { "" });
            });
            return Some(connection);
        }
        Err(why) => why,
    };
    let failed = stage_of(&why);
    let detail = in_short(&not_loaded(&asking.launch.name.clone(), why));
    for (at, stage) in STAGES.iter().enumerate() {
        match at.cmp(&failed) {
            std::cmp::Ordering::Less => asking.note(stage, Answer::Ok, ""),
            std::cmp::Ordering::Equal => asking.note(stage, Answer::Failed, &detail),
            std::cmp::Ordering::Greater => asking.skip(stage, "it did not come so far"),
        }
    }
    None
}

/// Which of [`STAGES`] was not passed.
fn stage_of(why: &ConnectError) -> usize {
    let ConnectError::Unloadable(why) = why else { return 6 };
    match why {
        Unloadable::NotALibrary { .. } => 0,
        Unloadable::NoEntry => 1,
        Unloadable::WrongMagic { .. } => 2,
        Unloadable::TooSmall { .. } | Unloadable::TooLarge { .. } => 3,
        Unloadable::WrongAbi { .. } => 4,
        Unloadable::NoFunction { .. } => 5,
        Unloadable::CreateFailed { .. } => 6,
    }
}

fn ask_end(asking: &mut Asking<'_>, connection: Box<dyn Connection>) {
    let name = asking.launch.name.clone();
    asking.ask("destroy returns, and the process ends in order", |_| {
        let ended = connection.close();
        ended.map(|()| String::new()).map_err(|why| broken_in_short(&name, "destroy", why))
    });
}

fn ask_twice(asking: &mut Asking<'_>) {
    asking.ask("can be created twice at the same time, in two processes", |asking| {
        let name = asking.launch.name.clone();
        let mut first = asking.connected(TableSize::Normal)?;
        let mut second = asking.connected(TableSize::Normal)?;
        let both = (described(&mut *second, &name)?, described(&mut *first, &name)?);
        match both.0 == both.1 {
            true => Ok(String::new()),
            false => Err("the two say different things of themselves".to_owned()),
        }
    });
}

fn ask_sizes(asking: &mut Asking<'_>) {
    let sizes = [
        (TableSize::Smaller, "works with the structures of version 1.0"),
        (TableSize::Larger, "works with the larger structures of a later host"),
    ];
    for (size, question) in sizes {
        asking.ask(question, |asking| {
            let name = asking.launch.name.clone();
            let mut connection = asking.connected(size)?;
            described(&mut *connection, &name)?;
            let ended = connection.close();
            let (major, minor) = (abi::ABI_MAJOR, abi::ABI_MINOR);
            let speaks = || format!("this program speaks {major}.{minor}");
            ended.map(|()| speaks()).map_err(|why| broken_in_short(&name, "destroy", why))
        });
    }
}
