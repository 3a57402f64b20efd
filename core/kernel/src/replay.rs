//! What a run did before: the steps that the journal holds, matched by position, name and arguments.

use jiff::Timestamp;
use serde::Serialize;

use crate::call_record::describe_call;
use crate::store::CallRecord;
use crate::{Entry, Error, Explain, HeldRun, JournalEvent, Outcome, Report};

/// Where the recorded steps of a run are: their entries are read again as the script comes to them.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    steps: Vec<Place>,
}

/// A step's last entry, and when its first was written.
#[derive(Debug)]
struct Place {
    sequence: u64,
    first: Timestamp,
    is_open: bool,
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
        (0..).zip(&self.steps).filter(|(_, place)| place.is_open).map(|(step, _)| step)
    }

    /// Takes the next entry; a later one for a step replaces an earlier one.
    pub(crate) fn add(&mut self, entry: &Entry) {
        let (step, is_open) = match &entry.event {
            JournalEvent::Stage { step, .. } => (*step, false),
            JournalEvent::Intent(call) | JournalEvent::Waiting { call, .. } => (call.step, true),
            JournalEvent::Ended { call, .. } => (call.step, false),
            _ => return,
        };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        let place = Place { sequence: entry.sequence, first: entry.at, is_open };
        match self.steps.get_mut(step) {
            Some(earlier) => *earlier = Place { first: earlier.first, ..place },
            None => self.steps.push(place),
        }
    }

    /// When the last step failed over what the steps before it fetched, those are left out: they are
    /// carried out again. `fetches` says it of a primitive.
    pub(crate) fn leave_out_what_is_to_blame(
        &mut self,
        held: &dyn HeldRun,
        fetches: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        if !self.last(held)?.is_some_and(|step| step.blames_what_was_fetched()) {
            return Ok(());
        }
        self.steps.pop();
        while self.last(held)?.is_some_and(|step| step.can_be_fetched_again(&fetches)) {
            self.steps.pop();
        }
        Ok(())
    }

    fn last(&self, held: &dyn HeldRun) -> Result<Option<Recorded>, Error> {
        match self.steps.len().checked_sub(1) {
            Some(last) => self.step(last as u64, held),
            None => Ok(None),
        }
    }

    /// The step at a position.
    pub(crate) fn step(
        &self,
        position: u64,
        held: &dyn HeldRun,
    ) -> Result<Option<Recorded>, Error> {
        let place = usize::try_from(position).ok().and_then(|position| self.steps.get(position));
        let Some(&Place { sequence, first, .. }) = place else { return Ok(None) };
        let (call, state) = match held.entry(sequence)?.event {
            JournalEvent::Stage { title, .. } => return Ok(Some(Recorded::Stage { title })),
            JournalEvent::Intent(call) => (call, CallState::Intended),
            JournalEvent::Waiting { call, .. } => (call, CallState::Waiting),
            JournalEvent::Ended { call, outcome } => (call, CallState::Ended(Box::new(outcome))),
            _ => return Ok(None),
        };
        Ok(Some(Recorded::Call { call, first, state }))
    }

    /// Whether nothing was recorded after this position.
    pub(crate) fn is_last(&self, position: u64) -> bool {
        position + 1 == self.steps.len() as u64
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
