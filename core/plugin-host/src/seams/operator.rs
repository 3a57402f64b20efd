//! The operator where there is no run: secrets of the plugin's manifest, and the line of progress.

use std::rc::Rc;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, Secret, Sheet};

use crate::connection::Answers;
use crate::error::PluginError;

/// Asks the operator for a secret of the plugin's manifest, by name.
pub type AskSecret = Rc<dyn Fn(&str) -> Result<Secret, Error>>;

/// The operator.
#[derive(Clone)]
pub struct Operator {
    /// Asks for a secret.
    pub ask: AskSecret,
    /// Shows a line.
    pub tell: Rc<dyn Fn(&str)>,
}

impl Operator {
    /// The answers that a plugin of this manifest may have.
    pub(crate) fn answers<'a>(&'a self, manifest: &'a Manifest) -> OperatorAnswers<'a> {
        OperatorAnswers { operator: self, manifest }
    }
}

pub(crate) struct OperatorAnswers<'a> {
    operator: &'a Operator,
    manifest: &'a Manifest,
}

impl Answers for OperatorAnswers<'_> {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        if !self.manifest.secrets.iter().any(|secret| secret.name == name) {
            let secret = crate::reply::cleaned(name, &[]);
            return Err(PluginError::SecretNotGranted { secret }.into());
        }
        (self.operator.ask)(name)
    }

    fn tell(&mut self, text: &str) {
        (self.operator.tell)(text);
    }

    fn show(&mut self, _: &Sheet) {}
}
