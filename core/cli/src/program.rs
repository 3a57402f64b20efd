//! What every command works with: engines, registry, workspace, and the services of a run.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use ceralacca_engine_lua::Lua;
use ceralacca_engine_rhai::Rhai;
use ceralacca_environment::RequestOutcomes;
use ceralacca_environment::pending::Owner;
use ceralacca_journal::Journal;
use ceralacca_kernel::{
    Engine, Error, History, Page, Place, PluginPin, Registry, RunFilter, RunOptions, RunStatus,
    Services, Store,
};
use ceralacca_keystore::Devices;
use ceralacca_plugin_host::{Plugin, PluginCheck, PluginDevices, Plugins};
use ceralacca_signing::TrustStore;
use ceralacca_submission::{
    FetchChannel, PinnedCa, Register, SendChannel, register_table, revoked_by,
};
use ceralacca_timestamp::TsaChannel;
use ceralacca_xml::{ControlSettings, DocumentCheck, DocumentChecks};

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
    plugins: Result<Plugins, Error>,
    given_workspace: Option<PathBuf>,
}

impl Program {
    pub(crate) fn new(given_workspace: Option<PathBuf>) -> Program {
        let mut registry = registry();
        let plugins = installed(given_workspace.as_deref(), &registry);
        plugins.iter().for_each(|plugins| join(plugins, &mut registry));
        Program {
            registry: Rc::new(registry),
            plugins,
            engines: vec![Box::new(Rhai), Box::new(Lua)],
            given_workspace,
        }
    }

    /// The workspace that was named, or the nearest one upwards.
    pub(crate) fn workspace(&self) -> Result<Workspace, Error> {
        Workspace::open(self.given_workspace.as_deref())
    }

