//! What can go wrong, and the words for it.

use ceralacca_plugin_sdk::serde::Serialize;
use ceralacca_plugin_sdk::{Explain, Report};

/// Why nobody was greeted. The fields of a variant are what scripts can look at.
#[derive(Debug, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub enum GreetingError {
    /// The name is empty.
    Nobody,
}

impl Explain for GreetingError {
    fn explain(&self) -> Report {
        match self {
            GreetingError::Nobody => {
                Report::refused("{{name_with_underscores}}.nobody", "there is nobody to greet")
                    .expected("a name")
                    .found("none")
                    .state("nothing was done")
                    .next("give a name")
            }
        }
    }
}
