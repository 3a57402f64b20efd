//! The timestamping service that the settings name, or the one of the sandbox inside the program.
//!
//! Nothing is opened before the first mark is asked for.

use std::cell::OnceCell;
use std::rc::Rc;

use ceralacca_kernel::{Error, Host, Question, Registry};
use ceralacca_net::{GatewaySettings, HttpTimestampAuthority, TsaUser};
use ceralacca_timestamp::TimestampAuthority;

use crate::agency::{ask_proxy_password, proxy};
use crate::embedded::Embedded;
use crate::error::CliError;
use crate::host::Terminal;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// Connects on first use.
pub(crate) struct ConfiguredTsa {
    settings: Settings,
    embedded: Rc<Embedded>,
    terminal: Rc<Terminal>,
    registry: Rc<Registry>,
    connected: OnceCell<HttpTimestampAuthority>,
}

impl ConfiguredTsa {
    pub(crate) fn new(
        workspace: &Workspace,
        embedded: Rc<Embedded>,
        terminal: Rc<Terminal>,
        registry: Rc<Registry>,
    ) -> ConfiguredTsa {
        let settings = workspace.settings.clone();
        ConfiguredTsa { settings, embedded, terminal, registry, connected: OnceCell::new() }
    }

    fn authority(&self) -> Result<&HttpTimestampAuthority, Error> {
        if self.connected.get().is_none() {
            let connected = self.connect()?;
            let _ = self.connected.set(connected);
        }
        Ok(self.connected.get().expect("set just before"))
    }

    fn connect(&self) -> Result<HttpTimestampAuthority, Error> {
        let url = match (&self.settings.timestamp.url, self.settings.agency.is_elsewhere()) {
            (Some(url), _) => url.clone(),
            (None, false) => format!("{}/tsa", self.embedded.url()?),
            (None, true) => return Err(CliError::NoTimestampService.into()),
        };
        let user = self.settings.timestamp.user.clone().map(|name| {
            let (terminal, registry) = (self.terminal.clone(), self.registry.clone());
            let ask_password = Rc::new(move || {
                let rule = registry.secret_rule("tsa_password")?;
                (rule.read)(terminal.ask_secret(Question { rule, confirm: false })?)
            });
            TsaUser { name, ask_password }
        });
        let mut settings = GatewaySettings::new(url);
        settings.proxy = proxy(&self.settings.proxy);
        HttpTimestampAuthority::new(
            settings,
            user,
            ask_proxy_password(&self.terminal, &self.registry),
        )
    }
}

impl TimestampAuthority for ConfiguredTsa {
    fn ask(&self, request_der: &[u8]) -> Result<Vec<u8>, Error> {
        self.authority()?.ask(request_der)
    }

    fn describe(&self) -> String {
        match (&self.settings.timestamp.url, self.settings.agency.is_elsewhere()) {
            (Some(url), _) => url.clone(),
            (None, false) => "the SANDBOX inside this program".to_owned(),
            (None, true) => "no service".to_owned(),
        }
    }
}
