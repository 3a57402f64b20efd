//! A plugin that checks communications: `check/control`.

use std::sync::Arc;

use ceralacca_kernel::{Call, Effect, Error, Value, typed};
use ceralacca_xml::{DocumentCheck, Finding};
use jiff::Timestamp;

use super::operator::Operator;
use super::signer::done;
use crate::call::{CallAnswers, context};
use crate::connection::{Answers, Operation};
use crate::error::PluginError;
use crate::plugin::Plugin;

const CONTROL: &str = "check/control";

/// The most findings that a plugin may have about one file.
const MOST: usize = 1_000;

/// A plugin as a check of communications.
pub struct PluginCheck(Arc<Plugin>);

impl PluginCheck {
    /// The check of a plugin that has the seam.
    ///
    /// # Errors
    /// `plugin.no_seam`.
    pub fn new(plugin: Arc<Plugin>) -> Result<PluginCheck, Error> {
        if plugin.manifest().seams.check.is_none() {
            return Err(PluginError::no_seam(&plugin, "check").into());
        }
        Ok(PluginCheck(plugin))
    }

    /// What the plugin finds, outside of a run.
    ///
    /// # Errors
    /// The plugin's own, and what is wrong with its reply.
    pub fn control_alone(
        &self,
        at: Timestamp,
        file: &str,
        bytes: &[u8],
        operator: &Operator,
    ) -> Result<Vec<Finding>, Error> {
        let moment = Value::Str(at.to_string());
        let context = Value::from([
            ("key", Value::from("")),
            ("run", Value::Int(0)),
            ("run_key", Value::from("")),
            ("now", moment.clone()),
            ("since", moment),
        ]);
        let mut answers = operator.answers(self.0.manifest());
        self.ask(file, bytes, context, &mut answers)
    }

    fn ask(
        &self,
        file: &str,
        bytes: &[u8],
        context: Value,
        answers: &mut dyn Answers,
    ) -> Result<Vec<Finding>, Error> {
        let arguments = [asked(file, bytes)];
        let reply = self.0.call(Operation::Call, CONTROL, &arguments, context, answers)?;
        let wrong = |problem: String| PluginError::result(&self.0, CONTROL, problem);
        let findings: Vec<Finding> = typed::from_value(done(&self.0, CONTROL, reply)?)
            .map_err(|mismatch| wrong(mismatch.to_string()))?;
        if findings.len() > MOST {
            return Err(wrong(format!("{} findings; at most {MOST}", findings.len())).into());
        }
        let name = &self.0.manifest().name;
        Ok(findings.into_iter().map(|finding| readable(name, finding)).collect())
    }
}

impl DocumentCheck for PluginCheck {
    fn control(&self, call: &Call<'_>, file: &str, bytes: &[u8]) -> Result<Vec<Finding>, Error> {
        let mut answers = CallAnswers::new(call, &self.0, &[]);
        self.ask(file, bytes, context(call, Effect::Recorded), &mut answers)
    }
}

fn asked(file: &str, bytes: &[u8]) -> Value {
    Value::from([("file", Value::from(file)), ("bytes", Value::Bytes(bytes.to_vec()))])
}

/// Texts of a plugin reach a diagnostic that people read: no control characters, and whose they are.
fn readable(plugin: &str, finding: Finding) -> Finding {
    let clean = |text: &str| ceralacca_submission::printable(text, 500);
    let text = format!("{} ({plugin})", clean(&finding.text));
    Finding {
        code: clean(&finding.code),
        text,
        path: finding.path.as_deref().map(clean),
        ..finding
    }
}
