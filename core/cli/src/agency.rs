//! The agency that the settings name: a gateway, a person at the portal, a plugin, or the sandbox
//! inside.
//!
//! Nothing is opened before the first request, so that a run that replays or only reads stays local.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ceralacca_hand_off::HandOff;
use ceralacca_kernel::{Error, Host, Question, Registry, Secret};
use ceralacca_net::{AskProxyPassword, GatewaySettings, HttpGateway, ProxyServer, ProxySettings};
use ceralacca_plugin_host::{Operator, PluginAgency, Plugins};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    ReceiptRecord, Revocation, RevocationRequested, Search,
};

use crate::embedded::Embedded;
use crate::host::{Terminal, duration};
use crate::settings;
use crate::workspace::Workspace;

/// Connects on first use.
pub(crate) struct ConfiguredAgency {
    settings: settings::AgencySettings,
    proxy: settings::ProxySettings,
    hand_off: HandOff,
    embedded: Rc<Embedded>,
    terminal: Rc<Terminal>,
    registry: Rc<Registry>,
    plugins: Plugins,
    connected: OnceCell<Box<dyn Agency>>,
}

impl ConfiguredAgency {
    pub(crate) fn new(
        workspace: &Workspace,
        embedded: Rc<Embedded>,
        terminal: Rc<Terminal>,
        registry: Rc<Registry>,
        plugins: Plugins,
    ) -> ConfiguredAgency {
        ConfiguredAgency {
            settings: workspace.settings.agency.clone(),
            proxy: workspace.settings.proxy.clone(),
            hand_off: workspace.hand_off(),
            embedded,
            terminal,
            registry,
            plugins,
            connected: OnceCell::new(),
        }
    }

    fn agency(&self) -> Result<&dyn Agency, Failure> {
        if self.settings.hand_off {
            return Ok(&self.hand_off);
        }
        if self.connected.get().is_none() {
            let connected: Box<dyn Agency> = match &self.settings.plugin {
                Some(plugin) => Box::new(self.through(plugin).map_err(not_delivered)?),
                None => Box::new(self.connect().map_err(not_delivered)?),
            };
            let _ = self.connected.set(connected);
        }
        Ok(&**self.connected.get().expect("set just before"))
    }

    fn through(&self, plugin: &str) -> Result<PluginAgency, Error> {
        let operator = operator(&self.terminal, &self.registry);
        PluginAgency::new(self.plugins.named(plugin)?, operator)
    }

    fn connect(&self) -> Result<HttpGateway, Error> {
        let url = match &self.settings.gateway {
            Some(url) => url.clone(),
            None => self.embedded.url()?,
        };
        let mut settings = GatewaySettings::new(url);
        settings.proxy = proxy(&self.proxy);
        if let Some(text) = &self.settings.timeout {
            settings.timeouts.answer = duration(text)?;
        }
        Ok(HttpGateway::new(settings, ask_proxy_password(&self.terminal, &self.registry))?)
    }
}

/// The operator, for plugins where there is no run. A secret is asked for once.
pub(crate) fn operator(terminal: &Rc<Terminal>, registry: &Rc<Registry>) -> Operator {
    let (asking, registry) = (terminal.clone(), registry.clone());
    let known: RefCell<BTreeMap<String, Secret>> = RefCell::default();
    let ask = Rc::new(move |name: &str| {
        if let Some(secret) = known.borrow().get(name) {
            return Ok(secret.clone());
        }
        let rule = registry.secret_rule(name)?;
        let secret = (rule.read)(asking.ask_secret(Question { rule, confirm: false })?)?;
        known.borrow_mut().insert(name.to_owned(), secret.clone());
        Ok(secret)
    });
    let telling = terminal.clone();
    Operator { ask, tell: Rc::new(move |text: &str| telling.progress(text)) }
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
    fn wants_keys(&self) -> bool {
        self.settings.wants_keys()
    }

    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        self.agency()?.submit(access, outgoing)
    }

    fn find_submissions(
        &self,
        access: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        self.agency()?.find_submissions(access, search)
    }

    fn receipts(
        &self,
        access: &Access,
        filter: &ReceiptFilter,
    ) -> Result<Vec<ReceiptRecord>, Failure> {
        self.agency()?.receipts(access, filter)
    }

    fn receipt(
        &self,
        access: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        self.agency()?.receipt(access, protocollo)
    }

    fn attachment(
        &self,
        access: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.agency()?.attachment(access, protocollo, name)
    }

    fn revoke(
        &self,
        access: &Access,
        revocation: &Revocation,
    ) -> Result<RevocationRequested, Failure> {
        self.agency()?.revoke(access, revocation)
    }

    fn find_revocation(
        &self,
        access: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        self.agency()?.find_revocation(access, idempotency_key)
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.agency()?.ca_certificates()
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        self.agency()?.crl()
    }
}
