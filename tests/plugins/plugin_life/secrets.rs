//! A secret that a plugin was given is in its memory and nowhere else.

use std::fs;
use std::path::Path;

use super::install::version;
use crate::hostile::scene::{CANARY, SECRET, Scene, spawned, until, workers};
use crate::stage::say;

#[test]
fn a_secret_is_in_nobodys_reach() {
    let scene = Scene::with_folder(&version("secrets", "1.0.0"), "");
    let mut program = spawned(&mut scene.script_command("outside::holds_secret()", &[]));
    until("it holds the secret", || scene.stage.path("outside/holds").exists());
    let workers = workers(program.id());
    assert_eq!(workers.len(), 1);
    for process in [workers[0], program.id()] {
        for file in ["cmdline", "environ"] {
            let found = fs::read(format!("/proc/{process}/{file}")).unwrap();
            let text = String::from_utf8_lossy(&found);
            assert!(!text.contains(SECRET), "{file} of {process}");
        }
    }
    let worker = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", workers[0])).unwrap();
    assert!(!worker("environ").contains(CANARY), "the program's environment is not its own");
    assert!(worker("environ").is_empty());
    // No core file, and its memory is shown to nobody of the same user.
    let limits = worker("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    assert_eq!(owner(&format!("/proc/{}/environ", workers[0])), 0);
    let status = worker("status");
    for expected in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(expected), "{expected} is not in {status}");
    }
    without_secret(scene.stage.folder.path());
    fs::write(scene.stage.path("outside/release"), "").unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(0));
    without_secret(scene.stage.folder.path());
    scene.verify();
    say("a secret was in no command line, environment, file or journal entry");
}

/// Whom the kernel lets look at a process: its user, or only root when nobody may.
fn owner(path: &str) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).unwrap())
}

/// No file below holds the secret, but the one that it was given in.
fn without_secret(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            without_secret(&path);
        } else if path.file_name().unwrap() != "secrets.toml" {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
