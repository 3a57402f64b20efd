//! The manifest of a plugin in Rust, as far as its declarations do not say it.

use ceralacca_kernel::manifest::{
    AgencySeam, Capabilities, CheckSeam, FORM, Manifest, Seams, SignerSeam, WrittenSecret,
};

/// Puts a [`Manifest`] together; begun with [`about!`](crate::about).
#[derive(Clone, Debug)]
#[must_use]
pub struct ManifestBuilder(Manifest);

impl ManifestBuilder {
    /// A plugin that only computes. `name` has lower case letters, digits and hyphens.
    pub fn new(name: &str, version: &str, summary: &str) -> ManifestBuilder {
        ManifestBuilder(Manifest {
            ceralacca_plugin: FORM,
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            namespaces: Vec::new(),
            seams: Seams::default(),
            secrets: Vec::new(),
            capabilities: Capabilities::default(),
        })
    }

    /// It needs the network.
    pub fn network(mut self) -> ManifestBuilder {
        self.0.capabilities.network = true;
        self
    }

    /// It needs sockets of this machine, such as the one of the smart card service.
    pub fn local_sockets(mut self) -> ManifestBuilder {
        self.0.capabilities.local_sockets = true;
        self
    }

    /// It needs files; which ones, the settings say.
    pub fn files(mut self) -> ManifestBuilder {
        self.0.capabilities.files = true;
        self
    }

    /// It needs an environment variable.
    pub fn environment(mut self, name: &str) -> ManifestBuilder {
        self.0.capabilities.environment.push(name.to_owned());
        self
    }

    /// It may ask for a secret: its name, what the operator reads, and its rule in a few words.
    pub fn secret(mut self, name: &str, label: &str, rule: &str) -> ManifestBuilder {
        self.0.secrets.push(WrittenSecret {
            name: name.to_owned(),
            label: label.to_owned(),
            rule: rule.to_owned(),
        });
        self
    }

    /// It signs with the keys of `scheme:…`, which the secret opens.
    pub fn signer(mut self, scheme: &str, secret: Option<&str>) -> ManifestBuilder {
        let secret = secret.map(str::to_owned);
        self.0.seams.signer = Some(SignerSeam { scheme: scheme.to_owned(), secret });
        self
    }

    /// It is a channel to an agency.
    pub fn agency(mut self) -> ManifestBuilder {
        self.0.seams.agency = Some(AgencySeam {});
        self
    }

    /// It checks communications of the impronta.
    pub fn check(mut self) -> ManifestBuilder {
        self.0.seams.check = Some(CheckSeam {});
        self
    }

    /// The manifest, without the namespaces: those are added from their declarations.
    pub fn build(self) -> Manifest {
        self.0
    }
}
