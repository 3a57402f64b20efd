//! What every command works with: engines, registry, workspace, and the services of a run.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceralacca_engine_lua::Lua;
use ceralacca_engine_rhai::Rhai;
use ceralacca_journal::Journal;
use ceralacca_kernel::{Engine, Error, Registry, RunOptions, Services};
use ceralacca_keystore::RequestOutcomes;
use ceralacca_signing::TrustStore;
use ceralacca_submission::{FetchChannel, PinnedCa, Register, SendChannel};
use ceralacca_timestamp::TsaChannel;
use ceralacca_xml::ControlSettings;

use crate::agency::ConfiguredAgency;
use crate::catalogue::Catalogue;
use crate::embedded::Embedded;
use crate::host::Terminal;
use crate::trust;
use crate::tsa::ConfiguredTsa;
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

    /// As [`Program::workspace`]; `None` where there is none and none was named.
    pub(crate) fn workspace_if_any(&self) -> Result<Option<Workspace>, Error> {
        match self.workspace() {
            Err(error) if self.given_workspace.is_none() && error.code() == "workspace.none" => {
                Ok(None)
            }
            other => other.map(Some),
        }
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
        let embedded = Rc::new(Embedded::new(workspace.sandbox_folder()));
        let with = || (embedded.clone(), terminal.clone(), self.registry.clone());
        let (own, screen, registry) = with();
        let agency = Rc::new(ConfiguredAgency::new(workspace, own, screen, registry));
        let (own, screen, registry) = with();
        let tsa = Rc::new(ConfiguredTsa::new(workspace, own, screen, registry));
        let trusted = workspace.clone();
        let mut services = Services::default();
        services.add(TsaChannel::new(tsa));
        services.add(TrustStore::new(move || trust::load(Some(&trusted), &[])));
        services.add(ControlSettings::new(workspace.control_sources()));
        let folders = workspace.folders();
        services.add(RequestOutcomes::new(move |sha256| {
            Register::read(&folders).request_outcome(sha256)
        }));
        services.add(workspace.policy()?);
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
        ceralacca_archive::namespace(),
        ceralacca_inspect::namespace(),
        ceralacca_signing::namespace(),
        ceralacca_timestamp::namespace(),
        ceralacca_xml::namespace(),
        ceralacca_keystore::keystore_namespace(),
        ceralacca_keystore::namespace(),
        ceralacca_identity::namespace(),
        ceralacca_identity::prompt_namespace(),
    ] {
        registry.add_namespace(namespace);
    }
    let own = ceralacca_submission::input_types();
    for input_type in ceralacca_identity::input_types().into_iter().chain(own) {
        registry.add_input_type(input_type);
    }
    for rule in ceralacca_identity::secret_rules() {
        registry.add_secret_rule(rule);
    }
    registry
}
