//! Writes the C header from the Rust contract: cbindgen for the declarations, the rest around them.

use std::fs;
use std::path::Path;

use cbindgen::{Builder, Config, Language, Style};

use super::read::{Header, Struct};

const CONTRACT: &str = "core/plugin-abi/src/lib.rs";
const DRAFT: &str = "core/plugin-abi/src/draft.rs";

/// Rust name and C name of each structure.
const STRUCTURES: [(&str, &str); 8] = [
    ("Bytes", "ceralacca_bytes"),
    ("Call", "ceralacca_call"),
    ("Host", "ceralacca_host"),
    ("Plugin", "ceralacca_plugin"),
    ("Entry", "ceralacca_entry"),
    ("SecretExtension", "ceralacca_secret_extension"),
    ("ProgressExtension", "ceralacca_progress_extension"),
    ("DraftShowExtension", "ceralacca_draft_show_extension"),
];

/// `ceralacca_plugin.h`.
pub(crate) fn stable(root: &Path) -> String {
    let source = fs::read_to_string(root.join(CONTRACT)).unwrap();
    let declarations = declarations(&root.join(CONTRACT), Some("DraftShowExtension"));
    let declarations = format!("{declarations}\n{}", text_constants(&source)).trim().to_owned();
    let assertions = assertions(&declarations);
    let body = format!("{BEFORE}\n{declarations}\n\n{AFTER}\n{assertions}");
    framed("CERALACCA_PLUGIN_H", &source, "#include <stddef.h>\n#include <stdint.h>\n", &body)
}

/// `ceralacca_plugin_draft.h`.
pub(crate) fn draft(root: &Path) -> String {
    let source = fs::read_to_string(root.join(DRAFT)).unwrap();
    let declarations = declarations(&root.join(DRAFT), None);
    let body = format!("{declarations}\n{}", text_constants(&source)).trim().to_owned() + "\n";
    framed("CERALACCA_PLUGIN_DRAFT_H", &source, "#include \"ceralacca_plugin.h\"\n", &body)
}

fn framed(guard: &str, source: &str, includes: &str, body: &str) -> String {
    let about: String = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .filter(|line| !line.contains("is made from this file"))
        .map(|line| format!(" *{line}\n"))
        .collect();
    let about = about.trim_end_matches(" *\n");
    let text = format!(
        "/*\n{about} *\n * Made from core/plugin-abi by tests/plugins: not to be edited.\n */\n\n\
         #ifndef {guard}\n#define {guard}\n\n{includes}\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n{body}\n\
         #ifdef __cplusplus\n}}\n#endif\n\n#endif /* {guard} */\n"
    );
    c_names(&text)
}

/// Constants and structures, as cbindgen writes them.
fn declarations(source: &Path, without: Option<&str>) -> String {
    let mut config = Config {
        language: Language::C,
        style: Style::Both,
        no_includes: true,
        usize_is_size_t: true,
        line_length: 100,
        tab_width: 4,
        ..Config::default()
    };
    config.export.prefix = Some("CERALACCA_".to_owned());
    config.export.renaming_overrides_prefixing = true;
    config.export.exclude.extend(without.map(str::to_owned));
    for (rust, c) in STRUCTURES {
        config.export.rename.insert(rust.to_owned(), c.to_owned());
        config.export.include.push(rust.to_owned());
    }
    let bindings = Builder::new().with_config(config).with_src(source).generate().unwrap();
    let mut written = Vec::new();
    bindings.write(&mut written);
    short_comments(&String::from_utf8(written).unwrap())
}

/// Puts a comment of one line on one line, and negative numbers into parentheses.
fn short_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut short = String::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let indent = &line[..line.len() - line.trim_start().len()];
        let one = line.trim() == "/**" && lines.get(at + 2).is_some_and(|end| end.trim() == "*/");
        if one {
            let words = lines[at + 1].trim().trim_start_matches("* ");
            short.push_str(&format!("{indent}/** {words} */\n"));
            at += 3;
            continue;
        }
        match line.strip_prefix("#define ").and_then(|define| define.split_once(" -")) {
            Some((name, number)) => short.push_str(&format!("#define {name} (-{number})\n")),
            None => short.push_str(&format!("{line}\n")),
        }
        at += 1;
    }
    short
}

/// `pub const NAME: &str = "…";` with its comment: cbindgen passes over text.
fn text_constants(source: &str) -> String {
    let mut written = String::new();
    let mut comment = Vec::new();
    for line in source.lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            comment.push(words);
            continue;
        }
        let constant =
            line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": &str = "));
        if let Some((name, value)) = constant {
            let comment = comment.join("\n * ");
            let value = value.trim_end_matches(';');
            written.push_str(&format!("/** {comment} */\n#define CERALACCA_{name} {value}\n\n"));
        }
        comment.clear();
    }
    written
}

/// The names in comments as C has them.
fn c_names(text: &str) -> String {
    let mut text = text.to_owned();
    for (rust, c) in STRUCTURES {
        text = text.replace(&format!("[`{rust}`]"), &format!("`{c}`"));
    }
    let constants: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define CERALACCA_")?.split([' ', '(']).next())
        .map(str::to_owned)
        .chain(["CALL", "DESCRIBE", "RECONCILE"].map(str::to_owned))
        .collect();
    for constant in constants {
        text = text.replace(&format!("`{constant}`"), &format!("`CERALACCA_{constant}`"));
    }
    text
}

/// The layout on 64-bit machines, for the compiler to agree with.
fn assertions(declarations: &str) -> String {
    let header = Header::read(declarations).unwrap();
    let mut text = String::from(
        "/* The layout on 64-bit machines is part of the contract: this does not compile elsewise. */\n\
         #if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu\n",
    );
    for structure in &header.structures {
        let Struct { name, fields } = structure;
        let short = name.trim_start_matches("ceralacca_");
        let (offsets, size) = header.layout(structure);
        for (field, offset) in fields.iter().zip(offsets) {
            let field = &field.name;
            text.push_str(&format!(
                "typedef char ceralacca_layout_{short}_{field}\
                 [offsetof({name}, {field}) == {offset} ? 1 : -1];\n"
            ));
        }
        text.push_str(&format!(
            "typedef char ceralacca_layout_{short}[sizeof({name}) == {size} ? 1 : -1];\n"
        ));
    }
    text.push_str("#endif\n");
    text
}

const BEFORE: &str = r#"/** What a plugin exports is marked with this. */
#if defined(_WIN32)
#define CERALACCA_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define CERALACCA_EXPORT __attribute__((visibility("default")))
#else
#define CERALACCA_EXPORT
#endif

/** The manifest as text, written as JSON without escaping: `CERALACCA_MANIFEST({ "name": "x" })`. */
#define CERALACCA_MANIFEST(...) #__VA_ARGS__
"#;

const AFTER: &str = "/** The one thing that a plugin exports; the plugin defines it. */
extern CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry;
";
