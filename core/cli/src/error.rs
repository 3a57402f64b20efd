//! What the command line itself can refuse.

use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Report};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) enum CliError {
    NoWorkspace { folder: PathBuf },
    WorkspaceExists { folder: PathBuf },
    Settings { path: PathBuf, problem: String },
    File { path: PathBuf, problem: String },
    Trust { path: PathBuf, problem: String },
    NoTimestampService,
    TimeForm { text: String },
    Day { text: String },
    DaysReversed { dal: jiff::civil::Date, al: jiff::civil::Date },
    NothingToWatch,
    Watched { holder: String },
    WatchedGone { folder: PathBuf },
    UnknownWorkflow { name: String, near: Option<String>, known: Vec<String> },
    UnknownLanguage { file: String, known: Vec<String> },
    InputSyntax { text: String },
    Duration { text: String },
    ScriptChanged { run: u64, file: String, recorded: String, now: Option<String> },
    WorkspaceMoved { run: u64, recorded: PathBuf, now: PathBuf },
    SecretsReadable { path: PathBuf, mode: String },
    SecretsUnreadable { source: String, problem: String },
    SecretNotGiven { secret: String, label: String },
    Confirmation { label: String },
    ApprovalNeeded { what: String },
    TourStep { command: String, code: Option<i32> },
    PluginNotApproved { plugin: String, asks: Vec<String> },
    PluginName { name: String },
    PluginExists { folder: PathBuf },
    NoSdk { folder: PathBuf },
    PrimitiveName { text: String },
    ArgumentJson { text: String, problem: String },
    UnknownApi { name: String, near: Option<String> },
    NotRejected { protocollo: String, found: Option<String> },
    AbandonNotApproved { runs: Vec<u64> },
}

impl CliError {
    pub(crate) fn io(path: &Path, error: &io::Error) -> CliError {
        CliError::File { path: path.to_owned(), problem: error.to_string() }
    }
}

const NOTHING: &str = "nothing was done";

impl Explain for CliError {
    fn explain(&self) -> Report {
        match self {
            CliError::SecretsReadable { .. }
            | CliError::SecretsUnreadable { .. }
            | CliError::SecretNotGiven { .. }
            | CliError::Confirmation { .. } => self.explain_secret(),
            CliError::UnknownWorkflow { .. }
            | CliError::UnknownLanguage { .. }
            | CliError::InputSyntax { .. }
            | CliError::ScriptChanged { .. }
            | CliError::AbandonNotApproved { .. }
            | CliError::WorkspaceMoved { .. } => self.explain_workflow(),
            CliError::Day { .. }
            | CliError::DaysReversed { .. }
            | CliError::NothingToWatch
            | CliError::Watched { .. }
            | CliError::WatchedGone { .. } => self.explain_hand_off(),
            CliError::PluginNotApproved { .. }
            | CliError::PluginName { .. }
            | CliError::PluginExists { .. }
            | CliError::NoSdk { .. }
            | CliError::PrimitiveName { .. }
            | CliError::ArgumentJson { .. } => self.explain_plugin(),
            CliError::NoWorkspace { .. }
            | CliError::WorkspaceExists { .. }
            | CliError::Settings { .. }
            | CliError::File { .. }
            | CliError::Trust { .. }
            | CliError::NotRejected { .. }
            | CliError::NoTimestampService => self.explain_workspace(),
            _ => self.explain_command(),
        }
    }
}

