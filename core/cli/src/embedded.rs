//! The sandbox inside the program: one for all who talk to it during a run.

use std::cell::OnceCell;
use std::path::PathBuf;

use ceralacca_kernel::Error;
use ceralacca_sandbox::Running;

use crate::commands::sandbox;

/// Starts on first use and serves as long as it lives.
pub(crate) struct Embedded {
    folder: PathBuf,
    running: OnceCell<Running>,
}

impl Embedded {
    /// The sandbox whose state is in `folder`; nothing is opened yet.
    pub(crate) fn new(folder: PathBuf) -> Embedded {
        Embedded { folder, running: OnceCell::new() }
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> Result<String, Error> {
        if let Some(running) = self.running.get() {
            return Ok(running.url());
        }
        let running = sandbox::embedded(&self.folder)?;
        Ok(self.running.get_or_init(|| running).url())
    }
}
