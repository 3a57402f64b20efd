//! As a new vendor would: the commands of `plugins/README.md`, typed one after the other in an empty
//! folder, give a plugin in Rust and one in C, checked, installed and called from a script.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage;
use crate::stage::golden;

const GUIDE: &str = "plugins/README.md";

#[test]
fn a_plugin_in_rust_by_the_guide() {
    follow("In Rust", "plugin_vendor_rust");
}

#[test]
fn a_plugin_in_c_by_the_guide() {
    if !stage::judge::called("the guide in C: cc, make") {
        return;
    }
    follow("In C", "plugin_vendor_c");
}

/// Types every `sh` block that leads to a section and those of the section, in one shell, in an empty
/// folder.
fn follow(section: &str, name: &str) {
    let guide = fs::read_to_string(GUIDE).unwrap();
    let commands = commands(&guide, section);
    assert!(
        commands.iter().any(|command| command.starts_with("ceralacca plugin new")),
        "{section}"
    );
    assert!(commands.iter().any(|command| command.contains(" run ./saluta")), "{section}");
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from("set -e\nexec 2>&1\n");
    for command in &commands {
        let shown = command.replace('\'', "'\\''");
        script.push_str(&format!("printf '%s\\n' '$ {shown}'\n{command}\n"));
    }
    let output = shell(folder.path(), &script);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{section}:\n{text}");
    let canonical = folder.path().canonicalize().unwrap().display().to_string();
    let given = folder.path().display().to_string();
    let steady = golden::steady(&text, &[(&canonical, "FOLDER"), (&given, "FOLDER")]);
    let steady: String = steady
        .lines()
        .filter(|line| !is_of_the_compiler(line))
        .map(|line| format!("{}\n", of_any_machine(line)))
        .collect();
    golden::check(&format!("tests/golden/{name}.transcript"), &steady);
}

/// The lines of the `sh` blocks before the first section and in this one, files written in place as
/// one command.
fn commands(guide: &str, section: &str) -> Vec<String> {
    let guide = guide.split("\n## A plugin in ten minutes\n").nth(1).unwrap();
    let guide = guide.split("\n## ").next().unwrap();
    let mut sections = guide.split("\n### ");
    let before = sections.next().unwrap();
    let wanted = sections.find(|text| text.lines().next() == Some(section));
    let text = format!("{before}\n{}", wanted.unwrap_or_else(|| panic!("no section {section}")));
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands: Vec<String> = Vec::new();
    let mut open = None;
    for line in blocks.flat_map(str::lines) {
        if let Some(end) = &open {
            let last = commands.last_mut().unwrap();
            last.push('\n');
            last.push_str(line);
            if line == end {
                open = None;
            }
        } else if !line.trim().is_empty() {
            // A file that is written in place: everything up to the word that ends it.
            open = line.split("<<'").nth(1).map(|rest| rest.split('\'').next().unwrap().to_owned());
            commands.push(line.to_owned());
        }
    }
    commands
}

fn shell(folder: &Path, script: &str) -> std::process::Output {
    let programs = Path::new(stage::PROGRAM).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let sdk = Path::new("plugins/sdk").canonicalize().unwrap();
    Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(folder)
        .env("PATH", format!("{programs}:{path}"))
        .env("CERALACCA_SDK", sdk)
        .env("XDG_CONFIG_HOME", folder.join(".config"))
        // The vendor's build is the vendor's own.
        .env_remove("CARGO_TARGET_DIR")
        // What it builds with is there already.
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_QUIET", "true")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What compilers say differs from machine to machine.
fn is_of_the_compiler(line: &str) -> bool {
    let line = line.trim_start();
    ["cc ", "gcc ", "make", "Compiling ", "Finished ", "Locking ", "Updating ", "Adding "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// How workers are confined differs from kernel to kernel, and memory from run to run.
fn of_any_machine(line: &str) -> &str {
    match line {
        line if line.contains("system calls") => "CONFINEMENT",
        line if line.contains(" KiB more after ") => {
            line.rsplit_once("  ").map_or(line, |(question, _)| question.trim_end())
        }
        line => line,
    }
}