impl CliError {
    fn explain_workspace(&self) -> Report {
        match self {
            CliError::NoWorkspace { folder } => {
                Report::usage("workspace.none", "there is no workspace here")
                    .expected("a ceralacca.toml in this folder or above it")
                    .found(format!("none at {}", folder.display()))
                    .state(NOTHING)
                    .next("ceralacca init")
            }
            CliError::WorkspaceExists { folder } => {
                Report::usage("workspace.exists", "there is a workspace here already")
                    .expected("a folder without ceralacca.toml")
                    .found(folder.display().to_string())
                    .state("it was not touched")
                    .next("change its ceralacca.toml, or choose another folder")
            }
            CliError::Settings { path, problem } => Report::usage(
                "settings.unreadable",
                format!("the settings {} cannot be read", path.display()),
            )
            .expected(
                "documents, environment, environments_set_aside, norme, [agency], [proxy], [timestamp], \
                 [trust], [impronta], [plugins]",
            )
            .found(problem.trim_end())
            .state(NOTHING)
            .next("correct the file"),
            CliError::File { path, problem } => {
                Report::refused("file.unusable", format!("{} cannot be used", path.display()))
                    .found(problem)
                    .state("nothing was changed there")
                    .next("check the path and its permissions")
            }
            CliError::Trust { path, problem } => Report::refused(
                "trust.unusable",
                format!("{} cannot be used for trust", path.display()),
            )
            .expected("certificates and CRLs, DER or PEM, with RSA keys; or a folder of such files")
            .found(problem)
            .state("nothing was verified")
            .next("correct [trust] in ceralacca.toml, or the path given with --trust"),
            CliError::NoTimestampService => {
                Report::usage("timestamp.not_configured", "no timestamping service is set")
                    .expected("[timestamp] url in ceralacca.toml, since a gateway or a plugin is set")
                    .found("none")
                    .state("no mark was asked for")
                    .next("add the address of the service, then ceralacca resume RUN")
            }
            CliError::NotRejected { protocollo, found } => Report::usage(
                "receipts.not_rejected",
                format!("{protocollo} is no filing that was rejected"),
            )
            .expected("the number of a filing with the state SCARTATO")
            .found(found.as_deref().unwrap_or("no filing of that number here"))
            .state(NOTHING)
            .next("ceralacca receipts lists them"),
            _ => unreachable!("explained by the others"),
        }
    }

    fn explain_hand_off(&self) -> Report {
        match self {
            CliError::Day { text } => Report::usage("input.day", "a day cannot be read")
                .expected("a day such as 2026-11-20 or 20/11/2026")
                .found(text)
                .state(NOTHING)
                .next("give the day again"),
            CliError::DaysReversed { dal, al } => {
                Report::usage("input.days_reversed", "the last day is before the first")
                    .expected(format!("al on {dal} or later"))
                    .found(format!("dal {dal}, al {al}"))
                    .state(NOTHING)
                    .next("exchange the two days")
            }
            CliError::NothingToWatch => {
                Report::usage("watch.nothing", "nothing arrives by hand in this workspace")
                    .expected("[agency] hand_off = true in ceralacca.toml")
                    .found("a gateway, or the sandbox inside the program")
                    .state(NOTHING)
                    .next("ceralacca resume RUN asks the gateway")
            }
            CliError::Watched { holder } => {
                Report::refused("watch.running", "this workspace is watched already")
                    .found(holder)
                    .state(NOTHING)
                    .next("leave it to that one, or stop it first")
            }
            CliError::WatchedGone { folder } => Report::refused(
                "watch.folder_gone",
                format!("{} is gone while it was watched", folder.display()),
            )
            .expected("the archivio documenti that ceralacca.toml names")
            .found("no such folder: removed, renamed, or its medium taken out")
            .state("no run was touched by this; what arrives there now is not noticed")
            .next("bring the folder back, then ceralacca watch"),
            _ => unreachable!("explained by the others"),
        }
    }

