//! The wording of errors about settings and files.

use ceralacca_kernel::Report;

use crate::error::PluginError;

const NOT_LOADED: &str = "the plugin was not loaded";
const UNCHANGED: &str = "what is installed was not changed";

pub(crate) fn explain(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        Settings { .. } | NotAskedFor { .. } => explain_settings(error),
        WritableByOthers { .. } | ForeignOwner { .. } => explain_permissions(error),
        Unreadable { path, problem } => {
            Report::refused("plugin.unreadable", format!("{} cannot be read", path.display()))
                .found(problem)
                .state(NOT_LOADED)
                .next("check the path and its permissions")
        }
        NotWritten { path, problem } => {
            Report::refused("plugin.not_written", format!("{} cannot be written", path.display()))
                .found(problem)
                .state("no plugin is half installed; repeating the command finishes it")
                .next("check the medium and the permissions, then give the command again")
        }
        Layout { folder, problem } => {
            Report::refused("plugin.layout", format!("{} is no plugin", folder.display()))
                .expected("one library, and its manifest NAME.json, in the folder NAME")
                .found(problem)
                .state(NOT_LOADED)
                .next("install it with: ceralacca plugin install FILE")
        }
        NoManifest { library, looked_for } => Report::refused(
            "plugin.no_manifest",
            format!("the manifest of {} is missing", library.display()),
        )
        .expected(match looked_for.first() {
            Some(path) => format!("{}", path.display()),
            None => "NAME.json".to_owned(),
        })
        .found("it is not there")
        .state(UNCHANGED)
        .next("ceralacca plugin manifest LIBRARY > NAME.json, or ask the vendor for it"),
        Lock { path, problem } => {
            Report::refused("plugin.lock_unreadable", format!("{} cannot be used", path.display()))
                .expected("what `ceralacca plugin lock` writes")
                .found(problem)
                .state("no plugin was loaded")
                .next("put the file back from a copy, or move it away and: ceralacca plugin lock")
        }
        Busy { holder } => {
            Report::refused("plugin.busy", "the plugins of this workspace are being changed")
                .found(holder)
                .state(UNCHANGED)
                .next("give the command again when that one is done")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_settings(error: &PluginError) -> Report {
    match error {
        PluginError::Settings { plugin, setting, problem } => Report::usage(
            "plugin.settings",
            format!("the setting `{setting}` of [plugins.{plugin}] cannot be used"),
        )
        .found(problem)
        .state(NOT_LOADED)
        .next(format!("correct `{setting}` under [plugins.{plugin}] in ceralacca.toml")),
        PluginError::NotAskedFor { plugin, setting } => Report::usage(
            "plugin.not_asked_for",
            format!("[plugins.{plugin}] grants files that the plugin does not ask for"),
        )
        .expected("a manifest whose capabilities name files")
        .found(format!("`{setting}` is set, and the manifest does not ask for files"))
        .state(NOT_LOADED)
        .next(format!("take `{setting}` out of [plugins.{plugin}] in ceralacca.toml")),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_permissions(error: &PluginError) -> Report {
    match error {
        PluginError::WritableByOthers { path, mode } => Report::refused(
            "plugin.writable_by_others",
            format!("others can write to {}", path.display()),
        )
        .expected("writable by its owner alone, since the program loads code from there")
        .found(format!("mode {mode}"))
        .state(NOT_LOADED)
        .next(format!("chmod go-w {}", path.display())),
        PluginError::ForeignOwner { path, owner } => Report::refused(
            "plugin.foreign_owner",
            format!("{} belongs to somebody else", path.display()),
        )
        .expected("it belongs to the user of this process, or to root")
        .found(format!("user {owner}"))
        .state(NOT_LOADED)
        .next("install the plugin again as the user that runs it"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
