//! Whether one header only adds to another: then what was built with the earlier one goes on working.

use super::read::{Header, Struct};

const MINOR: &str = "CERALACCA_ABI_MINOR";

/// What the later header changes that it must not; empty when it only adds.
pub(crate) fn broken(earlier: &Header, later: &Header) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, value) in earlier.constants.iter().filter(|(name, _)| *name != MINOR) {
        match later.constants.get(name) {
            None => problems.push(format!("{name} is gone")),
            Some(other) if other != value => {
                problems.push(format!("{name} was {value} and is {other}"));
            }
            Some(_) => {}
        }
    }
    for structure in &earlier.structures {
        match later.structure(&structure.name) {
            None => problems.push(format!("{} is gone", structure.name)),
            Some(other) => compare(earlier, structure, other, &mut problems),
        }
    }
    for export in earlier.exports.iter().filter(|export| !later.exports.contains(export)) {
        problems.push(format!("{export} is gone"));
    }
    if minor(later) < minor(earlier) {
        problems.push(format!("{MINOR} went back"));
    }
    if minor(later) == minor(earlier) && adds(earlier, later) {
        problems.push(format!("something was added, and {MINOR} did not grow"));
    }
    problems
}

fn compare(earlier: &Header, structure: &Struct, later: &Struct, problems: &mut Vec<String>) {
    let name = &structure.name;
    for (at, field) in structure.fields.iter().enumerate() {
        match later.fields.get(at) {
            None => problems.push(format!("{name}.{} is gone", field.name)),
            Some(other) if other != field => problems.push(format!(
                "{name}: `{} {}` was where `{} {}` is",
                field.kind, field.name, other.kind, other.name
            )),
            Some(_) => {}
        }
    }
    let grown = later.fields.len() > structure.fields.len();
    if grown && passed_whole(earlier, name) {
        problems.push(format!("{name} has no size of its own and cannot grow"));
    }
}

/// Whether a structure is part of others, or passed to functions, without a pointer.
fn passed_whole(header: &Header, name: &str) -> bool {
    let whole = format!("struct {name}");
    let fields = header.structures.iter().flat_map(|structure| &structure.fields);
    fields.map(|field| field.kind.as_str()).any(|kind| {
        kind.match_indices(&whole).any(|(at, _)| {
            let after = &kind[at + whole.len()..];
            let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            ends && !after.trim_start().starts_with('*')
        })
    })
}

fn minor(header: &Header) -> Option<u16> {
    header.constants.get(MINOR)?.parse().ok()
}

fn adds(earlier: &Header, later: &Header) -> bool {
    let fields =
        |header: &Header| header.structures.iter().map(|it| it.fields.len()).sum::<usize>();
    later.constants.len() > earlier.constants.len()
        || later.structures.len() > earlier.structures.len()
        || fields(later) > fields(earlier)
        || later.exports.len() > earlier.exports.len()
}
