//! The wording of errors about which plugin it is, and about starting it.

use ceralacca_kernel::Report;

use crate::error::{Name, PluginError};

const NOT_LOADED: &str = "the plugin was not loaded";
const NOT_CALLED: &str = "nothing was asked of the plugin";

pub(crate) fn explain(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        Unknown { name, near, known } => {
            Report::usage("plugin.unknown", format!("there is no plugin `{name}`"))
                .expected(one_of(known, "a plugin, but none is installed"))
                .found(name)
                .state("nothing was done")
                .next(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "ceralacca plugin list".to_owned(),
                })
        }
        NotLocked { plugin, folder } => {
            Report::refused("plugin.not_locked", format!("the plugin {plugin} is not locked"))
                .expected("its name and hashes in plugins.lock")
                .found(format!("only its files, in {}", folder.display()))
                .state(NOT_LOADED)
                .next(format!("when you trust what is there: ceralacca plugin lock {plugin}"))
        }
        Missing { plugin, looked_in } => Report::refused(
            "plugin.missing",
            format!("the plugin {plugin} is locked but not there"),
        )
        .expected(
            looked_in
                .iter()
                .map(|folder| folder.display().to_string())
                .collect::<Vec<_>>()
                .join(" or "),
        )
        .found("no such folder")
        .state(NOT_LOADED)
        .next("ceralacca plugin install FILE"),
        Changed { plugin, file, expected, found } => Report::refused(
            "plugin.changed",
            format!("{} of the plugin {plugin} is not what was locked", file.display()),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .state(NOT_LOADED)
        .next(format!("ask the vendor whether it is theirs, then: ceralacca plugin lock {plugin}")),
        Taken { .. } => explain_taken(error),
        NoSigner { .. } | NoSeam { .. } => explain_seam(error),
        NotLoaded { .. } | WrongAbi { .. } | Unconfined { .. } | NotStarted { .. } => {
            explain_loading(error)
        }
        ManifestDiffers { .. } | GaveUp { .. } => explain_distrust(error),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_seam(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        NoSigner { scheme, known } => {
            Report::usage("plugin.no_signer", format!("no plugin signs with `{scheme}:` keys"))
                .expected(one_of(known, "a plugin that signs, but none is installed"))
                .found(scheme)
                .state("nothing was signed")
                .next("ceralacca plugin list")
        }
        NoSeam { plugin, seam } => Report::usage(
            "plugin.no_seam",
            format!("the plugin {plugin} cannot stand in for the {seam}"),
        )
        .expected(format!("a plugin whose manifest has the seam `{seam}`"))
        .found(plugin)
        .state(NOT_CALLED)
        .next("ceralacca plugin list shows what each plugin is for"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_distrust(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        ManifestDiffers { plugin, place, manifest, described } => Report::refused(
            "plugin.manifest_differs",
            format!("the plugin {plugin} says otherwise of itself than its manifest"),
        )
        .expected(format!("{place}: {manifest}"))
        .found(format!("{place}: {described}"))
        .state(NOT_CALLED)
        .next("do not use it; ask the vendor for the manifest that belongs to this library"),
        GaveUp { plugin, breaks, last } => Report::refused(
            "plugin.gave_up",
            format!("the plugin {plugin} broke off {breaks} times in a row"),
        )
        .expected("an answer")
        .found(format!("at last: {last}"))
        .state("it is not started again by this process; this call did not reach it")
        .next(format!("ask the vendor of {plugin}, then give the command again")),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_loading(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        NotLoaded { plugin, problem } => {
            Report::refused("plugin.not_loaded", format!("the plugin {plugin} cannot be loaded"))
                .found(problem)
                .state(NOT_CALLED)
                .next("ceralacca plugin check LIBRARY says more; the vendor can mend it")
        }
        WrongAbi { plugin, built_for, spoken } => Report::refused(
            "plugin.wrong_abi",
            format!("the plugin {plugin} was built for another version of the contract"),
        )
        .expected(format!("contract {spoken}, or an earlier one of the same major version"))
        .found(format!("contract {built_for}"))
        .state(NOT_CALLED)
        .next(format!("ask the vendor of {plugin} for one that fits, or update ceralacca")),
        Unconfined { plugin, problem } => Report::refused(
            "plugin.unconfined",
            format!("the plugin {plugin} could not be confined"),
        )
        .expected("the limits that this system offers")
        .found(problem)
        .state(NOT_LOADED)
        .next("report it with the version of the system"),
        NotStarted { plugin, problem } => Report::refused(
            "plugin.not_started",
            format!("no process could be started for the plugin {plugin}"),
        )
        .expected("a worker process")
        .found(problem)
        .state(NOT_LOADED)
        .next("give the command again; the system may be short of processes or memory"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_taken(error: &PluginError) -> Report {
    let PluginError::Taken { plugin, what, name, by } = error else {
        unreachable!("{error:?} is explained elsewhere");
    };
    let report = match what {
        Name::Namespace => Report::refused(
            "plugin.namespace_taken",
            format!("the namespace `{name}` of the plugin {plugin} is taken"),
        ),
        Name::Secret => Report::refused(
            "plugin.secret_taken",
            format!("the secret `{name}` of the plugin {plugin} is taken"),
        ),
        Name::Scheme => Report::refused(
            "plugin.scheme_taken",
            format!("the keys `{name}:` of the plugin {plugin} are taken"),
        ),
        Name::Kind => Report::refused(
            "plugin.kind_taken",
            format!("the handles `{name}` of the plugin {plugin} are taken"),
        ),
    };
    report
        .expected("a name of its own")
        .found(format!("{by} has it"))
        .state(NOT_LOADED)
        .next(format!("ask the vendor of {plugin} for another name, or use one of the two"))
}

fn one_of(known: &[String], none: &str) -> String {
    if known.is_empty() { none.to_owned() } else { format!("one of {}", known.join(", ")) }
}
