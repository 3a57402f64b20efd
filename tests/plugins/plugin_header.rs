//! The C header of the contract is made from its Rust, compiles clean, and only ever grows.
//!
//! Compilers and `make` are called only when `CERALACCA_JUDGES` is set (see `tests/run`).

mod additive;
mod read;
mod written;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use read::Header;

use crate::stage::judge::called;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn include() -> PathBuf {
    root().join("plugins/sdk/include")
}

/// Every header that was ever released, the earliest first.
fn history() -> Vec<PathBuf> {
    let folder = fs::read_dir(include().join("history")).unwrap();
    let mut headers: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    headers.sort();
    assert!(!headers.is_empty());
    headers
}

fn read_header(path: &Path) -> Header {
    let text = fs::read_to_string(path).unwrap();
    Header::read(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

#[test]
fn the_committed_headers_are_those_of_the_contract() {
    let headers = [
        ("ceralacca_plugin.h", written::stable(root())),
        ("ceralacca_plugin_draft.h", written::draft(root())),
    ];
    for (name, text) in headers {
        let path = include().join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{}; UPDATE_GOLDEN=1 rewrites it:\n{text}", path.display());
    }
}

#[test]
fn the_headers_compile_clean_in_c99_and_in_cpp17() {
    if !called("the headers by compilers") {
        return;
    }
    let source = "#include \"ceralacca_plugin.h\"\n\
                  #include \"ceralacca_plugin_draft.h\"\n\
                  #include \"ceralacca_cbor.h\"\n\
                  extern const char manifest[];\n\
                  const char manifest[] = CERALACCA_MANIFEST({ \"name\": \"x, y\" });\n";
    for (compiler, standard, file) in [("cc", "-std=c99", "x.c"), ("c++", "-std=c++17", "x.cpp")] {
        compile(compiler, standard, file, source, &include()).unwrap();
    }
    for header in history() {
        let source = format!("#include \"{}\"\n", header.display());
        compile("cc", "-std=c99", "x.c", &source, &include()).unwrap();
        compile("c++", "-std=c++17", "x.cpp", &source, &include()).unwrap();
    }
}

#[test]
fn the_layout_is_asserted_by_the_compiler() {
    if !called("the layout by a compiler") {
        return;
    }
    let header = fs::read_to_string(include().join("ceralacca_plugin.h")).unwrap();
    let other = header.replacen("    uint32_t operation;\n", "    uint64_t operation;\n", 1);
    assert_ne!(header, other);
    let error = compile("cc", "-std=c99", "x.c", &other, &include()).unwrap_err();
    assert!(error.contains("ceralacca_layout_call"), "{error}");
}

fn compile(
    compiler: &str,
    standard: &str,
    file: &str,
    source: &str,
    include: &Path,
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), source).unwrap();
    let output = Command::new(compiler)
        .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "-o", "x.o"])
        .arg("-I")
        .arg(include)
        .arg(file)
        .current_dir(folder.path())
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{compiler} {standard}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_earlier_header_is_only_added_to() {
    let current = read_header(&include().join("ceralacca_plugin.h"));
    assert!(current.structures.len() >= 7 && current.constants.len() >= 20, "{current:?}");
    for path in history() {
        let problems = additive::broken(&read_header(&path), &current);
        assert!(problems.is_empty(), "since {}:\n{}", path.display(), problems.join("\n"));
    }
    let version = |name: &str| current.constants[name].clone();
    let version = [version("CERALACCA_ABI_MAJOR"), version("CERALACCA_ABI_MINOR")].join("_");
    let frozen = include().join(format!("history/ceralacca_plugin_{version}.h"));
    assert!(frozen.exists(), "{} is missing: a version is frozen as it is made", frozen.display());
}

