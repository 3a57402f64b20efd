//! What every command works with: engines, registry, workspace, and the services of a run.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceralacca_engine_lua::Lua;
use ceralacca_engine_rhai::Rhai;
use ceralacca_journal::Journal;
use ceralacca_kernel::{Engine, Error, Registry, RunOptions, Services};
use ceralacca_submission::{FetchChannel, PinnedCa, SendChannel};

use crate::agency::ConfiguredAgency;
use crate::catalogue::Catalogue;
use crate::host::Terminal;
use crate::workspace::Workspace;

/// The program's parts, put together.
pub(crate) struct Program {
    pub(crate) registry: Rc<Registry>,
    pub(crate) engines: Vec<Box<dyn Engine>>,
    given_workspace: Option<PathBuf>,
}

impl Program {
    pub(crate) fn new(given_workspace: Option<PathBuf>) -> Program {
        Program {
            registry: Rc::new(registry()),
            engines: vec![Box::new(Rhai), Box::new(Lua)],
            given_workspace,
        }
    }

    /// The workspace that was named, or the nearest one upwards.
    pub(crate) fn workspace(&self) -> Result<Workspace, Error> {
        Workspace::open(self.given_workspace.as_deref())
    }

    /// Where workflows are found.
    pub(crate) fn catalogue<'a>(&'a self, workspace: Option<&'a Path>) -> Catalogue<'a> {
        Catalogue { engines: &self.engines, registry: &self.registry, workspace }
    }

    /// What a run in `workspace` works with.
    pub(crate) fn run_options(
        &self,
        workspace: &Workspace,
        terminal: Rc<Terminal>,
    ) -> Result<RunOptions, Error> {
        let agency: Rc<ConfiguredAgency> =
            Rc::new(ConfiguredAgency::new(workspace, terminal.clone(), self.registry.clone()));
        let mut services = Services::default();
        services.add(workspace.folders());
        services.add(PinnedCa(workspace.settings.agency.ca_sha256.clone()));
        services.add(SendChannel::new(agency.clone()));
        services.add(FetchChannel::new(agency));
        Ok(RunOptions {
            registry: self.registry.clone(),
            store: Rc::new(Journal::open(&workspace.state())?),
            host: terminal,
            services,
            key: crate::random::hex(16),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// Everything that scripts can use: the only place where the crates' lists come together.
fn registry() -> Registry {
    let mut registry = Registry::new();
    for namespace in [
        ceralacca_submission::namespace(),
        ceralacca_keystore::namespace(),
        ceralacca_identity::namespace(),
        ceralacca_identity::prompt_namespace(),
    ] {
        registry.add_namespace(namespace);
    }
    for input_type in ceralacca_identity::input_types() {
        registry.add_input_type(input_type);
    }
    for rule in ceralacca_identity::secret_rules() {
        registry.add_secret_rule(rule);
    }
    registry
}
