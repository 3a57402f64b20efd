//! Plugin: a channel to an agency over SFTP, in the manner of SdI and SID.
//!
//! Public about SdI and SID: a support is a zip, signed (CMS SignedData), then encrypted (CMS
//! EnvelopedData), named `FI.<node>.<YYYYDDD>.<HHMM>.<NNN>.zip`; its outcome is `EO.` with the same
//! parts. Everything else here is ours and stands behind `UNVERIFIED:`. None of it was tried against
//! the real Agency.
//!
//! ```toml
//! [agency]
//! plugin = "sftp"
//!
//! [plugins.sftp]
//! read = ["/srv/sftp"]
//! write = ["/srv/sftp/state"]
//!
//! [plugins.sftp.settings]
//! host = "sftp.example.it"
//! user = "01234567"
//! node = "01234567"
//! host_key = "ssh-ed25519 AAAA…"
//! identity = "/srv/sftp/id_ed25519"
//! outgoing = "/in"
//! incoming = "/out"
//! signer = "/srv/sftp/node.p12"
//! recipient = "/srv/sftp/agenzia.cer"
//! anchors = ["/srv/sftp/esiti.cer"]
//! ca = ["/srv/sftp/ca.cer"]
//! state = "/srv/sftp/state"
//! ```
//!
//! Any number of runs may work with one `state` folder at once. Two computers with folders of their
//! own may send for one node: a name that is taken on the server is left to whoever has it.

mod channel;
mod envelope;
mod error;
mod explain;
mod identity;
mod outcome;
mod primitives;
mod receipts;
mod records;
mod remote;
mod settings;
mod support_name;
mod support_zip;

use std::rc::Rc;

use ceralacca_plugin_sdk::serde::Serialize;
use ceralacca_plugin_sdk::serde::de::DeserializeOwned;
use ceralacca_plugin_sdk::{
    Bytes, Call, Error, Manifest, Namespace, Plugin, Services, Value, about, export_plugin,
    read_settings, typed,
};

use channel::{Channel, Outgoing};
use error::SftpError;
use receipts::{Filter, Search};
use settings::{Settings, certificates};

/// The channel.
pub struct Sftp {
    settings: Rc<Settings>,
}

impl Plugin for Sftp {
    fn manifest() -> Manifest {
        about!("sftp", "A channel to an agency over SFTP, in the manner of SdI and SID")
            .network()
            .files()
            .secret(identity::PASSWORD, "Server SFTP: password", "as its operator gave it")
            .secret(identity::PASSPHRASE, "Chiave SSH: passphrase", "as the key was made with")
            .secret(envelope::SIGNER_PASSWORD, "Chiave del nodo: password del PKCS#12", "as it is")
            .secret(
                envelope::OWN_PASSWORD,
                "Chiave per gli esiti: password del PKCS#12",
                "as it is",
            )
            .agency()
            .build()
    }

    fn namespaces() -> Vec<Namespace> {
        vec![primitives::namespace()]
    }

    fn create(settings: Value) -> Result<Sftp, Error> {
        let settings: Settings = read_settings::<Sftp, Settings>(settings)?;
        settings.check()?;
        Ok(Sftp { settings: Rc::new(settings) })
    }

    fn services(&self) -> Services {
        let mut services = Services::default();
        services.add(primitives::Configured(Rc::clone(&self.settings)));
        services
    }

    fn seam(
        &self,
        call: &mut Call<'_>,
        operation: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let mut asked = Asked { operation, arguments: arguments.into_iter() };
        let settings = &*self.settings;
        match operation {
            "agency/ca_certificates" => return asked.answer(&ca_certificates(settings)?),
            "agency/crl" => return Err(not_offered("the CA's list of revoked certificates", CRL)),
            "agency/revoke" | "agency/find_revocation" => {
                return Err(not_offered("revocations", REVOCATION));
            }
            _ => {}
        }
        let channel = Channel::new(call, settings)?;
        match operation {
            "agency/submit" => {
                let outgoing: Outgoing = asked.next()?;
                asked.answer(&channel.submit(&outgoing)?)
            }
            "agency/find_submissions" => {
                let search: Search = asked.next()?;
                asked.answer(&channel.find_submissions(&search)?)
            }
            "agency/receipts" => {
                let filter: Option<Filter> = asked.next()?;
                asked.answer(&channel.receipts(&filter.unwrap_or_default().into())?)
            }
            "agency/receipt" => {
                let protocollo = asked.next()?;
                asked.answer(&channel.receipt(&protocollo)?)
            }
            "agency/attachment" => {
                let (protocollo, name) = (asked.next()?, asked.next::<String>()?);
                asked.answer(&Bytes(channel.attachment(&protocollo, &name)?))
            }
            other => Err(not_offered(other, "install the plugin that belongs to this program")),
        }
    }
}

fn ca_certificates(settings: &Settings) -> Result<Vec<Bytes>, Error> {
    let found = certificates("ca", &settings.ca)?;
    if found.is_empty() {
        let instead = "name files with them in the setting `ca` of [plugins.sftp.settings]";
        return Err(not_offered("the CA's certificates", instead));
    }
    Ok(found.iter().map(|certificate| Bytes(certificate.as_der().to_vec())).collect())
}

fn not_offered(what: &str, instead: &str) -> Error {
    let what = ceralacca_submission::printable(what, 100);
    SftpError::NotOffered { what, instead: instead.to_owned() }.into()
}

/// The arguments of one operation, and the way of its answer.
struct Asked<'a> {
    operation: &'a str,
    arguments: std::vec::IntoIter<Value>,
}

impl Asked<'_> {
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let value = self.arguments.next().unwrap_or(Value::Null);
        typed::from_value(value).map_err(|mismatch| self.problem(mismatch.to_string()))
    }

    fn answer<T: Serialize>(&self, answer: &T) -> Result<Value, Error> {
        typed::to_value(answer).map_err(|mismatch| self.problem(mismatch.to_string()))
    }

    fn problem(&self, problem: String) -> Error {
        SftpError::Question { operation: self.operation.to_owned(), problem }.into()
    }
}

const CRL: &str = "fetch it from the CA's own address and name the file where it is asked for";
const REVOCATION: &str = "revoke at the portal: Ripristino dell'ambiente di sicurezza";

export_plugin!(Sftp);

#[cfg(test)]
mod tests;
