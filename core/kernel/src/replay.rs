//! What a run did before: the steps that the journal holds, matched by position, name and arguments.

use jiff::Timestamp;
use serde::Serialize;

use crate::call_record::describe_call;
use crate::store::CallRecord;
use crate::{Entry, Explain, JournalEvent, Outcome, Report};

/// The recorded steps of a run.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    steps: Vec<Recorded>,
}

/// A step that the journal holds.
#[derive(Clone, Debug)]
pub(crate) enum Recorded {
    Stage { title: String },
    Call { call: CallRecord, first: Timestamp, state: CallState },
}

/// How far a recorded call came.
#[derive(Clone, Debug)]
pub(crate) enum CallState {
    /// Its intent is written, its outcome is not.
    Intended,
    /// It was waiting.
    Waiting,
    /// It ended.
    Ended(Box<Outcome>),
}

impl Replay {
    /// The steps that were begun and of which the journal does not hold how they ended.
    pub(crate) fn open_intents(&self) -> impl Iterator<Item = u64> {
        self.steps.iter().filter_map(|step| match step {
            Recorded::Call { call, state: CallState::Intended | CallState::Waiting, .. } => {
                Some(call.step)
            }
            _ => None,
        })
    }

    /// Gathers the steps; a later entry for a step replaces an earlier one.
    ///
    /// When the last step failed over what the steps before it fetched, those are left out: they are
    /// carried out again. `fetches` says it of a primitive.
    pub(crate) fn new(entries: &[Entry], fetches: impl Fn(&str) -> bool) -> Replay {
        let mut steps: Vec<Recorded> = Vec::new();
        for entry in entries {
            let (step, recorded) = match &entry.event {
                JournalEvent::Stage { step, title } => {
                    (*step, Recorded::Stage { title: title.clone() })
                }
                JournalEvent::Intent(call) => {
                    (call.step, recorded_call(call, entry.at, CallState::Intended))
                }
                JournalEvent::Waiting { call, .. } => {
                    (call.step, recorded_call(call, entry.at, CallState::Waiting))
                }
                JournalEvent::Ended { call, outcome } => {
                    let state = CallState::Ended(Box::new(outcome.clone()));
                    (call.step, recorded_call(call, entry.at, state))
                }
                _ => continue,
            };
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            match steps.get_mut(step) {
                Some(earlier) => *earlier = keep_first_time(earlier, recorded),
                None => steps.push(recorded),
            }
        }
        if steps.last().is_some_and(Recorded::blames_what_was_fetched) {
            steps.pop();
            while steps.pop_if(|step| step.can_be_fetched_again(&fetches)).is_some() {}
        }
        Replay { steps }
    }

    /// The step at a position.
    pub(crate) fn step(&self, position: u64) -> Option<&Recorded> {
        self.steps.get(usize::try_from(position).ok()?)
    }

    /// Whether nothing was recorded after this position.
    pub(crate) fn is_last(&self, position: u64) -> bool {
        position + 1 == self.steps.len() as u64
    }
}

fn recorded_call(call: &CallRecord, at: Timestamp, state: CallState) -> Recorded {
    Recorded::Call { call: call.clone(), first: at, state }
}

fn keep_first_time(earlier: &Recorded, later: Recorded) -> Recorded {
    match (earlier, later) {
        (Recorded::Call { first, .. }, Recorded::Call { call, state, .. }) => {
            Recorded::Call { call, first: *first, state }
        }
        (_, later) => later,
    }
}

impl Recorded {
    fn blames_what_was_fetched(&self) -> bool {
        let Recorded::Call { state: CallState::Ended(outcome), .. } = self else { return false };
        matches!(&**outcome, Outcome::Error(report) if report.fetch_again)
    }

    fn can_be_fetched_again(&self, fetches: impl Fn(&str) -> bool) -> bool {
        match self {
            Recorded::Stage { .. } => true,
            Recorded::Call { call, .. } => fetches(&call.primitive),
        }
    }

    /// The step in words, for an error that shows both sides.
    pub(crate) fn describe(&self) -> String {
        match self {
            Recorded::Stage { title } => format!("stage \"{title}\""),
            Recorded::Call { call, .. } => describe_call(call),
        }
    }
}

/// The script did something else than the journal says it did.
#[derive(Debug, Serialize)]
pub(crate) struct Diverged {
    pub(crate) step: u64,
    pub(crate) recorded: String,
    pub(crate) now: String,
}

impl Diverged {
    pub(crate) fn new(step: u64, recorded: &Recorded, call: &CallRecord) -> Diverged {
        let (mut recorded_text, mut now) = (recorded.describe(), describe_call(call));
        // What is written short for people may differ in what is left out.
        if let Recorded::Call { call: earlier, .. } = recorded
            && recorded_text == now
        {
            recorded_text.push_str(&format!(", arguments {}", earlier.arguments_sha256));
            now.push_str(&format!(", arguments {}", call.arguments_sha256));
        }
        Diverged { step, recorded: recorded_text, now }
    }
}

impl Explain for Diverged {
    fn explain(&self) -> Report {
        Report::refused(
            "run.diverged",
            format!("step {} of the workflow is not what the journal holds", self.step + 1),
        )
        .expected(&self.recorded)
        .found(&self.now)
        .state("this step was not carried out")
        .next("resume with the script the run began with: ceralacca resume RUN --recorded")
    }
}
