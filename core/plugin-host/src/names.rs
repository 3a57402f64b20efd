//! Names that only one can have: namespaces, secrets, schemes of signers, kinds of handles.

use std::collections::BTreeMap;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, Registry};

use crate::error::{Name, PluginError};
use crate::fits::own_kinds;

/// Who has which name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<(Name, String), String>);

/// Handles that the program makes, whoever has methods on them.
const KINDS_OF_THE_PROGRAM: [&str; 3] = ["document", "secret", "signer"];

impl Names {
    /// The names of the program itself.
    pub(crate) fn of(registry: &Registry) -> Names {
        let namespaces = registry.namespaces().iter();
        let of_namespaces = namespaces.map(|namespace| (Name::Namespace, namespace.name));
        let secrets = registry.secret_rules().iter().map(|rule| (Name::Secret, rule.name));
        let primitives = registry.namespaces().iter().flat_map(|namespace| namespace.primitives);
        let kinds = primitives.filter_map(|primitive| primitive.kind).chain(KINDS_OF_THE_PROGRAM);
        let kinds = kinds.map(|kind| (Name::Kind, kind));
        let all = of_namespaces.chain(secrets).chain(kinds);
        Names(all.map(|(what, name)| ((what, name.to_owned()), "the program".to_owned())).collect())
    }

    /// Takes the names of a plugin, all of them or none.
    ///
    /// # Errors
    /// `plugin.namespace_taken`, `plugin.secret_taken`, `plugin.scheme_taken`, `plugin.kind_taken`.
    pub(crate) fn claim(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let namespaces = manifest.namespaces.iter().map(|one| (Name::Namespace, &one.name));
        let secrets = manifest.secrets.iter().map(|secret| (Name::Secret, &secret.name));
        let scheme = manifest.seams.signer.iter().map(|signer| (Name::Scheme, &signer.scheme));
        let kinds = own_kinds(manifest);
        let kinds = kinds.iter().map(|kind| (Name::Kind, kind));
        let by = format!("the plugin {}", manifest.name);
        let mut names = self.0.clone();
        for (what, name) in namespaces.chain(secrets).chain(scheme).chain(kinds) {
            if let Some(by) = names.insert((what, name.clone()), by.clone()) {
                let (plugin, name) = (manifest.name.clone(), name.clone());
                return Err(PluginError::Taken { plugin, what, name, by }.into());
            }
        }
        self.0 = names;
        Ok(())
    }
}
