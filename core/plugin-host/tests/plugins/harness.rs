//! Chooses and runs the cases, as cargo and nextest ask for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;

#[path = "calling.rs"]
mod calling;
#[path = "keeping.rs"]
mod keeping;
#[path = "../runtime/judge.rs"]
mod runtime;
#[path = "scene.rs"]
mod scene;

/// A case of a workspace.
pub(crate) type Named = (&'static str, fn());
type Case = (&'static str, Box<dyn Fn()>);

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("plugin-worker") => {
            return ExitCode::from(u8::try_from(ceralacca_plugin_host::worker_main()).unwrap_or(1));
        }
        Some(runtime::HOST_THAT_WAITS) => {
            runtime::waiting_host();
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    if let [first, root, library] = arguments.as_slice()
        && first == keeping::INSTALL
    {
        keeping::install_in(root.as_ref(), library.as_ref());
        return ExitCode::SUCCESS;
    }
    let told = |word: &str| arguments.iter().any(|argument| argument == word);
    let wanted: Vec<_> =
        arguments.iter().filter(|word| !word.starts_with("--") && *word != "terse").collect();
    let is_wanted = |name: &str, word: &str| match told("--exact") {
        true => name == word,
        false => name.contains(word),
    };
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|word| is_wanted(name, word));
    let cases: Vec<Case> = all().into_iter().filter(|(name, _)| chosen(name)).collect();
    if told("--list") {
        // None of them is ignored.
        let listed = if told("--ignored") { &[] } else { &cases[..] };
        listed.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, case) in &cases {
        let outcome = catch_unwind(AssertUnwindSafe(case));
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        failed += u32::from(outcome.is_err());
    }
    let passed = cases.len() - failed as usize;
    println!("\ntest result: {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every case with its name.
fn all() -> Vec<Case> {
    let of_a_workspace = keeping::CASES.iter().chain(calling::CASES);
    let mut all: Vec<Case> =
        of_a_workspace.map(|(name, case)| (*name, Box::new(*case) as Box<dyn Fn()>)).collect();
    let workshop = Rc::new(runtime::Workshop::open());
    for (name, case) in runtime::CASES {
        let workshop = Rc::clone(&workshop);
        all.push((name, Box::new(move || case(&workshop))));
    }
    all
}
