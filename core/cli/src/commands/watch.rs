//! `ceralacca watch`: waits for what arrives in `ricezione`, and goes on with the run it is for.
//!
//! The operating system says when a file arrives; between two arrivals this process sleeps.

mod changes;
mod news;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use ceralacca_hand_off::{self as hand_off, Answers, Arrival, ArrivalKind, HandOver};
use ceralacca_journal::Journal;
use ceralacca_kernel::lock::{FileLock, LockError};
use ceralacca_kernel::{
    Error, Exit, Folders, Page, Report, RunFilter, RunId, RunStatus, RunSummary, Store, Value,
};
use jiff::Timestamp;
use serde_json::json;

use super::{Context, run};
use crate::arguments::{Unattended, Watch};
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;
use crate::workspace::Workspace;
use changes::Changes;
use news::{newest, news};

pub(super) fn carry_out(context: &Context, watch: &Watch) -> Result<ExitCode, Error> {
    let workspace = context.program.workspace()?;
    if !workspace.settings.agency.hand_off {
        return Err(CliError::NothingToWatch.into());
    }
    let _lock = lock(&workspace)?;
    let unattended = Unattended {
        secrets: watch.secrets.clone(),
        approve: watch.approve,
        patience: Some("0s".to_owned()),
    };
    let terminal = Rc::new(Terminal::new(&unattended)?);
    let changes = Changes::begin(&workspace)?;
    let mut watching = Watching {
        context,
        workspace: &workspace,
        terminal,
        changes,
        tried: BTreeMap::new(),
        shown: BTreeSet::new(),
    };
    watching.greet();
    loop {
        for line in watching.changes.follow()? {
            watching.say(&line);
        }
        let standing = watching.look()?;
        if watch.until_done && standing.waiting == 0 {
            return Ok(watching.end(&standing));
        }
        // Nothing is drawn while it sleeps: that would be work.
        watching.terminal.clear();
        watching.changes.settle(standing.look_at)?;
    }
}

struct Watching<'a> {
    context: &'a Context,
    workspace: &'a Workspace,
    terminal: Rc<Terminal>,
    changes: Changes,
    /// What a run was last resumed for: nothing is tried twice for the same.
    tried: BTreeMap<RunId, String>,
    /// What lies unused, shown once.
    shown: BTreeSet<(PathBuf, String, String)>,
}

/// Where the runs stand that have handed something over.
#[derive(Default)]
struct Standing {
    /// How many still wait, or are worked on by another process.
    waiting: usize,
    /// Those that stopped with an error, and nothing new has come for them.
    failed: BTreeMap<RunId, Report>,
    /// When to look again although nothing changes.
    look_at: Option<Timestamp>,
}

impl Standing {
    fn look_again(&mut self, at: Option<Timestamp>) {
        self.look_at = self.look_at.into_iter().chain(at).min();
    }
}

/// What is known at one moment.
struct Known {
    folders: Folders,
    all: Vec<HandOver>,
    arrivals: Vec<Arrival>,
    journal: Journal,
}

impl Known {
    fn now(workspace: &Workspace) -> Result<Known, Error> {
        let folders = workspace.folders();
        Ok(Known {
            all: hand_off::list(&folders)?,
            arrivals: workspace.ricezione.look(),
            journal: Journal::open(&folders.state)?,
            folders,
        })
    }

    fn of_run(&self, run: RunId) -> Vec<&HandOver> {
        let name = run.to_string();
        self.all.iter().filter(|one| one.run == name).collect()
    }

    fn answers(&self) -> Answers<'_, '_> {
        Answers::new(&self.all, &self.arrivals)
    }
}

