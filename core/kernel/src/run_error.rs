//! What a run can stop with on its own account.

use serde::Serialize;

use crate::{Explain, PluginPin, Report};

#[derive(Debug, Serialize)]
pub(crate) enum RunError {
    NotDeclared { namespace: String },
    EnginePanicked { language: &'static str },
    NotApproved { what: String },
    Suspended { run: u64, what: String },
    OutcomeUnknown { call: String, why: String },
    Finished { run: u64 },
    Abandoned { run: u64 },
    NotToBeAbandoned { run: u64 },
    NoStart,
    OtherPlugin { recorded: PluginPin, found: Option<PluginPin> },
}

impl RunError {
    fn explain_over(&self) -> Report {
        use RunError::*;
        match self {
            Finished { run } => Report::usage("run.finished", format!("run {run} is finished"))
                .expected("a run with something left to do")
                .found("a finished one")
                .state("nothing was done")
                .next(format!("ceralacca runs {run} shows its result")),
            Abandoned { run } => Report::usage("run.abandoned", format!("run {run} was given up"))
                .expected("a run with something left to do")
                .found("one that was abandoned")
                .state("nothing was done")
                .next("start a new run"),
            NotToBeAbandoned { run } => Report::refused(
                "run.not_to_be_abandoned",
                format!("run {run} may have sent something, or waits for an answer"),
            )
            .expected("a run that is certain to have nothing under way")
            .found("a step without an outcome")
            .state("nothing was changed")
            .next(format!(
                "ceralacca resume {run}; where a person uploads, ceralacca confirm {run} --not-sent \
                 first, if it was not sent"
            )),
            other => unreachable!("{other:?} is explained elsewhere"),
        }
    }
}

impl Explain for RunError {
    fn explain(&self) -> Report {
        use RunError::*;
        match self {
            NotDeclared { namespace } => Report::usage(
                "workflow.undeclared_namespace",
                format!("the workflow calls `{namespace}` without declaring it"),
            )
            .expected(format!("\"{namespace}\" in `uses`"))
            .found("it is not there")
            .state("the call was not made")
            .next(format!("add \"{namespace}\" to `uses`")),
            EnginePanicked { language } => Report::refused(
                "script.engine_panicked",
                format!("the {language} engine stopped in the middle: this is a bug"),
            )
            .state("what the script called before is done and journaled")
            .next("report it with the journal: ceralacca journal export"),
            NotApproved { what } => Report::refused("run.not_approved", "sending was not approved")
                .expected("yes")
                .found("no")
                .state(format!("not done: {what}"))
                .next("ceralacca resume RUN asks again; --approve answers yes beforehand"),
            Suspended { run, what } => Report::waiting("run.waiting", format!("run {run} waits"))
                .expected(what)
                .found("it is not there yet")
                .state("everything up to here is in the journal")
                .next(format!("ceralacca resume {run}")),
            OutcomeUnknown { call, why } => Report::unknown(
                "run.outcome_unknown",
                "it is not known whether an interrupted call took effect",
            )
            .expected("an answer from the other side")
            .found(why)
            .state(format!("in doubt: {call}; it will not be repeated before that is answered"))
            .next("ceralacca resume RUN, once the other side can be asked"),
            Finished { .. } | Abandoned { .. } | NotToBeAbandoned { .. } => self.explain_over(),
            OtherPlugin { recorded, found } => Report::refused(
                "run.other_plugin",
                format!("the run began with another plugin {}", recorded.name),
            )
            .expected(in_words(recorded))
            .found(found.as_ref().map_or("it is not installed".to_owned(), in_words))
            .state("nothing was done")
            .next("install that one again, or: ceralacca resume RUN --accept-plugins"),
            NoStart => {
                Report::refused("journal.no_start", "the run has no beginning in the journal")
                    .state("nothing was done")
                    .next("ceralacca journal verify")
            }
        }
    }
}

fn in_words(plugin: &PluginPin) -> String {
    let PluginPin { version, library_sha256, manifest_sha256, .. } = plugin;
    format!("version {version}, library {library_sha256}, manifest {manifest_sha256}")
}
