//! The agency that the settings name: a gateway, or the sandbox inside the program.
//!
//! Nothing is opened before the first request, so that a run that replays or only reads stays local.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;

use ceralacca_kernel::{Error, Host, Question, Registry};
use ceralacca_net::{GatewaySettings, HttpGateway, ProxyServer, ProxySettings};
use ceralacca_sandbox::Running;
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    ReceiptRecord, Revocation, RevocationRequested, Search,
};

use crate::commands::sandbox;
use crate::host::Terminal;
use crate::settings;
use crate::workspace::Workspace;

/// Connects on first use.
pub(crate) struct ConfiguredAgency {
    gateway: Option<String>,
    proxy: settings::ProxySettings,
    sandbox_folder: PathBuf,
    terminal: Rc<Terminal>,
    registry: Rc<Registry>,
    connected: OnceCell<Connected>,
}

struct Connected {
    gateway: HttpGateway,
    /// Kept so that the embedded sandbox serves as long as the run.
    _sandbox: Option<Running>,
}

impl ConfiguredAgency {
    pub(crate) fn new(
        workspace: &Workspace,
        terminal: Rc<Terminal>,
        registry: Rc<Registry>,
    ) -> ConfiguredAgency {
        ConfiguredAgency {
            gateway: workspace.settings.agency.gateway.clone(),
            proxy: workspace.settings.proxy.clone(),
            sandbox_folder: workspace.sandbox_folder(),
            terminal,
            registry,
            connected: OnceCell::new(),
        }
    }

    fn gateway(&self) -> Result<&HttpGateway, Failure> {
        if self.connected.get().is_none() {
            let connected = self.connect().map_err(not_delivered)?;
            let _ = self.connected.set(connected);
        }
        Ok(&self.connected.get().expect("set just before").gateway)
    }

    fn connect(&self) -> Result<Connected, Error> {
        let (url, running) = match &self.gateway {
            Some(url) => (url.clone(), None),
            None => {
                let running = sandbox::embedded(&self.sandbox_folder)?;
                (running.url(), Some(running))
            }
        };
        let mut settings = GatewaySettings::new(url);
        settings.proxy = proxy(&self.proxy);
        let (terminal, registry) = (self.terminal.clone(), self.registry.clone());
        let ask = Rc::new(move |_: &ProxyServer| {
            let rule = registry.secret_rule("proxy_password")?;
            (rule.read)(terminal.ask_secret(Question { rule, confirm: false })?)
        });
        Ok(Connected { gateway: HttpGateway::new(settings, ask)?, _sandbox: running })
    }
}

fn proxy(settings: &settings::ProxySettings) -> ProxySettings {
    let server = |server: &settings::ProxyServer| ProxyServer {
        url: server.url.clone(),
        user: server.user.clone(),
    };
    ProxySettings {
        http: settings.http.as_ref().map(server),
        https: settings.https.as_ref().map(server),
        exclusions: settings.exclude.clone(),
    }
}

fn not_delivered(error: Error) -> Failure {
    Failure { error, delivery: Delivery::NotDelivered, passing: false }
}

impl Agency for ConfiguredAgency {
    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        self.gateway()?.submit(access, outgoing)
    }

    fn find_submissions(
        &self,
        access: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        self.gateway()?.find_submissions(access, search)
    }

    fn receipts(
        &self,
        access: &Access,
        filter: &ReceiptFilter,
    ) -> Result<Vec<ReceiptRecord>, Failure> {
        self.gateway()?.receipts(access, filter)
    }

    fn receipt(
        &self,
        access: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        self.gateway()?.receipt(access, protocollo)
    }

    fn attachment(
        &self,
        access: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.gateway()?.attachment(access, protocollo, name)
    }

    fn revoke(
        &self,
        access: &Access,
        revocation: &Revocation,
    ) -> Result<RevocationRequested, Failure> {
        self.gateway()?.revoke(access, revocation)
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.gateway()?.ca_certificates()
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        self.gateway()?.crl()
    }
}