impl Watching<'_> {
    fn greet(&self) {
        self.say(&format!("Watching {}; Ctrl-C ends it", self.changes.ricezione().display()));
        if let Some(kind) = self.changes.network() {
            self.say(&format!(
                "it is on another computer ({kind}), which does not tell what others save there: looked at \
                 every 30 seconds"
            ));
        }
    }

    /// Goes on with every run whose answer is there.
    fn look(&mut self) -> Result<Standing, Error> {
        let known = Known::now(self.workspace)?;
        let mut standing = Standing::default();
        let settling = hand_off::settling(&known.all, &known.arrivals);
        let answers = known.answers();
        let mut by_run: BTreeMap<String, Vec<&HandOver>> = BTreeMap::new();
        for one in &known.all {
            by_run.entry(one.run.clone()).or_default().push(one);
        }
        let open = RunFilter { open: true, ..RunFilter::default() };
        for summary in &known.journal.runs(&open, Page::ALL)?.runs {
            let Some(of_run) = by_run.get(&summary.run.to_string()) else { continue };
            for one in of_run {
                standing.look_again(settling.get(&one.key).copied());
            }
            if summary.locked {
                standing.waiting += 1;
                self.changes.wait_for(summary.run);
                continue;
            }
            self.look_after(summary, of_run, &known.folders, &answers, &mut standing)?;
        }
        let unused = hand_off::unused(&known.folders, &known.all, &known.arrivals);
        self.show_unused(&unused, &known.arrivals, &mut standing);
        Ok(standing)
    }

    /// Goes on with one run, if there is something to go on with.
    fn look_after(
        &mut self,
        summary: &RunSummary,
        of_run: &[&HandOver],
        folders: &Folders,
        answers: &Answers<'_, '_>,
        standing: &mut Standing,
    ) -> Result<(), Error> {
        let reason = news(of_run, answers);
        if summary.status == RunStatus::Open && self.changes.was_let_go(summary.run) {
            // Whoever worked on it was interrupted.
            self.tried.remove(&summary.run);
        }
        let failed = match summary.status {
            RunStatus::Failed | RunStatus::OutcomeUnknown => summary.error.as_ref(),
            _ => None,
        };
        let failed = failed
            .map(|report| run::name_run(&report.clone().into(), summary.run).report().clone());
        if let Some(report) = failed.as_ref().filter(|_| !self.tried.contains_key(&summary.run)) {
            let is_new = newest(folders, of_run, answers) > Some(summary.last);
            // What this command was not given it may be given now; for anything else there must be news.
            if reason.is_none() || !(is_new || may_end_otherwise(report)) {
                self.say(&format!("run {} has stopped: {}", summary.run, in_a_line(report)));
                self.tried.insert(summary.run, reason.clone().unwrap_or_default());
            }
        }
        let tried = self.tried.get(&summary.run);
        if let Some(reason) = reason.filter(|reason| tried != Some(reason)) {
            self.tried.insert(summary.run, reason);
            return self.go_on(summary.run, standing);
        }
        match failed {
            Some(report) => drop(standing.failed.insert(summary.run, report)),
            None => standing.waiting += 1,
        }
        Ok(())
    }

    fn go_on(&mut self, id: RunId, standing: &mut Standing) -> Result<(), Error> {
        self.say(&format!("run {id} goes on"));
        let terminal = self.terminal.clone();
        let accept = run::Accept::default();
        let outcome = run::go_on(self.context, self.workspace, id, accept, terminal);
        self.context.program.keep_register();
        match outcome {
            Ok(result) => self.finished(id, &result),
            Err(error) if error.code() == "run.locked" => {
                // Another process was quicker.
                self.tried.remove(&id);
                standing.waiting += 1;
                self.changes.wait_for(id);
            }
            Err(error) => {
                let error = run::name_run(&error, id);
                self.tell(id, &error);
                match error.exit() {
                    Exit::Waiting => standing.waiting += 1,
                    _ => {
                        standing.failed.insert(id, error.report().clone());
                        self.take_as_seen(id)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the run has noted itself before it failed is no news to it.
    fn take_as_seen(&mut self, id: RunId) -> Result<(), Error> {
        let known = Known::now(self.workspace)?;
        let (of_run, answers) = (known.of_run(id), known.answers());
        let this = RunFilter { run: Some(id), ..RunFilter::default() };
        let stopped = known.journal.runs(&this, Page::ALL)?.runs.pop();
        let newest = newest(&known.folders, &of_run, &answers);
        if stopped.is_some_and(|stopped| newest <= Some(stopped.last)) {
            let reason = news(&of_run, &answers);
            self.tried.insert(id, reason.unwrap_or_default());
        }
        Ok(())
    }

    fn finished(&self, id: RunId, result: &Value) {
        self.terminal.clear();
        run::finished(self.context, Some(id), result);
    }

    fn tell(&self, id: RunId, error: &Error) {
        match error.exit() {
            _ if self.context.json => output::json(&json!({ "run": id, "error": error.report() })),
            Exit::Waiting => self.say(&error.report().headline),
            _ => self.say(&error.to_string()),
        }
    }

    /// Shows what lies there unused, once it has been quiet for a while.
    fn show_unused(
        &mut self,
        unused: &[hand_off::Unused],
        arrivals: &[Arrival],
        standing: &mut Standing,
    ) {
        let loading = arrivals.iter().filter(|one| one.kind == ArrivalKind::Loading);
        let loading: BTreeSet<&PathBuf> = loading.map(|one| &one.path).collect();
        let mut shown = BTreeSet::new();
        for one in unused.iter().filter(|one| !loading.contains(&one.path)) {
            let once = (one.path.clone(), one.sha256.clone(), one.why.clone());
            if self.shown.contains(&once) {
                shown.insert(once);
            } else if one.quiet_at.is_some() {
                standing.look_again(one.quiet_at);
            } else {
                shown.insert(once);
                match self.context.json {
                    true => output::json(&json!({ "unused": one })),
                    false => self.say(&one.describe()),
                }
            }
        }
        self.shown = shown;
    }

    /// The last line, and the exit code: of the gravest that is left.
    fn end(&self, standing: &Standing) -> ExitCode {
        self.terminal.clear();
        let failed: Vec<_> = standing
            .failed
            .iter()
            .map(|(run, report)| json!({ "run": run, "error": report }))
            .collect();
        if self.context.json {
            output::json(&json!({ "status": "ended", "failed": failed }));
        } else if standing.failed.is_empty() {
            self.say("no run waits any more");
        }
        for (run, report) in &standing.failed {
            self.say(&format!("run {run} is not finished: {}", in_a_line(report)));
        }
        let gravest = |report: &&Report| match report.exit {
            Exit::Unknown => 0,
            Exit::Refused => 1,
            Exit::Usage | Exit::Waiting => 2,
        };
        let gravest = standing.failed.values().min_by_key(gravest);
        gravest.map_or(ExitCode::SUCCESS, |report| ExitCode::from(report.exit.code()))
    }

    fn say(&self, text: &str) {
        if !self.context.json {
            self.terminal.say(&format!("  {text}"));
        }
    }
}

/// Whether it was the command that was not given what it needs, a secret or an approval; or whether
/// going on is how one learns what has happened.
fn may_end_otherwise(report: &Report) -> bool {
    matches!(report.exit, Exit::Usage | Exit::Unknown) || report.code == "run.approval_needed"
}

fn in_a_line(report: &Report) -> String {
    format!("{} ({}); next: {}", report.headline, report.code, report.next)
}

fn lock(workspace: &Workspace) -> Result<FileLock, Error> {
    let path = workspace.state().join("watch.lock");
    let holder = format!("process {}", std::process::id());
    FileLock::acquire(&path, &holder).map_err(|error| match error {
        LockError::Held(holder) => CliError::Watched { holder }.into(),
        LockError::Io(error) => CliError::io(&path, &error).into(),
    })
}
