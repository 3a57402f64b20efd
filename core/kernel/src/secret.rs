//! Secrets: bytes that are wiped, never printed, and never part of a [`Value`](crate::Value).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::typed::HandleKind;
use crate::{Error, Host, Question, Registry};

/// A password, PIN or other text that must not leave the process in clear.
///
/// It has no `Display`, prints `[secret]` in `Debug`, cannot be serialised, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself; every use of this is a place for a reviewer to stop.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    /// Compares without an early exit on the first difference.
    fn eq(&self, other: &Secret) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len()
            && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
    }
}

/// What scripts hold instead of a secret: its name. The text stays with the run and is asked again
/// when an unfinished call needs it after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:secret")]
pub struct SecretRef(pub String);

impl HandleKind for SecretRef {
    const KIND: &'static str = "secret";
}

/// How a kind of secret is asked for and checked; registered beside the primitives.
#[derive(Clone, Copy)]
pub struct SecretRule {
    /// Name in scripts and in `--secrets` files: `pin_di_revoca`.
    pub name: &'static str,
    /// What the operator reads, in the Agency's words.
    pub label: &'static str,
    /// The rule, in a few words for prompts and help.
    pub rule: &'static str,
    /// Whether the operator makes it up, so that a slip would go unnoticed: it is typed twice.
    pub chosen: bool,
    /// Takes what was typed as what is meant, or refuses it; must not repeat the text in the error.
    pub read: fn(Secret) -> Result<Secret, Error>,
}

/// Where the text of a secret comes from.
pub trait SecretKeeper {
    /// Asks for a kind of secret now and keeps it; `confirm` asks twice.
    fn ask(&self, name: &str, confirm: bool, host: &dyn Host) -> Result<SecretRef, Error>;

    /// The text of a secret; asks for it when it is not known.
    fn get(&self, secret: &SecretRef, host: &dyn Host) -> Result<Secret, Error>;
}

/// The secrets of a run: asked once, kept in memory, asked again after a restart when needed.
pub(crate) struct Secrets {
    registry: Rc<Registry>,
    known: RefCell<BTreeMap<String, Secret>>,
}

impl Secrets {
    pub(crate) fn new(registry: Rc<Registry>) -> Secrets {
        Secrets { registry, known: RefCell::default() }
    }
}

impl SecretKeeper for Secrets {
    fn ask(&self, name: &str, confirm: bool, host: &dyn Host) -> Result<SecretRef, Error> {
        let rule = self.registry.secret_rule(name)?;
        let secret = (rule.read)(host.ask_secret(Question { rule, confirm })?)?;
        self.known.borrow_mut().insert(name.to_owned(), secret);
        Ok(SecretRef(name.to_owned()))
    }

    fn get(&self, secret: &SecretRef, host: &dyn Host) -> Result<Secret, Error> {
        if !self.known.borrow().contains_key(&secret.0) {
            let chosen = self.registry.secret_rule(&secret.0)?.chosen;
            self.ask(&secret.0, chosen, host)?;
        }
        Ok(self.known.borrow()[&secret.0].clone())
    }
}
