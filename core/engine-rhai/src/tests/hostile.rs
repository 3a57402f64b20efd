//! Scripts that mean harm or nothing: each ends with a typed error; steps are counted, not seconds.

use ceralacca_kernel::{Engine, Value};
use proptest::prelude::*;

use super::{run, run_text, source};
use crate::Rhai;

#[test]
fn hostile_scripts_end_with_a_typed_error() {
    let hostile = include_str!("hostile.rhai.txt");
    for case in hostile.split("\n---\n") {
        let (code, body) = case.trim().split_once('\n').unwrap();
        let code = code.trim_start_matches("// ");
        let text = match body.contains("fn run(") {
            true => body.to_owned(),
            false => format!("fn run(input) {{\n{body}\n}}"),
        };
        let outcome = run_text(&text, Value::Null).0;
        let found = match &outcome {
            Ok(_) => "done",
            Err(error) => error.code(),
        };
        assert_eq!(found, code, "{body}\n{outcome:?}");
        println!("{found:14} {}", body.lines().next().unwrap_or_default());
    }
}

#[test]
fn long_and_deep_texts_are_refused() {
    let long = format!("fn run(input) {{}} // {}", "x".repeat(300_000));
    let deep = format!("fn run(input) {{ {}1{} }}", "(".repeat(5_000), ")".repeat(5_000));
    let lists = format!("fn run(input) {{ {}{} }}", "[".repeat(5_000), "]".repeat(5_000));
    let blocks = format!("fn run(input) {{ {}{} }}", "{".repeat(5_000), "}".repeat(5_000));
    let minus = format!("fn run(input) {{ {}1 }}", "-".repeat(5_000));
    let not = format!("fn run(input) {{ {}true }}", "!".repeat(5_000));
    let ifs = format!("fn run(input) {{ {} }}", "if true {} else ".repeat(5_000) + "{}");
    let closures = format!("fn run(input) {{ {}1 }}", "|x| ".repeat(5_000));
    for text in [long, deep, lists, blocks, minus, not, ifs, closures] {
        let error = run_text(&text, Value::Null).0.unwrap_err();
        assert!(
            ["script.limit", "script.syntax"].contains(&error.code()),
            "{error}\n{}",
            &text[..40]
        );
        assert_eq!(Rhai.declaration(&source(&text)).unwrap_err().code(), error.code());
    }
}

#[test]
fn the_deepest_scripts_fit_the_stack() {
    for n in 1..40 {
        for (open, close) in [("if true { ", " }"), ("(1 + [#{a: ", "}])"), ("[1].map(|y| ", ")")] {
            let (open, close) = (open.repeat(n), close.repeat(n));
            let text = format!("fn f(x) {{ {open}f(x + 1){close} }} fn run(input) {{ f(0) }}");
            assert_eq!(run_text(&text, Value::Null).0.unwrap_err().code(), "script.limit");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing that can be typed makes the engine panic.
    #[test]
    fn any_words_end_in_a_value_or_a_typed_error(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..40)
    ) {
        let text = words.join(" ");
        let _ = Rhai.declaration(&source(&text));
        let _ = run(&text);
    }
}

const WORDS: &[&str] = &[
    "fn",
    "let",
    "const",
    "x",
    "y",
    "x",
    "=",
    "+",
    "-",
    "*",
    "==",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "#{",
    ":",
    ",",
    ";",
    ";",
    "|",
    "||",
    "if",
    "else",
    "for",
    "in",
    "while",
    "loop",
    "break",
    "return",
    "throw",
    "try",
    "catch",
    "1",
    "2.5",
    "\"a\"",
    "'c'",
    "`${",
    "}`",
    "true",
    "()",
    "environment::create()",
    "environment::fail()",
    "environment::echo(",
    "stage(",
    ".folder",
    ".map(",
    ".push(",
    "Fn(",
    "curry",
    "call",
    "0..3",
    "switch",
    "=>",
    "_",
    "\u{e9}",
    "/*",
    "//\n",
];
