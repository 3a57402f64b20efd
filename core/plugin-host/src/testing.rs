//! The place where a plugin runs, for the tests that judge it from outside, without a workspace.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ceralacca_kernel::{Error, Explain, Report, Secret, Sheet, Value};
use serde::Serialize;

pub use crate::process::worker_program;

use crate::connection::{Answers, Connection, Grants, Launch, Operation, Request};
use crate::host_table::TableSize;
use crate::image::Image;
use crate::process;

/// Where and how a library runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// In this process.
    pub in_process: bool,
    /// How long a call may take.
    pub timeout: Duration,
    /// Bytes of address space.
    pub memory: u64,
    /// Whether structures say that they are larger than they are known to be.
    pub larger: bool,
    /// Whether the file itself is loaded, as where the system refuses programs in memory.
    pub file_itself: bool,
    /// Whether the network is granted.
    pub network: bool,
    /// Whether sockets of this machine are granted.
    pub local_sockets: bool,
    /// What may be read.
    pub read: Vec<PathBuf>,
    /// What may be written.
    pub write: Vec<PathBuf>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
}

/// A plugin that runs.
pub struct Running(Box<dyn Connection>);

/// What a plugin asked for, and what it is answered.
#[derive(Debug, Default)]
pub struct Operator {
    /// The one secret that there is, whatever its name; without it there is none.
    pub secret: Option<String>,
    /// How long the operator thinks before giving it.
    pub thinks: Duration,
    /// What was shown.
    pub seen: Vec<String>,
}

/// Reads, loads and creates; an error is the JSON of the typed one.
///
/// # Errors
/// When the library cannot be read or is no plugin.
pub fn start(library: &Path, place: &Place) -> Result<Running, String> {
    let image = Image::of(library).map_err(|error| json(&error))?;
    let again = match place.file_itself {
        #[cfg(target_os = "linux")]
        true => Image::in_place(library),
        _ => Image::read(library, image.sha256()),
    };
    let again = again.map_err(|error| json(&error))?;
    let launch = Launch {
        name: "tried".to_owned(),
        in_process: place.in_process,
        settings: Value::Map([("colour".to_owned(), Value::Str("red".to_owned()))].into()),
        timeout: place.timeout,
        memory: place.memory,
        grants: Grants {
            network: place.network,
            local_sockets: place.local_sockets,
            read: place.read.clone(),
            write: place.write.clone(),
            environment: place.environment.clone(),
        },
    };
    let size = if place.larger { TableSize::Larger } else { TableSize::Normal };
    let connection = process::connect_sized(&again, &launch, size);
    connection.map(Running).map_err(|error| json(&error))
}

impl Running {
    /// Makes a call; an error is the JSON of the typed one.
    ///
    /// # Errors
    /// When the call does not end as the contract says.
    pub fn call(
        &mut self,
        name: &str,
        arguments: &[u8],
        operator: &mut Operator,
    ) -> Result<(i32, Vec<u8>), String> {
        let request = Request { operation: Operation::Call, name, arguments, context: b"\xa0" };
        let answer = self.0.invoke(&request, operator);
        answer.map(|answer| (answer.status, answer.value)).map_err(|broken| json(&broken))
    }

    /// The worker's process.
    pub fn process(&self) -> Option<u32> {
        self.0.process()
    }

    /// The version that the plugin was built for.
    pub fn abi(&self) -> (u16, u16) {
        self.0.abi()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end in order.
    pub fn close(self) -> Result<(), String> {
        self.0.close().map_err(|broken| json(&broken))
    }
}

impl Answers for Operator {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        self.seen.push(format!("asked {name}"));
        // Nobody wakes this thread: it is the operator thinking.
        std::thread::park_timeout(self.thinks);
        let secret = self.secret.as_ref().map(Secret::new);
        secret.ok_or_else(|| NoSecret { name: name.to_owned() }.into())
    }

    fn tell(&mut self, text: &str) {
        self.seen.push(format!("told {text}"));
    }

    fn show(&mut self, page: &Sheet) {
        self.seen.push(format!("shown {}", page.to_text()));
    }
}

#[derive(Debug, Serialize)]
struct NoSecret {
    name: String,
}

impl Explain for NoSecret {
    fn explain(&self) -> Report {
        Report::refused("plugin.no_secret_in_test", format!("there is no {}", self.name))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}
