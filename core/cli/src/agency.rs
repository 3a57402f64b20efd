//! The agency that the settings name: a gateway, or the sandbox inside the program.
//!
//! Nothing is opened before the first request, so that a run that replays or only reads stays local.

use std::cell::OnceCell;
use std::rc::Rc;

use ceralacca_kernel::{Error, Host, Question, Registry};
use ceralacca_net::{AskProxyPassword, GatewaySettings, HttpGateway, ProxyServer, ProxySettings};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    ReceiptRecord, Revocation, RevocationRequested, Search,
};

use crate::embedded::Embedded;
use crate::host::Terminal;
use crate::settings;
use crate::workspace::Workspace;

/// Connects on first use.
pub(crate) struct ConfiguredAgency {
    gateway: Option<String>,
    proxy: settings::ProxySettings,
    embedded: Rc<Embedded>,
    terminal: Rc<Terminal>,
    registry: Rc<Registry>,
    connected: OnceCell<HttpGateway>,
}

impl ConfiguredAgency {
    pub(crate) fn new(
        workspace: &Workspace,
        embedded: Rc<Embedded>,
        terminal: Rc<Terminal>,
        registry: Rc<Registry>,
    ) -> ConfiguredAgency {
        ConfiguredAgency {
            gateway: workspace.settings.agency.gateway.clone(),
            proxy: workspace.settings.proxy.clone(),
            embedded,
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
        Ok(self.connected.get().expect("set just before"))
    }

    fn connect(&self) -> Result<HttpGateway, Error> {
        let url = match &self.gateway {
            Some(url) => url.clone(),
            None => self.embedded.url()?,
        };
        let mut settings = GatewaySettings::new(url);
        settings.proxy = proxy(&self.proxy);
        Ok(HttpGateway::new(settings, ask_proxy_password(&self.terminal, &self.registry))?)
    }
}

/// How the password of a proxy is asked for.
pub(crate) fn ask_proxy_password(
    terminal: &Rc<Terminal>,
    registry: &Rc<Registry>,
) -> AskProxyPassword {
    let (terminal, registry) = (terminal.clone(), registry.clone());
    Rc::new(move |_: &ProxyServer| {
        let rule = registry.secret_rule("proxy_password")?;
        (rule.read)(terminal.ask_secret(Question { rule, confirm: false })?)
    })
}

/// The proxies of the settings.
pub(crate) fn proxy(proxy: &settings::ProxySettings) -> ProxySettings {
    let server = |server: &settings::ProxyServer| ProxyServer {
        url: server.url.clone(),
        user: server.user.clone(),
    };
    ProxySettings {
        http: proxy.http.as_ref().map(server),
        https: proxy.https.as_ref().map(server),
        exclusions: proxy.exclude.clone(),
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
