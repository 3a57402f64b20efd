//! What can go wrong between the program and any plugin in Rust, under the plugin's own name.

use ceralacca_kernel::{Exit, Explain, Report};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) enum SdkError {
    Panicked { plugin: String, name: String, in_doubt: bool },
    NoSuchCall { plugin: String, name: String },
    Unreadable { plugin: String, name: String, what: &'static str },
    Settings { plugin: String, mismatch: String },
    Secret { plugin: String, secret: String, why: &'static str },
    Unknown { plugin: String, name: String, why: String },
    TooLarge { plugin: String, name: String, bytes: usize, in_doubt: bool },
}

impl Explain for SdkError {
    fn explain(&self) -> Report {
        use SdkError::*;
        match self {
            Panicked { plugin, name, in_doubt } => {
                let headline = format!("{name} stopped in the middle: this is a bug of {plugin}");
                judged(*in_doubt, code(plugin, "panicked"), headline)
                    .next(format!("report it to the vendor of {plugin}"))
            }
            NoSuchCall { plugin, name } => {
                Report::refused(&code(plugin, "no_such_call"), format!("{plugin} has no {name}"))
                    .expected("what its manifest names")
                    .found(name)
                    .state("nothing was done")
                    .next(format!("use the manifest that belongs to this library of {plugin}"))
            }
            Unreadable { plugin, name, what } => Report::refused(
                &code(plugin, "unreadable"),
                format!("{plugin} cannot read what it was given for {name}"),
            )
            .expected(format!("{what} in the CBOR of the contract"))
            .found("something else")
            .state("nothing was done")
            .next("report it, with the version of the program"),
            Settings { plugin, mismatch } => Report::usage(
                &code(plugin, "settings"),
                format!("{plugin} cannot use its settings"),
            )
            .found(mismatch)
            .state("nothing was done")
            .next(format!("correct [plugins.{plugin}.settings] in ceralacca.toml")),
            Secret { plugin, secret, why } => Report::refused(
                &code(plugin, "no_secret"),
                format!("{plugin} was not given the secret {secret}"),
            )
            .found(*why)
            .state("nothing was done with it")
            .next(format!("give the secret {secret} when it is asked for")),
            Unknown { plugin, name, why } => Report::unknown(
                &code(plugin, "unknown_outcome"),
                format!("nobody can say what became of {name}"),
            )
            .found(why)
            .state("it may or may not have taken effect outside")
            .next("find out from the other side, then resume"),
            TooLarge { plugin, name, bytes, in_doubt } => {
                let headline = format!("the result of {name} is too large to pass on");
                judged(*in_doubt, code(plugin, "result_too_large"), headline)
                    .found(format!("{bytes} bytes"))
                    .next("ask for less at a time")
            }
        }
    }
}

/// Codes of a plugin begin with its name.
fn code(plugin: &str, condition: &str) -> String {
    format!("{}.{condition}", plugin.replace('-', "_"))
}

fn judged(in_doubt: bool, code: String, headline: String) -> Report {
    let report = Report::refused(&code, headline);
    if in_doubt {
        Report { exit: Exit::Unknown, ..report }
            .state("whether it took effect outside is not known")
    } else {
        report.state("nothing was changed outside")
    }
}
