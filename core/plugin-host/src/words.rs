//! What a plugin is, in words for the person who installs or lists it.

use ceralacca_kernel::manifest::Manifest;
use ceralacca_submission::printable;

/// What a plugin is. Every text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub summary: String,
    /// What scripts can call: `codice_fiscale::check`.
    pub primitives: Vec<String>,
    /// Where it can stand in: `signer of pkcs11: keys`.
    pub seams: Vec<String>,
    /// What it is given beyond computing, in words.
    pub capabilities: Vec<String>,
    /// The secrets that it may ask for.
    pub secrets: Vec<String>,
}

impl About {
    /// What this manifest says.
    pub fn of(manifest: &Manifest) -> About {
        let clean = |text: &str| printable(text, 200);
        let primitives = manifest.namespaces.iter().flat_map(|namespace| {
            let name = &namespace.name;
            namespace.primitives.iter().map(move |primitive| format!("{name}::{}", primitive.name))
        });
        let seams = &manifest.seams;
        let signer =
            seams.signer.as_ref().map(|signer| format!("keys `{}:`", clean(&signer.scheme)));
        let agency = seams.agency.as_ref().map(|_| "a channel to an agency".to_owned());
        let check = seams.check.as_ref().map(|_| "a check of communications".to_owned());
        let asked = &manifest.capabilities;
        let said = |asked: bool, words: &str| asked.then(|| words.to_owned());
        let variables = asked.environment.iter().map(|name| clean(name)).collect::<Vec<_>>();
        let capabilities = [
            said(asked.network, "connections over the network"),
            said(asked.local_sockets, "sockets of this machine"),
            said(asked.files, "the files that `read` and `write` in its settings name"),
            said(!variables.is_empty(), &format!("the variables {}", variables.join(", "))),
        ];
        About {
            name: manifest.name.clone(),
            version: clean(&manifest.version),
            summary: clean(&manifest.summary),
            primitives: primitives.collect(),
            seams: signer.into_iter().chain(agency).chain(check).collect(),
            capabilities: capabilities.into_iter().flatten().collect(),
            secrets: manifest.secrets.iter().map(|secret| secret.name.clone()).collect(),
        }
    }
}
