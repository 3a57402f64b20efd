//! The wording of errors about calls: arguments, replies, and plugins that break off.

use ceralacca_kernel::{Exit, Report};

use crate::connection::Broken;
use crate::error::{Outside, PluginError};

pub(crate) fn explain(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        Argument { primitive, position, param, mismatch } => Report::usage(
            "plugin.argument",
            format!("argument {position} (`{param}`) of {primitive} does not fit"),
        )
        .found(mismatch)
        .state("the call was not made")
        .next("correct the workflow; `ceralacca api` lists every primitive"),
        SecretNotGranted { secret } => Report::refused(
            "plugin.secret_not_granted",
            format!("a plugin asked for the secret `{secret}`, which is not for it"),
        )
        .expected("a secret that its manifest names, or that the script passed to it")
        .found(secret)
        .state("it was not given")
        .next("ask the vendor what it is for"),
        Broken { plugin, call, outside, why } => {
            let report = with_state(explain_broken(plugin, call, why), plugin, *outside);
            match limit(why) {
                Some(setting) if *outside == Outside::Nothing => report.next(format!(
                    "when it needs more, raise `{setting}` under [plugins.{plugin}] in ceralacca.toml"
                )),
                _ => report,
            }
        }
        MalformedReply { plugin, outside, .. }
        | WrongStatus { plugin, outside, .. }
        | ErrorForm { plugin, outside, .. }
        | Result { plugin, outside, .. }
        | ForeignHandle { plugin, outside, .. } => {
            with_state(explain_reply(error), plugin, *outside)
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_reply(error: &PluginError) -> Report {
    use PluginError::*;
    match error {
        MalformedReply { plugin, call, .. } => Report::refused(
            "plugin.malformed_reply",
            format!("what the plugin {plugin} replied to {call} is not a value"),
        )
        .expected("CBOR as the contract describes it, within the limits for values")
        .found("other bytes, or too many of them"),
        WrongStatus { plugin, call, status, .. } => Report::refused(
            "plugin.status",
            format!("the plugin {plugin} replied to {call} in a way that cannot be"),
        )
        .expected("a status that fits what was asked")
        .found(match *status {
            ceralacca_plugin_abi::NOT_YET => "NOT_YET, for what does not wait".to_owned(),
            ceralacca_plugin_abi::NOT_DONE => "NOT_DONE, and nothing was reconciled".to_owned(),
            other => format!("status {other}"),
        }),
        ErrorForm { plugin, call, problem, .. } => Report::refused(
            "plugin.error_form",
            format!("the error that the plugin {plugin} replied to {call} cannot be read"),
        )
        .expected("a map with code and headline")
        .found(problem),
        Result { plugin, call, mismatch, .. } => Report::refused(
            "plugin.result",
            format!("the plugin {plugin} replied to {call} with another result than it declares"),
        )
        .expected("what its manifest says")
        .found(mismatch),
        ForeignHandle { plugin, call, kind, .. } => Report::refused(
            "plugin.foreign_handle",
            format!("the plugin {plugin} replied to {call} with a handle that is not its own"),
        )
        .expected("a handle of its own kinds, a document, or one that it was given")
        .found(kind),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_broken(plugin: &str, call: &str, why: &Broken) -> Report {
    let broke = |code, what: &str| Report::refused(code, format!("the plugin {plugin} {what}"));
    match why {
        Broken::Died { how } => broke("plugin.died", &format!("ended in the middle of {call}"))
            .expected("a reply")
            .found(how),
        Broken::NotGranted { what } => {
            broke("plugin.not_granted", &format!("did in {call} what it was not granted"))
                .expected("what its manifest asks for and the settings grant")
                .found(what)
        }
        Broken::TimedOut { after } => {
            broke("plugin.timed_out", &format!("did not finish {call} in time"))
                .expected(format!(
                    "a reply within {} s (`timeout` under [plugins.{plugin}])",
                    after.as_secs_f64()
                ))
                .found("none; it was stopped")
        }
        Broken::OutOfMemory { limit } => {
            broke("plugin.out_of_memory", &format!("ran out of memory in {call}"))
                .expected(format!(
                    "at most {} MiB (`memory` under [plugins.{plugin}])",
                    limit / (1 << 20)
                ))
                .found("more was needed")
        }
        Broken::NeverReplied { code } => {
            broke("plugin.never_replied", &format!("left {call} without a reply"))
                .expected("one reply")
                .found(format!("none, and {code} was returned"))
        }
        Broken::RepliedTwice => broke("plugin.replied_twice", &format!("replied to {call} twice"))
            .expected("one reply")
            .found("another"),
        Broken::RepliedLate => {
            broke("plugin.replied_late", &format!("replied when {call} was over"))
                .expected("a reply before `invoke` returns")
                .found("one after it")
        }
        Broken::WrongThread => {
            broke("plugin.wrong_thread", &format!("replied to {call} from another thread"))
                .expected("a reply from the thread that the call came on")
                .found("another thread")
        }
        Broken::Panicked => broke("plugin.panicked", &format!("panicked in {call}"))
            .expected("a reply")
            .found("a panic, past its own barrier"),
        Broken::Garbled { problem } => {
            broke("plugin.garbled", &format!("broke its line to this program in {call}"))
                .expected("frames of the worker's protocol")
                .found(problem)
        }
    }
}

/// The setting whose limit a call met.
fn limit(why: &Broken) -> Option<&'static str> {
    match why {
        Broken::TimedOut { .. } => Some("timeout"),
        Broken::OutOfMemory { .. } => Some("memory"),
        _ => None,
    }
}

/// The same words for every call that had no proper end.
fn with_state(report: Report, plugin: &str, outside: Outside) -> Report {
    match outside {
        Outside::Nothing => report
            .state("the call has no result; making it again does no harm")
            .next(format!("tell the vendor of {plugin}; `ceralacca plugin check` shows more")),
        Outside::Unknown => Report { exit: Exit::Unknown, ..report }
            .state("whether the call took effect outside is not known; it is not repeated")
            .next("ceralacca resume RUN: it asks before anything is done again"),
    }
}
