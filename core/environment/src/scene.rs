//! An environment folder for tests, with the keys of the fixtures.

use std::collections::BTreeSet;
use std::fs;

use ceralacca_kernel::Secret;
use ceralacca_keystore::cmc::CmcProfile;
use ceralacca_keystore::request_profile::Nonces;
use ceralacca_keystore::{certif_in, encrypted_key};

use crate::error::EnvironmentError;
use crate::fixtures::*;
use crate::folder::{EnvironmentFolder, RequestDetails};
use crate::pending::Owner;
use crate::request_outcome::RequestOutcomes;

pub(crate) fn owner(id: &str) -> Owner {
    Owner { id: id.to_owned(), run: "7".to_owned() }
}

pub(crate) fn password() -> Secret {
    Secret::new("ABCD1234")
}

/// A folder for an environment, gone when it is dropped.
pub(crate) struct Scene {
    _root: tempfile::TempDir,
    pub(crate) environment: EnvironmentFolder,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        let root = tempfile::tempdir().unwrap();
        let environment = EnvironmentFolder::at(root.path().join("Ambiente_sicurezza"));
        Scene { _root: root, environment }
    }

    /// With the keys of the fixtures pending, and the request made.
    pub(crate) fn requested() -> Scene {
        let scene = Scene::new();
        let environment = &scene.environment;
        assert_eq!(environment.create(&owner("a"), moment(), &waiting()).unwrap(), None);
        write_pending(environment);
        scene.request().unwrap();
        scene
    }

    pub(crate) fn request(&self) -> Result<Vec<u8>, EnvironmentError> {
        let secret = Secret::new("ABCDEFGHJKLMNPQR1234");
        let details = RequestDetails {
            common_name: COMMON_NAME,
            pincode: &secret,
            pin_di_revoca: &secret,
            authorities: &[ca().certificate.clone()],
            nonces: Nonces::random(),
            call: "a-3",
        };
        self.environment.request(&owner("a"), &password(), &CmcProfile, &details)
    }

    pub(crate) fn import(&self, certif_in: &[u8]) -> Result<(), EnvironmentError> {
        self.environment.import_certificates(&owner("a"), &password(), certif_in, moment())
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.environment.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Puts the keys of the fixtures where generated ones would be: generating takes seconds.
pub(crate) fn write_pending(environment: &EnvironmentFolder) {
    for (name, key) in [("firma.p8", &keys().firma), ("cifra.p8", &keys().cifra)] {
        let encrypted = encrypted_key::write(key, &password()).unwrap();
        fs::write(environment.path().join("in-attesa").join(name), encrypted).unwrap();
    }
}

pub(crate) fn answer() -> Vec<u8> {
    let Certificates { firma, cifra } = certificates();
    certif_in::build(&[firma.clone(), cifra.clone(), ca().certificate.clone()]).unwrap()
}

/// What is known of a request where nobody keeps a register.
pub(crate) fn waiting() -> RequestOutcomes {
    RequestOutcomes::unknown()
}