    fn explain_command(&self) -> Report {
        match self {
            CliError::Duration { text } => {
                Report::usage("input.duration", "a time span cannot be read")
                    .expected("a number with a unit, such as 30s, 2m or 1h")
                    .found(text)
                    .state(NOTHING)
                    .next("give the time span again")
            }
            CliError::TimeForm { text } => Report::usage("input.time", "a moment cannot be read")
                .expected("a moment such as 2025-12-31T12:00:00Z")
                .found(text)
                .state(NOTHING)
                .next("give the moment again"),
            CliError::ApprovalNeeded { what } => Report::refused(
                "run.approval_needed",
                "sending needs an approval, and nobody is there to give it",
            )
            .expected("a terminal to ask at, or --approve")
            .found("neither")
            .state(format!("not done: {what}"))
            .next("ceralacca resume RUN --approve"),
            CliError::TourStep { command, code } => {
                Report::refused("tour.stopped", format!("`ceralacca {command}` did not finish"))
                    .expected("exit code 0")
                    .found(match code {
                        Some(code) => format!("exit code {code}, and the error above"),
                        None => "it was ended from outside".to_owned(),
                    })
                    .state("the tour's folder stays as it is; nothing reached the real Agency")
                    .next("look at the error above, then start the tour again")
            }
            CliError::UnknownApi { name, near } => {
                Report::usage("api.unknown", format!("there is no namespace or primitive `{name}`"))
                    .expected("a name that `ceralacca api` lists")
                    .found(name)
                    .state(NOTHING)
                    .next(match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "ceralacca api".to_owned(),
                    })
            }
            _ => unreachable!("explained by the others"),
        }
    }

    fn explain_workflow(&self) -> Report {
        match self {
            CliError::AbandonNotApproved { runs } => {
                let runs: Vec<String> = runs.iter().map(u64::to_string).collect();
                Report::refused("run.abandon_not_approved", "no run was given up")
                    .expected("a yes at a terminal, or --approve")
                    .found("neither")
                    .state(format!("left as they were: {}", runs.join(", ")))
                    .next("ceralacca abandon --all-unsent --approve, or ceralacca abandon RUN")
            }
            CliError::UnknownWorkflow { name, near, known } => {
                Report::usage("workflow.unknown", format!("there is no workflow `{name}`"))
                    .expected(format!("one of {}, or the path of a script", known.join(", ")))
                    .found(name)
                    .state(NOTHING)
                    .next(match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "ceralacca workflows".to_owned(),
                    })
            }
            CliError::UnknownLanguage { file, known } => {
                Report::usage("workflow.language", format!("{file} is in no language known here"))
                    .expected(format!("a file ending in .{}", known.join(" or .")))
                    .found(file)
                    .state(NOTHING)
                    .next("rename the file")
            }
            CliError::InputSyntax { text } => {
                Report::usage("input.syntax", "an input is not of the form name=value")
                    .expected("name=value")
                    .found(text)
                    .state(NOTHING)
                    .next("ceralacca run WORKFLOW --help")
            }
            CliError::ScriptChanged { run, file, recorded, now } => Report::refused(
                "workflow.script_changed",
                format!("{file} is no longer the script that run {run} began with"),
            )
            .expected(format!("SHA-256 {recorded}"))
            .found(match now {
                Some(now) => format!("SHA-256 {now}"),
                None => "no such file".to_owned(),
            })
            .state("the run was not touched; its journal keeps the script it began with")
            .next(format!("ceralacca resume {run} --recorded goes on with the recorded script")),
            CliError::WorkspaceMoved { run, recorded, now } => explain_moved(*run, recorded, now),
            _ => unreachable!("explained by the others"),
        }
    }

    fn explain_secret(&self) -> Report {
        match self {
            CliError::SecretsReadable { path, mode } => Report::refused(
                "secrets.readable_by_others",
                format!("others can read the secrets file {}", path.display()),
            )
            .expected("mode 0600")
            .found(format!("mode {mode}"))
            .state("it was not read")
            .next(format!("chmod 600 {}", path.display())),
            CliError::SecretsUnreadable { source, problem } => Report::refused(
                "secrets.unreadable",
                format!("no secrets can be read from {source}"),
            )
            .expected("lines of the form name = \"text\"")
            .found(problem)
            .state(NOTHING)
            .next("ceralacca run WORKFLOW --help lists the secrets"),
            CliError::SecretNotGiven { secret, label } => {
                Report::refused("secret.not_given", format!("{label} is needed"))
                    .expected(format!("`{secret}` in --secrets, or a terminal to ask at"))
                    .found("neither")
                    .state("the call that needs it was not made")
                    .next(format!("add `{secret} = \"…\"` to the file given with --secrets"))
            }
            CliError::Confirmation { label } => {
                Report::refused("secret.confirmation", format!("{label}: the two entries differ"))
                    .expected("the same text twice")
                    .found("two different texts")
                    .state("it was not taken")
                    .next("ceralacca resume RUN asks again")
            }
            _ => unreachable!("explained by the others"),
        }
    }
}

/// What a run wrote down says where things are: in another folder it would work on other files.
fn explain_moved(run: u64, recorded: &Path, now: &Path) -> Report {
    let is_there = recorded.is_dir();
    let (recorded, now) = (recorded.display(), now.display());
    let report =
        Report::refused("workspace.moved", format!("run {run} works in another folder than this"))
            .expected(recorded.to_string())
            .found(now.to_string())
            .state("the run was not touched; its steps name files in the folder it began in");
    if is_there {
        report.next(format!(
            "this is a copy: ceralacca -C {recorded} resume {run} goes on in the original; work in one of \
             the two only"
        ))
    } else {
        report.next(format!(
            "move the workspace back to {recorded}, or let that path be a link to {now}; then \
             ceralacca resume {run}"
        ))
    }
}
