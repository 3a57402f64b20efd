//! A workspace whose runs go through a person.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceralacca_hand_off::{Confirmation, HandOff, HandOver, Ricezione, confirm};
use ceralacca_identity::Account;
use ceralacca_kernel::{
    Caller, Declaration, Document, DocumentId, Engine, Error, Folders, Namespace, Origin, Registry,
    Run, RunId, RunOptions, Secret, Services, Source, Value, Workflow, typed,
};
use ceralacca_keystore::{Certificate, certif_in};
use ceralacca_submission::{Access, FetchChannel, PinnedCa, Protocollo, SendChannel};
use jiff::Timestamp;

use crate::authority::{Holder, authority};
use crate::world::{PROTOCOLLO, REQUEST, World, sha256};

/// The workspace, with the CA's certificate in a file of the settings.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) ca: Vec<PathBuf>,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let world = World::new();
        let ca = world.root.path().join("ca.cer");
        fs::write(&ca, authority().ca.certificate.as_der()).unwrap();
        fs::create_dir_all(world.documents().join("ricezione")).unwrap();
        Desk { world, ca: vec![ca] }
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { documents: self.world.documents(), state: self.world.root.path().join("state") }
    }

    pub(crate) fn ricezione(&self) -> Ricezione {
        Ricezione::new(self.folders(), Timestamp::now)
    }

    pub(crate) fn agency(&self) -> HandOff {
        HandOff::new(self.ricezione(), self.ca.clone())
    }

    /// A request for the keys of the environment.
    pub(crate) fn request(&self) -> Value {
        let path = self.world.root.path().join("req.ccc");
        fs::write(&path, REQUEST).unwrap();
        let keys = [&authority().firma, &authority().cifra];
        typed::to_value(&Document(DocumentId {
            name: "req.ccc".into(),
            tipo_documento: "PKS10".into(),
            path,
            sha256: sha256(REQUEST),
            keys: keys.map(|holder| holder.certificate.public().fingerprint()).to_vec(),
        }))
        .unwrap()
    }

    pub(crate) fn start(&self, input: Value) -> Result<Value, Error> {
        Run::start(self.options(), &Script, &workflow(), input).1
    }

    pub(crate) fn resume(&self) -> Result<Value, Error> {
        Run::resume(self.options(), &Script, &workflow(), RunId(1))
    }

    /// Saves a file from the portal.
    pub(crate) fn save(&self, name: &str, bytes: &[u8]) {
        fs::write(self.world.documents().join("ricezione").join(name), bytes).unwrap();
    }

    pub(crate) fn sheet(&self) -> PathBuf {
        self.world.documents().join("da inviare/1/ISTRUZIONI.txt")
    }

    pub(crate) fn say(&self, said: &Confirmation) -> HandOver {
        confirm(&self.folders(), "1", said).unwrap()
    }

    pub(crate) fn sent(&self) -> Confirmation {
        Confirmation {
            protocollo: None,
            sent_on: None,
            receipt: None,
            rejected: None,
            accepted: false,
            in_force: false,
            not_sent: false,
            correct: false,
            at: self.world.host.now.get(),
        }
    }

    pub(crate) fn access(&self) -> Access {
        Access {
            utente: String::new(),
            password: Secret::new(""),
            codice_pin: Secret::new(""),
            on_behalf_of: Some(Account::parse("RSSMRA85M01H501Q", "000").unwrap()),
        }
    }

    fn options(&self) -> RunOptions {
        let mut registry = Registry::new();
        registry.add_namespace(ceralacca_submission::namespace());
        let agency = Rc::new(self.agency());
        let mut services = Services::default();
        services.add(self.folders());
        services.add(SendChannel::new(agency.clone()));
        services.add(FetchChannel::new(agency));
        services.add(PinnedCa(None));
        RunOptions {
            registry: Rc::new(registry),
            store: self.world.store.clone(),
            host: self.world.host.clone(),
            services,
            key: "00112233445566778899aabbccddeeff".into(),
            version: "test".into(),
            workspace: None,
            plugins: Vec::new(),
            accept_other_plugins: false,
        }
    }
}

pub(crate) fn number() -> Protocollo {
    Protocollo::parse(PROTOCOLLO).unwrap()
}

/// A CERTIF.IN for these keys.
pub(crate) fn certified(holders: &[&Holder]) -> Vec<u8> {
    let mut certificates: Vec<Certificate> =
        holders.iter().map(|holder| holder.certificate.clone()).collect();
    certificates.push(authority().ca.certificate.clone());
    certif_in::build(&certificates).unwrap()
}

/// The files below a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path.file_name().unwrap().to_string_lossy().into_owned()),
        }
    }
    found.sort();
    found
}

/// Sends, waits, requires that it was accepted, fetches CERTIF.IN.
struct Script;

impl Engine for Script {
    fn language(&self) -> &'static str {
        "Rust"
    }

    fn extension(&self) -> &'static str {
        "rs"
    }

    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        Ok(workflow().declaration)
    }

    fn definitions(&self, _: &Registry) -> (&'static str, String) {
        ("", String::new())
    }

    fn run(
        &self,
        _: &Source,
        input: Value,
        _: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        let call = |name, arguments| caller.call("agency", name, arguments);
        let portal = call("portal", vec![])?;
        let submission = call("submit", vec![portal, input])?;
        let receipt = call("wait", vec![submission, "30d".into()])?;
        let receipt = call("require_accepted", vec![receipt])?;
        call("attachment", vec![receipt, "CERTIF.IN".into()])
    }
}

fn workflow() -> Workflow {
    Workflow {
        name: "test".into(),
        origin: Origin::BuiltIn,
        source: Source { name: "test.rs".into(), text: String::new() },
        declaration: Declaration {
            summary: String::new(),
            uses: vec!["agency".into()],
            inputs: Vec::new(),
        },
    }
}
