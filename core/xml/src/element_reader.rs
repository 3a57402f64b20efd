//! Taking elements apart: which children and attributes are there and should be, what they hold.

use std::collections::BTreeMap;

use crate::Problem;
use crate::finding::Placed;
use crate::xml_text::Element;

/// How often an element may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurs {
    Once,
    AtMostOnce,
    Any,
}

/// A value and where it was.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) offset: usize,
    pub(crate) path: String,
}

impl<T> Found<T> {
    pub(crate) fn at(element: &Element, path: &str, value: T) -> Found<T> {
        Found { value, offset: element.offset, path: path.to_owned() }
    }

    /// A problem at this place.
    pub(crate) fn problem(&self, problem: Problem) -> Placed {
        Placed { problem, offset: Some(self.offset), path: Some(self.path.clone()) }
    }
}

/// Reads elements of one namespace and collects what is wrong with them.
pub(crate) struct ElementReader<'a> {
    namespace: &'a str,
    problems: &'a mut Vec<Placed>,
}

/// More than are ever listed; what a hostile file has beyond that takes no memory.
const MOST_PROBLEMS: usize = 1_000;

/// Attributes of this namespace say where a schema is; they are not content.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

impl<'a> ElementReader<'a> {
    pub(crate) fn new(namespace: &'a str, problems: &'a mut Vec<Placed>) -> ElementReader<'a> {
        ElementReader { namespace, problems }
    }

    /// Notes a problem at an element.
    pub(crate) fn problem(&mut self, problem: Problem, element: &Element, path: &str) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let (offset, path) = (Some(element.offset), Some(path.to_owned()));
        self.problems.push(Placed { problem, offset, path });
    }

    /// The children that belong there, with their paths; each in its order and as often as it may.
    pub(crate) fn children<'e>(
        &mut self,
        element: &'e Element,
        path: &str,
        known: &[(&str, Occurs)],
    ) -> Vec<(&'e Element, String)> {
        if !element.text.trim().is_empty() {
            self.problem(Problem::Unexpected { name: "text".to_owned() }, element, path);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut reached = 0;
        let mut taken = Vec::new();
        for child in &element.children {
            let count = counts.entry(&child.name).or_default();
            *count += 1;
            let child_path = match *count {
                1 => format!("{path}/{}", child.name),
                number => format!("{path}/{}[{number}]", child.name),
            };
            let place = known.iter().position(|(name, _)| *name == child.name);
            match place {
                Some(place)
                    if child.namespace.as_ref() == self.namespace
                        && place >= reached
                        && (*count == 1 || known[place].1 == Occurs::Any) =>
                {
                    reached = place;
                    taken.push((child, child_path));
                }
                _ => {
                    let name = child.name.clone();
                    self.problem(Problem::Unexpected { name }, child, &child_path);
                }
            }
        }
        for (name, occurs) in known {
            if *occurs == Occurs::Once && !counts.contains_key(name) {
                self.problem(Problem::Missing { name: (*name).to_owned() }, element, path);
            }
        }
        taken
    }

    /// As [`ElementReader::children`] for an element that has text and no children.
    pub(crate) fn children_with_text(&mut self, element: &Element, path: &str) {
        for child in &element.children {
            let name = child.name.clone();
            self.problem(Problem::Unexpected { name }, child, &format!("{path}/{}", child.name));
        }
    }

    /// Notes attributes that do not belong there and those that are missing.
    pub(crate) fn attributes(&mut self, element: &Element, path: &str, known: &[&str]) {
        for (namespace, name, _) in &element.attributes {
            let location = name == "schemaLocation" || name == "noNamespaceSchemaLocation";
            let belongs = match namespace.as_ref() {
                "" => known.contains(&name.as_str()),
                XSI => location,
                _ => false,
            };
            if !belongs {
                let path = format!("{path}/@{name}");
                self.problem(Problem::Unexpected { name: name.clone() }, element, &path);
            }
        }
        for name in known {
            if attribute(element, name).is_none() {
                let path = format!("{path}/@{name}");
                self.problem(Problem::Missing { name: (*name).to_owned() }, element, &path);
            }
        }
    }

    /// The value of an attribute that is there; a wrong one is noted.
    pub(crate) fn attribute<T>(
        &mut self,
        element: &Element,
        path: &str,
        name: &str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        match read(attribute(element, name)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(problem, element, &format!("{path}/@{name}"));
                None
            }
        }
    }

    /// The value of an element without attributes and children; a wrong one is noted.
    pub(crate) fn value<T>(
        &mut self,
        element: &Element,
        path: &str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Found<T>> {
        self.attributes(element, path, &[]);
        self.children_with_text(element, path);
        match read(&element.text) {
            Ok(value) => Some(Found::at(element, path, value)),
            Err(problem) => {
                self.problem(problem, element, path);
                None
            }
        }
    }
}

fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    element
        .attributes
        .iter()
        .find(|(namespace, known, _)| namespace.is_empty() && known == name)
        .map(|(_, _, value)| value.as_str())
}