    /// As [`Program::workspace`], and nothing is made in it.
    pub(crate) fn workspace_as_it_is(&self) -> Result<Workspace, Error> {
        Workspace::find(self.given_workspace.as_deref())
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

    /// Brings the register's table into step with what was done.
    pub(crate) fn keep_register(&self) {
        if let Ok(workspace) = Workspace::find(self.given_workspace.as_deref()) {
            register_table::keep(&workspace.folders());
        }
    }

    /// Where workflows are found.
    pub(crate) fn catalogue<'a>(&'a self, workspace: Option<&'a Path>) -> Catalogue<'a> {
        let plugins = self.plugins.as_ref();
        Catalogue { engines: &self.engines, registry: &self.registry, plugins, workspace }
    }

    /// The installed plugins.
    ///
    /// # Errors
    /// Those of `plugins.lock`.
    pub(crate) fn plugins(&self) -> Result<&Plugins, Error> {
        self.plugins.as_ref().map_err(Clone::clone)
    }

    /// The same without a word on what is wrong with `plugins.lock`: who uses none needs none.
    fn usable(&self) -> Plugins {
        self.plugins.as_ref().cloned().unwrap_or_default()
    }

    /// The plugins that check communications, too.
    ///
    /// # Errors
    /// When one of them cannot be used: what it would have found is then not called clean.
    pub(crate) fn checks(&self, workspace: &Workspace) -> Result<Vec<PluginCheck>, Error> {
        let names = workspace.settings.impronta.checks.iter();
        names.map(|name| PluginCheck::new(self.plugins()?.named(name)?)).collect()
    }

    /// Refuses to go on with other plugins than a run began with, before its script is looked at: the
    /// namespaces of a plugin that is gone are gone, too.
    pub(crate) fn same_plugins(&self, history: &History) -> Result<(), Error> {
        if history.plugins().is_empty() {
            return Ok(());
        }
        let plugins = self.plugins()?;
        // One that is there and cannot be used says why itself.
        let trouble =
            |name: &str| plugins.named(name).err().filter(|e| e.code() != "plugin.unknown");
        if let Some(trouble) = history.plugins().iter().find_map(|one| trouble(&one.name)) {
            return Err(trouble);
        }
        history.require_same_plugins(&plugins.pins())
    }

    /// The plugins that a run with these namespaces may come to use.
    fn pins(&self, workspace: &Workspace, uses: &[String]) -> Result<Vec<PluginPin>, Error> {
        let plugins = self.usable();
        let mut pins = plugins.pins_of(uses);
        let uses = |namespace: &str| uses.iter().any(|used| used == namespace);
        let settings = &workspace.settings;
        let mut named: Vec<&String> = Vec::new();
        named.extend(settings.agency.plugin.iter().filter(|_| uses("agency")));
        named.extend(settings.impronta.checks.iter().filter(|_| uses("impronta")));
        for name in named {
            pins.push(self.plugins()?.named(name)?.pin().clone());
        }
        let signs = |plugin: &&Arc<Plugin>| plugin.manifest().seams.signer.is_some();
        if uses("keystore") {
            pins.extend(plugins.usable().iter().filter(signs).map(|plugin| plugin.pin().clone()));
        }
        pins.sort_by(|a, b| a.name.cmp(&b.name));
        pins.dedup();
        Ok(pins)
    }

    /// What a run in `workspace` works with.
    pub(crate) fn run_options(
        &self,
        workspace: &Workspace,
        terminal: Rc<Terminal>,
        uses: &[String],
    ) -> Result<RunOptions, Error> {
        let plugins = self.usable();
        let embedded = Rc::new(Embedded::new(workspace.sandbox_folder()));
        let with = || (embedded.clone(), terminal.clone(), self.registry.clone());
        let (own, screen, registry) = with();
        let channel = plugins.clone();
        let agency = Rc::new(ConfiguredAgency::new(workspace, own, screen, registry, channel));
        let (own, screen, registry) = with();
        let tsa = Rc::new(ConfiguredTsa::new(workspace, own, screen, registry));
        let trusted = workspace.clone();
        let mut services = Services::default();
        services.add(TsaChannel::new(tsa));
        services.add(TrustStore::new(move || trust::load(Some(&trusted), &[])));
        services.add(ControlSettings::new(workspace.control_sources()));
        services.add(request_outcomes(workspace));
        services.add(workspace.policy()?);
        services.add(workspace.folders());
        let here = std::env::current_dir().unwrap_or_else(|_| workspace.root.clone());
        services.add(Place::new(&workspace.root, &here));
        services.add(workspace.set_aside());
        services.add(PinnedCa(workspace.settings.agency.ca_sha256.clone()));
        services.add(Devices::new(Rc::new(PluginDevices::new(plugins.clone()))));
        let controls = uses.iter().any(|used| used == "impronta");
        let checks = if controls { self.checks(workspace)? } else { Vec::new() };
        let checks = checks.into_iter().map(|check| Rc::new(check) as Rc<dyn DocumentCheck>);
        services.add(DocumentChecks::new(checks.collect()));
        services.add(plugins);
        services.add(SendChannel::new(agency.clone()));
        services.add(FetchChannel::new(agency));
        Ok(RunOptions {
            registry: self.registry.clone(),
            store: Rc::new(Journal::open(&workspace.state())?),
            host: terminal,
            services,
            key: crate::random::hex(16),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: Some(workspace.root.display().to_string()),
            plugins: self.pins(workspace, uses)?,
            accept_other_plugins: false,
        })
    }
}

/// What the workspace knows of requests, and of the runs that made them.
fn request_outcomes(workspace: &Workspace) -> RequestOutcomes {
    let (folders, marks, state) = (workspace.folders(), workspace.folders(), workspace.state());
    let given_up = move |owner: &Owner| {
        let status = Some(RunStatus::Abandoned);
        let wanted = RunFilter { key: Some(owner.id.clone()), status, ..RunFilter::default() };
        let found = Journal::look(&state, |journal| journal.runs(&wanted, Page::ALL));
        found.is_ok_and(|found| found.is_some_and(|page| page.total > 0))
    };
    RequestOutcomes::new(move |sha256| Register::read(&folders).request_outcome(sha256))
        .with_given_up(given_up)
        .with_revoked_by(move |owner| revoked_by(&marks, &owner.id))
}

/// The plugins of the workspace and of the user. One that cannot be used fails where it is used.
fn installed(given_workspace: Option<&Path>, core: &Registry) -> Result<Plugins, Error> {
    let workspace = Workspace::find(given_workspace).ok();
    match &workspace {
        Some(workspace) => Plugins::open(&workspace.plugin_site(core)),
        None => Ok(Plugins::default()),
    }
}

/// What plugins offer stands beside what the program offers.
pub(crate) fn join(plugins: &Plugins, registry: &mut Registry) {
    plugins.namespaces().into_iter().for_each(|namespace| registry.add_namespace(namespace));
    plugins.secret_rules().into_iter().for_each(|rule| registry.add_secret_rule(rule));
}

/// Everything that scripts can use of the program itself: the only place where the crates' lists
/// come together.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    for namespace in [
        ceralacca_submission::namespace(),
        ceralacca_archive::namespace(),
        ceralacca_inspect::namespace(),
        ceralacca_signing::namespace(),
        ceralacca_timestamp::namespace(),
        ceralacca_xml::namespace(),
        ceralacca_keystore::namespace(),
        ceralacca_environment::namespace(),
        ceralacca_identity::namespace(),
        ceralacca_identity::prompt_namespace(),
    ] {
        registry.add_namespace(namespace);
    }
    let own = ceralacca_submission::input_types();
    for input_type in ceralacca_identity::input_types()
        .into_iter()
        .chain(own)
        .chain(ceralacca_keystore::input_types())
    {
        registry.add_input_type(input_type);
    }
    for rule in ceralacca_identity::secret_rules() {
        registry.add_secret_rule(rule);
    }
    registry
}
