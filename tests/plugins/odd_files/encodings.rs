//! Text as other programs save it: with a byte order mark and the line ends of Windows it is read, and
//! UTF-16 is named.

use std::fs;

use crate::stage::{Stage, restrict};

const LUA: &str = "local workflow = { summary = \"x\", uses = {}, input = {} }\n\n\
                   function workflow.run(input)\n  stage \"Uno\"\n  return { ended = true }\nend\n\n\
                   return workflow\n";
const INDEX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/index_archive.lua");

/// As Windows saves it.
fn marked(text: &str) -> Vec<u8> {
    format!("\u{feff}{}", text.replace('\n', "\r\n")).into_bytes()
}

fn utf16(text: &str, swapped: bool) -> Vec<u8> {
    let of = |unit: u16| if swapped { unit.to_be_bytes() } else { unit.to_le_bytes() };
    format!("\u{feff}{text}").encode_utf16().flat_map(of).collect()
}

#[test]
fn text_is_read_as_other_programs_save_it() {
    let stage = Stage::embedded();
    fs::create_dir(stage.path("archivio")).unwrap();
    fs::write(stage.path("archivio/uno.txt"), "1").unwrap();
    let norms =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/core/keystore/data/norme.toml"));
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let settings = format!("norme = \"norme.toml\"\n{settings}");
    fs::write(stage.path("norme.toml"), norms.as_deref().unwrap()).unwrap();
    fs::write(stage.path("ceralacca.toml"), &settings).unwrap();
    fs::write(stage.path("mio.rhai"), super::SCRIPT).unwrap();
    fs::write(stage.path("s.toml"), "password = \"x\"\n").unwrap();
    restrict(&stage.path("s.toml"));
    let secrets: &[&str] = &["run", "./mio.rhai", "--secrets", "s.toml"];
    let cases: [(&str, &str, &[&str]); 7] = [
        ("ceralacca.toml", &settings, &["status"]),
        ("norme.toml", norms.as_deref().unwrap(), &["certificates"]),
        ("s.toml", "password = \"x\"\n", secrets),
        ("mio.rhai", super::SCRIPT, &["run", "./mio.rhai"]),
        ("mio.lua", LUA, &["run", "./mio.lua"]),
        ("plugins.lock", "# nothing yet\n", &["plugin", "list"]),
        ("archivio/lista.txt", "uno.txt\n", &["run", INDEX, "archive=archivio/lista.txt"]),
    ];
    for (name, text, arguments) in cases {
        let path = stage.path(name);
        let run = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            stage.run(arguments)
        };
        let plain = run(text.as_bytes());
        let as_windows = run(&marked(text));
        assert_eq!(as_windows.code, plain.code, "{name}\n{}", as_windows.stderr);
        assert!(!as_windows.stderr.contains(name), "{name}\n{}", as_windows.stderr);
        for swapped in [false, true] {
            let refused = run(&utf16(text, swapped));
            assert!(matches!(refused.code, Some(1 | 2)), "{name} {:?}", refused.code);
            let said = refused.stderr;
            assert!(said.contains("UTF-16") && said.contains("save it as UTF-8"), "{name}\n{said}");
        }
        run(text.as_bytes());
    }
}
