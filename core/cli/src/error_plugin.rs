//! The wording of what `ceralacca plugin` itself refuses.

use ceralacca_kernel::Report;

use crate::error::CliError;

impl CliError {
    pub(crate) fn explain_plugin(&self) -> Report {
        match self {
            CliError::PluginNotApproved { plugin, asks } => {
                Report::refused("plugin.not_approved", format!("{plugin} was not installed"))
                    .expected("somebody who has seen what it asks for, and agrees")
                    .found(format!("it asks for {}", asks.join("; ")))
                    .state("nothing was installed, and the library was not loaded")
                    .next("ceralacca plugin install FILE --approve")
            }
            CliError::PluginName { name } => {
                Report::usage("plugin.name", "a plugin cannot have this name")
                    .expected("lower case letters, digits and hyphens, a letter first")
                    .found(format!("{name:?}"))
                    .state("nothing was written")
                    .next("choose another name")
            }
            CliError::PluginExists { folder } => {
                Report::usage("plugin.folder_exists", "there is something of that name here")
                    .expected("no file or folder of the plugin's name")
                    .found(folder.display().to_string())
                    .state("it was not touched")
                    .next("choose another name, or another folder")
            }
            CliError::NoSdk { folder } => Report::usage("plugin.no_sdk", "the SDK is not there")
                .expected("the folder plugins/sdk of a copy of ceralacca, with its Cargo.toml")
                .found(folder.display().to_string())
                .state("nothing was written")
                .next("ceralacca plugin new NAME --rust --sdk FOLDER; in C no SDK is needed: --c"),
            CliError::PrimitiveName { text } => {
                Report::usage("plugin.primitive_name", "this does not name a primitive")
                    .expected("namespace::name")
                    .found(format!("{text:?}"))
                    .state("nothing was called")
                    .next("ceralacca plugin manifest LIBRARY names what there is")
            }
            CliError::ArgumentJson { text, problem } => {
                Report::usage("plugin.argument_json", "an argument is not JSON")
                    .expected("text in quotes, a number, true, false, a list or a map: '\"Mario\"'")
                    .found(format!("{text}: {problem}"))
                    .state("nothing was called")
                    .next("quote the argument for the shell, too")
            }
            _ => unreachable!("explained by the others"),
        }
    }
}
