//! `ceralacca plugin new`: a folder with a skeleton that builds and passes `plugin check`.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::Error;
use serde_json::json;

use super::Context;
use crate::arguments::plugin::New;
use crate::error::CliError;
use crate::output;

/// Name of a file in the new folder, and its text.
type Skeleton = &'static [(&'static str, &'static str)];

const RUST: Skeleton = &[
    ("Cargo.toml", include_str!("../../../../plugins/templates/rust/Cargo.toml")),
    ("README.md", include_str!("../../../../plugins/templates/rust/README.md")),
    (".gitignore", include_str!("../../../../plugins/templates/rust/gitignore")),
    ("src/lib.rs", include_str!("../../../../plugins/templates/rust/src/lib.rs")),
    ("src/primitives.rs", include_str!("../../../../plugins/templates/rust/src/primitives.rs")),
    ("src/error.rs", include_str!("../../../../plugins/templates/rust/src/error.rs")),
    ("tests/plugin.rs", include_str!("../../../../plugins/templates/rust/tests/plugin.rs")),
];

/// The two headers stand beside the code: nothing else is needed.
const C: Skeleton = &[
    ("{{name_with_underscores}}.c", include_str!("../../../../plugins/templates/c/plugin.c")),
    ("Makefile", include_str!("../../../../plugins/templates/c/Makefile")),
    ("README.md", include_str!("../../../../plugins/templates/c/README.md")),
    ("ceralacca_plugin.h", include_str!("../../../../plugins/sdk/include/ceralacca_plugin.h")),
    ("ceralacca_cbor.h", include_str!("../../../../plugins/sdk/include/ceralacca_cbor.h")),
];

pub(super) fn carry_out(context: &Context, new: &New) -> Result<(), Error> {
    let name = new.name.as_str();
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(letters) {
        return Err(CliError::PluginName { name: name.to_owned() }.into());
    }
    let sdk = match (&new.sdk, new.rust) {
        (Some(folder), true) => Some(sdk(folder)?),
        _ => None,
    };
    let folder = PathBuf::from(name);
    if folder.exists() {
        return Err(CliError::PluginExists { folder }.into());
    }
    let sdk = sdk.unwrap_or_default();
    for (file, text) in if new.rust { RUST } else { C } {
        let text = filled(text, name, &sdk);
        write(&folder.join(filled(file, name, &sdk)), &text)?;
    }
    if context.json {
        output::json(&json!({ "folder": name }));
    } else {
        output::text(&format!("{name}: read {name}/README.md"));
    }
    Ok(())
}

/// The SDK's folder, absolute.
fn sdk(folder: &Path) -> Result<String, Error> {
    let absolute = std::path::absolute(folder).map_err(|e| CliError::io(folder, &e))?;
    if !absolute.join("Cargo.toml").is_file() {
        return Err(CliError::NoSdk { folder: absolute }.into());
    }
    Ok(absolute.display().to_string())
}

fn filled(text: &str, name: &str, sdk: &str) -> String {
    text.replace("{{name_with_underscores}}", &name.replace('-', "_"))
        .replace("{{name}}", name)
        .replace("{{sdk}}", &sdk.replace('\\', "/"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| CliError::io(path, &error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    Ok(fs::write(path, text).map_err(failed)?)
}
