//! The genuine files: one real filing against the sandbox, and what its keys can make besides.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use ceralacca::environment::{EnvironmentFolder, OpenEnvironment};
use ceralacca::kernel::Secret;
use ceralacca::keystore::key_entry::KeyEntry;
use ceralacca::keystore::{Certificate, KeyPair};
use ceralacca::net::{GatewaySettings, HttpGateway};
use ceralacca::signing::{DigestAlgorithm, Trust, cades};
use ceralacca::submission::{Access, Agency, Outgoing, Stato, envelope};
use jiff::Timestamp;
use serde_json::json;

use crate::judging::{self, entry, find};
use crate::stage::impronta::{Filing, day};
use crate::stage::{PASSWORD, Served, Stage, codice_fiscale, http};

pub struct Material<'a> {
    pub filing: Filing<'a>,
    pub stage: Stage,
    pub p7m: Vec<u8>,
    pub p7m_path: PathBuf,
    pub tsr: Vec<u8>,
    pub tsr_path: PathBuf,
    /// Whom a signed document and its mark are checked against.
    pub trust: Trust,
    pub signer: KeyEntry,
    /// Somebody else whom the same provider certified.
    pub other_signer: KeyEntry,
    pub environment: OpenEnvironment,
    pub ca: Certificate,
    pub ca_key: KeyPair,
    pub at: Timestamp,
}

impl<'a> Material<'a> {
    pub fn new(served: &'a Served, number: u32) -> Material<'a> {
        let mut filing = Filing::new(served, &codice_fiscale(number));
        let stage = filing.stage();
        filing.file(&stage, 0).expect_success();
        let (p7m_path, tsr_path) = (
            find(&stage.path("Documenti"), "indice.xml.p7m"),
            find(&stage.path("Documenti"), ".tsr"),
        );
        let signer =
            entry(&stage.path("responsabile.p12"), &filing.account.secrets["signer_password"]);
        let other = stage.path("altro.p12");
        let wanted = json!({ "common_name": "Luigi Verdi" });
        filing.another_signer(&wanted, &other);
        let other_signer = entry(&other, &filing.account.secrets["signer_password"]);
        let environment = EnvironmentFolder::at(stage.path("ambiente"));
        let environment = environment.open(&Secret::new(PASSWORD)).unwrap();
        let ca_key = fs::read(served.folder.path().join("ca-SANDBOX.p8")).unwrap();
        Material {
            p7m: fs::read(&p7m_path).unwrap(),
            tsr: fs::read(&tsr_path).unwrap(),
            trust: trust(served),
            ca: certificate(served, "ca-SANDBOX.cer"),
            ca_key: KeyPair::from_pkcs8(ca_key.into()).unwrap(),
            at: Timestamp::now(),
            filing,
            stage,
            p7m_path,
            tsr_path,
            signer,
            other_signer,
            environment,
        }
    }

    /// A p7m made here.
    pub fn sign(&self, content: &[u8], signer: &KeyEntry) -> Vec<u8> {
        let mut signed = Vec::new();
        let options = cades::Options::attached(self.at);
        cades::sign(content, Some(content.len() as u64), &mut signed, signer, &options).unwrap();
        signed
    }

    /// A TSR of the sandbox over these bytes.
    pub fn mark(&self, bytes: &[u8]) -> Vec<u8> {
        judging::mark(self.filing.served, bytes)
    }

    /// The p7m with a mark over its signature inside: CAdES B-T.
    pub fn b_t(&self, p7m: &[u8]) -> Vec<u8> {
        judging::b_t(self.filing.served, p7m)
    }

    /// A communication for another day than the one that was filed.
    pub fn communication(&self, period: u32) -> Vec<u8> {
        let checked = fs::read_to_string(find(&self.stage.path("Documenti"), ".dcm")).unwrap();
        let (before, after) = (day(0), day(period));
        assert!(checked.contains(&before), "the period is in it");
        checked.replace(&before, &after).into_bytes()
    }

    /// Sealed for the Agency.
    pub fn seal(&self, content: &[u8]) -> Vec<u8> {
        envelope(content, &self.environment, std::slice::from_ref(&self.ca), self.at).unwrap()
    }
}

/// The provider's root and its list of revoked certificates.
pub fn trust(served: &Served) -> Trust {
    let mut trust = Trust::default();
    trust.add_anchor(certificate(served, "trust-SANDBOX.cer"), "the sandbox's provider");
    let crl = http::request(&served.address, "GET", "/trust/crl", &[], "");
    assert_eq!(crl.status, 200);
    trust.add_crl(&crl.body, "the sandbox's provider");
    trust
}

pub fn certificate(served: &Served, name: &str) -> Certificate {
    Certificate::from_der(&fs::read(served.folder.path().join(name)).unwrap()).unwrap()
}

/// Sends files as the account that has filed.
pub struct Reception {
    gateway: HttpGateway,
    access: Access,
}

impl Reception {
    pub fn new(material: &Material<'_>) -> Reception {
        let account = &material.filing.account;
        let secret = |name: &str| Secret::new(account.secrets[name].as_str());
        let settings = GatewaySettings::new(material.filing.served.url.clone());
        let no_proxy = Rc::new(|_: &_| unreachable!("there is no proxy"));
        Reception {
            gateway: HttpGateway::new(settings, no_proxy).unwrap(),
            access: Access {
                utente: account.utente.clone(),
                password: secret("portal_password"),
                codice_pin: secret("codice_pin"),
                on_behalf_of: None,
            },
        }
    }

    /// What becomes of a file: the code of its rejection, or `ELABORATO`.
    pub fn end(&self, idempotency_key: &str, bytes: &[u8]) -> String {
        let outgoing = Outgoing {
            idempotency_key,
            name: "comunicazione.ccf",
            tipo_documento: "IMPRONTA",
            sha256: &hex::encode(DigestAlgorithm::Sha256.digest(bytes)),
            bytes,
            at: jiff::Timestamp::UNIX_EPOCH,
            run: "1",
            copy: std::path::Path::new("comunicazione.ccf"),
            keys: &[],
        };
        let protocollo = match self.gateway.submit(&self.access, &outgoing) {
            Ok(acknowledgement) => acknowledgement.protocollo,
            Err(failure) => return failure.error.code().to_owned(),
        };
        for _ in 0..100 {
            let receipt = self.gateway.receipt(&self.access, &protocollo).unwrap();
            match receipt.map(|receipt| (receipt.stato, receipt.motivo_di_scarto)) {
                Some((Stato::Elaborato, _)) => return "ELABORATO".to_owned(),
                Some((Stato::Scartato, Some(why))) => return why.code,
                Some((Stato::InElaborazione, _)) | None => sleep(Duration::from_millis(100)),
                Some(other) => panic!("{other:?}"),
            }
        }
        panic!("{protocollo:?} is never processed");
    }
}