/// What a change replaces in the header, by what, and a word of the reason it is refused for.
const REFUSED: [(&str, &str, &str, &str); 17] = [
    ("a field removed", "    uint64_t id;\n", "", "ceralacca_call"),
    ("the last field removed", GET_EXTENSION, "", "ceralacca_plugin.get_extension is gone"),
    ("a field retyped", "uint32_t operation;", "uint64_t operation;", "uint32_t operation"),
    ("a field renamed", "uint32_t operation;", "uint32_t what;", "uint32_t what"),
    ("a constness lost", "const uint8_t *data;", "uint8_t *data;", "ceralacca_bytes"),
    (
        "a field put between",
        "    uint64_t id;\n",
        "    uint64_t at;\n    uint64_t id;\n",
        "uint64_t at",
    ),
    ("a constant changed", "CERALACCA_UNKNOWN 3", "CERALACCA_UNKNOWN 4", "was 3 and is 4"),
    ("a constant removed", "#define CERALACCA_NOT_DONE 4\n", "", "CERALACCA_NOT_DONE is gone"),
    ("another major", "CERALACCA_ABI_MAJOR 1", "CERALACCA_ABI_MAJOR 2", "CERALACCA_ABI_MAJOR"),
    ("another magic", "CERALACCA_MAGIC 4", "CERALACCA_MAGIC 5", "CERALACCA_MAGIC"),
    ("a text changed", "ceralacca.secret/1\"", "ceralacca.secret/2\"", "EXTENSION_SECRET"),
    ("a parameter added", "const char *name);", "const char *name, int32_t x);", "get_extension"),
    ("a result changed", "int32_t (*create)", "int64_t (*create)", "create"),
    ("a parameter retyped", "int32_t status,", "int64_t status,", "reply"),
    ("the export renamed", "ceralacca_plugin_entry;", "ceralacca_entry_2;", "is gone"),
    ("bytes grown", "size_t length;\n}", "size_t length;\n    size_t room;\n}", "cannot grow"),
    ("added without a minor", "CERALACCA_OK 0", "CERALACCA_OK 0\n#define CERALACCA_NEW 9", "grow"),
];

const GET_EXTENSION: &str =
    "    const void *(*get_extension)(struct ceralacca_plugin *plugin, const char *name);\n";

#[test]
fn a_change_that_is_not_an_addition_is_refused() {
    for path in history() {
        let text = fs::read_to_string(&path).unwrap();
        let earlier = Header::read(&text).unwrap();
        assert_eq!(additive::broken(&earlier, &earlier), Vec::<String>::new());
        for (what, from, to, reason) in REFUSED {
            assert!(text.contains(from), "{what}: {from:?} is not in the header");
            let problems =
                additive::broken(&earlier, &Header::read(&text.replace(from, to)).unwrap());
            let named = problems.iter().any(|problem| problem.contains(reason));
            assert!(named, "{what}: {problems:?}");
        }
        let (one, other) = ("uint32_t operation;", "uint64_t id;");
        let swapped = text.replace(one, "\0").replace(other, one).replace('\0', other);
        let problems = additive::broken(&earlier, &Header::read(&swapped).unwrap());
        assert_eq!(problems.len(), 2, "two fields swapped: {problems:?}");
    }
}

#[test]
fn an_addition_is_let_through() {
    let text = fs::read_to_string(&history()[0]).unwrap();
    let earlier = Header::read(&text).unwrap();
    let grown = text
        .replace("CERALACCA_ABI_MINOR 0", "CERALACCA_ABI_MINOR 1\n#define CERALACCA_NEW 9")
        .replace(GET_EXTENSION, &format!("{GET_EXTENSION}    void (*pause)(void);\n"));
    let later = Header::read(&grown).unwrap();
    assert_ne!(earlier, later);
    assert_eq!(additive::broken(&earlier, &later), Vec::<String>::new());
    assert!(!additive::broken(&later, &earlier).is_empty(), "the way back is none");
}

/// Version skew: what was built with an earlier header runs on this program.
#[test]
fn a_plugin_built_with_every_earlier_header_runs_today() {
    if !called("plugins built with earlier headers") {
        return;
    }
    for header in history() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::copy(&header, at("ceralacca_plugin.h")).unwrap();
        fs::copy(include().join("ceralacca_cbor.h"), at("ceralacca_cbor.h")).unwrap();
        for file in ["Makefile", "example_c.c"] {
            fs::copy(root().join("plugins/example-c").join(file), at(file)).unwrap();
        }
        let make = Command::new("make").arg("INCLUDE=.").current_dir(folder.path()).output();
        let make = make.unwrap();
        assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let library = format!("{prefix}example_c{suffix}");
        let plugin = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_ceralacca"))
                .arg("plugin")
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{}: {arguments:?}: {said}", header.display());
            String::from_utf8(output.stdout).unwrap()
        };
        fs::write(at("example-c.json"), plugin(&["manifest", &library])).unwrap();
        let greeted = plugin(&["call", &library, "example_c::greet", "\"Ada\""]);
        assert_eq!(greeted, "Buongiorno, Ada!\n");
        let stamped = plugin(&["call", &library, "example_c::stamp", "\"Ada\""]);
        assert!(stamped.starts_with("Ada, 2"), "{stamped}");
        let checked = plugin(&["check", &library]);
        assert!(checked.ends_with("passed\n"), "{checked}");
    }
}

#[test]
fn what_is_no_header_of_this_form_is_not_read() {
    for text in ["int x", "int x;", "typedef struct a { int x; } b;", "/* ", "#pragma once\n"] {
        assert!(Header::read(text).is_err(), "{text}");
    }
}
