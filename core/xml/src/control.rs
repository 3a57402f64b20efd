//! *Controlla*: checks a communication against the schema and the rules before it is sent.

use std::collections::BTreeSet;

use ceralacca_identity::CodiceFiscale;
use ceralacca_signing::Trust;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::finding::{Placed, Positions};
use crate::reading::{Draft, is_communication};
use crate::xml_text::{Keep, Limits};
use crate::{Deadlines, DocumentTypes, Finding, Problem, Schema, rules};

/// What a communication is checked against.
#[derive(Clone, Copy, Debug)]
pub struct ControlContext<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The known types of documents.
    pub tipi: &'a DocumentTypes,
    /// The deadlines.
    pub scadenze: &'a Deadlines,
    /// When it is checked.
    pub at: Timestamp,
    /// Whom the signature of the mark may rest on.
    pub trust: &'a Trust,
    /// Who will transmit it, where that is known.
    pub sender: Option<&'a CodiceFiscale>,
    /// How much of a file is read.
    pub limits: Limits,
}

impl ControlContext<'_> {
    /// The day in Italy.
    pub(crate) fn today(&self) -> Date {
        let rome = TimeZone::get("Europe/Rome").expect("the time zones are in the program");
        self.at.to_zoned(rome).date()
    }
}

/// Everything that is found in a file, the worst first, else in the order of the file.
///
/// UNVERIFIED: the Agency's own control module is not public. Severities and rules are ours, from
/// what its article and the public sources say.
pub fn control(bytes: &[u8], context: &ControlContext<'_>) -> Vec<Finding> {
    let limits = &context.limits;
    let pass = context.schema.pass(bytes, Keep::Elements, limits);
    let mut problems = pass.problems;
    if let Some(root) = &pass.root {
        let ours = root.namespace.as_ref() == context.schema.target_namespace();
        if is_communication(root) && ours {
            let mut content = Vec::new();
            let draft = Draft::read(root, &mut content);
            rules::apply(&draft, context, &mut content);
            merge(&mut problems, content);
        } else {
            let found = format!("{{{}}}{}", root.namespace, root.name);
            let by_schema = problems.iter().any(|placed| placed.problem.blocks());
            let problem = match by_schema {
                true => Problem::NotACommunication { found },
                false => Problem::RulesNotApplied { found },
            };
            merge(&mut problems, vec![Placed::at(problem, root.offset)]);
        }
    }
    problems.sort_by_key(|placed| {
        (std::cmp::Reverse(placed.problem.severity()), placed.offset.unwrap_or(usize::MAX))
    });
    let most = limits.findings;
    if problems.len() > most {
        problems.truncate(most);
        problems.push(Placed::nowhere(Problem::More { limit: most as u64 }));
    }
    let mut positions = Positions::new(bytes);
    problems.into_iter().map(|placed| positions.finding(placed)).collect()
}

/// Where a rule says in plain words what is wrong, the schema need not say it again.
fn merge(problems: &mut Vec<Placed>, content: Vec<Placed>) {
    let misplaced: BTreeSet<usize> = problems
        .iter()
        .filter(|placed| placed.problem.is_of_schema(MISPLACED))
        .filter_map(|placed| placed.offset)
        .collect();
    let mut parents: BTreeSet<String> = BTreeSet::new();
    problems.retain(|placed| {
        if !placed.problem.is_of_schema("") {
            return true;
        }
        // The schema names the parent where the rules name the element itself.
        let structure = STRUCTURE.iter().any(|start| placed.problem.is_of_schema(start));
        let said =
            content.iter().filter(|rule| rule.problem.blocks()).any(|rule| match structure {
                true => rule.offset == placed.offset,
                false => rule.path == placed.path,
            });
        // An element that may not stand there is then also said not to be declared.
        let again = placed.problem.is_of_schema(UNDECLARED)
            && placed.offset.is_some_and(|offset| misplaced.contains(&offset));
        // After the first element out of place, those that follow it are too.
        let follows = placed.problem.is_of_schema(MISPLACED)
            && !parents.insert(placed.path.clone().unwrap_or_default());
        !said && !again && !follows
    });
    problems.extend(content);
}

const MISPLACED: &str = "cvc-complex-type.2.4";
const UNDECLARED: &str = "cvc-elt.1";

/// Constraints of XML Schema on what may stand where, by how they begin.
const STRUCTURE: [&str; 4] =
    [UNDECLARED, "cvc-complex-type.2", "cvc-complex-type.3.2", "cvc-complex-type.4"];
