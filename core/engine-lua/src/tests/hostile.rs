//! Scripts that mean harm or nothing: each ends with a typed error; steps are counted, not seconds.

use ceralacca_kernel::{Engine, Value};
use proptest::prelude::*;

use super::{run, run_text, source};
use crate::Lua;

#[test]
fn hostile_scripts_end_with_a_typed_error() {
    let hostile = include_str!("hostile.lua.txt");
    for case in hostile.split("\n---\n") {
        let (code, body) = case.trim().split_once('\n').unwrap();
        let code = code.trim_start_matches("-- ");
        let outcome = run(body).0;
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
    let long = format!("return 1 -- {}", "x".repeat(300_000));
    let deep = format!("return {}1{}", "(".repeat(9_000), ")".repeat(9_000));
    let tables = format!("return {}{}", "{".repeat(9_000), "}".repeat(9_000));
    let blocks = format!("{}{}", "do ".repeat(9_000), "end ".repeat(9_000));
    let functions = format!("{}{}", "f(function() ".repeat(5_000), "end) ".repeat(5_000));
    let minus = format!("return {}1", "- ".repeat(20_000));
    let concat = format!("return {}1", "1 ..".repeat(20_000));
    let ifs = format!("if a then {} end", "elseif b then ".repeat(9_000));
    let types = format!("local x: {}number{} = 1", "{".repeat(9_000), "}".repeat(9_000));
    let brackets = format!("return a{}", "[a".repeat(9_000));
    for text in [long, deep, tables, blocks, functions, minus, concat, ifs, types, brackets] {
        let error = run_text(&text, Value::Null).0.unwrap_err();
        assert!(
            ["script.limit", "script.syntax", "script.unknown_name", "script.failed"]
                .contains(&error.code()),
            "{error}\n{}",
            &text[..40]
        );
        assert_eq!(Lua.declaration(&source(&text)).unwrap_err().code(), error.code());
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
        let _ = Lua.declaration(&source(&text));
        let _ = run(&text);
    }
}

const WORDS: &[&str] = &[
    "function",
    "local",
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
    ":",
    ",",
    ";",
    "if",
    "then",
    "else",
    "elseif",
    "end",
    "end",
    "for",
    "in",
    "do",
    "while",
    "repeat",
    "until",
    "break",
    "return",
    "pcall(",
    "error(",
    "1",
    "2.5",
    "\"a\"",
    "`{",
    "}`",
    "true",
    "nil",
    "environment.create()",
    "environment.fail()",
    "environment.echo(",
    "stage(",
    ".folder",
    "pairs(x)",
    "next,",
    "table.sort(",
    "setmetatable(",
    "..",
    "...",
    "\u{e9}",
    "--[[",
    "]]",
    "--\n",
    "type",
    "continue",
    "not",
    "#",
];
