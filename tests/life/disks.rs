//! Media that are read-only, full, pulled out or not ours: typed errors, nothing half-written taken
//! for whole, and one request in the end.
//!
//! The media are mounts inside a namespace of their own (`unshare`), so these run only when
//! `CERALACCA_JUDGES` is set (see `tests/run`).

mod life;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::{
    self, Account, Finished, PROGRAM, Served, Stage, codice_fiscale, golden, judge, run,
};

/// A workspace whose environment's folder is on a medium.
struct Medium<'a> {
    served: &'a Served,
    /// Requests that the sandbox had before.
    before: u64,
    stage: Stage,
    account: Account,
}

impl Medium<'_> {
    fn new(served: &Served, number: u32) -> Medium<'_> {
        let stage = Stage::new(served);
        let account = served.account(&codice_fiscale(number));
        for folder in ["medium", "behind", "kept"] {
            fs::create_dir(stage.path(folder)).unwrap();
        }
        Medium { served, before: served.requests(), stage, account }
    }

    /// Runs a shell script that mounts what it needs. Its functions: `start` and `start_unapproved`
    /// run the workflow, `resume` goes on with it; the Nth leaves `N.out`, `N.err` and `N.code`.
    fn play(&self, script: &str) -> Vec<Finished> {
        let inputs = self.stage.setup_arguments("setup_environment", &self.account);
        let inputs = inputs.iter().filter(|argument| argument.contains('='));
        let quoted: Vec<String> = inputs.map(|argument| format!("'{argument}'")).collect();
        let secrets = self.account.secrets_file.display();
        let functions = format!(
            "start_unapproved() {{ say {PROGRAM} run setup_environment {} \
                 folder=\"$PWD/medium/ambiente\" --secrets '{secrets}' \"$@\"; }}
             start() {{ start_unapproved --approve; }}
             resume() {{ say {PROGRAM} resume 1 --approve --secrets '{secrets}'; }}",
            quoted.join(" "),
        );
        let keep = "rm -rf kept/ambiente
             [ ! -e medium/ambiente ] || cp -R medium/ambiente kept/ambiente";
        play(&self.stage, &format!("{functions}\n{script}\n{keep}"))
    }

    /// Holds an error against its golden file.
    fn check(&self, case: &str, finished: &Finished) {
        let start = finished.stderr.find("error[").unwrap_or_else(|| {
            panic!(
                "{case}: no error, code {:?}: {}{}",
                finished.code, finished.stdout, finished.stderr
            )
        });
        let code = finished.stderr[start + 6..].split(']').next().unwrap_or_default();
        assert!(case.starts_with(code), "{case}: {}", finished.stderr);
        assert_eq!(finished.code, Some(1), "{case}");
        let workspace = self.stage.folder.path().display().to_string();
        let text = golden::steady(&finished.stderr[start..], &[(&workspace, "WORKSPACE")]);
        golden::check(&format!("tests/errors/{case}.txt"), &without_lines(&text));
    }

    /// The three files open, and the Agency has one request.
    fn complete(&self, case: &str, finished: &Finished) {
        assert_eq!(finished.code, Some(0), "{case}: {}{}", finished.stdout, finished.stderr);
        let secrets = self.account.secrets_file.display().to_string();
        let folder = self.stage.path("kept/ambiente");
        let folder = folder.display().to_string();
        self.stage.run(&["certificates", &folder, "--secrets", &secrets]).expect_success();
        assert_eq!(names(Path::new(&folder)), ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{case}");
        assert_eq!(self.served.requests() - self.before, 1, "{case}: requests");
    }
}

/// Runs a shell script in the workspace, in a namespace of its own, where it may mount. Each `say`
/// runs a command and leaves what it said for the result.
pub fn play(stage: &Stage, script: &str) -> Vec<Finished> {
    let _ = fs::create_dir(stage.path("kept"));
    let text = format!(
        "set -u; cd '{}'; n=0; rm -f kept/*.code
         say() {{ n=$((n+1)); c=0; \"$@\" >kept/$n.out 2>kept/$n.err || c=$?
             echo $c >kept/$n.code; }}
         {script}",
        stage.folder.path().display(),
    );
    let shell = ["--map-root-user", "--mount", "sh", "-e", "-c", &text];
    let played = run(Command::new("unshare").args(shell));
    assert_eq!(played.code, Some(0), "{}{}\n{text}", played.stdout, played.stderr);
    let read = |number: usize, what: &str| {
        fs::read_to_string(stage.path(&format!("kept/{number}.{what}"))).unwrap()
    };
    let count = (1..).take_while(|number| stage.path(&format!("kept/{number}.code")).exists());
    count
        .map(|number| Finished {
            code: read(number, "code").trim().parse().ok(),
            stdout: read(number, "out"),
            stderr: read(number, "err"),
        })
        .collect()
}

/// A full medium: golden file, and how many pages of 4 KiB there are at first.
const PAGES: [(&str, u32); 8] = [
    ("environment.disk_full.marker", 1),
    ("environment.disk_full.firma_p8", 2),
    ("environment.disk_full.cifra_p8", 3),
    ("environment.disk_full.ca_p7b", 4),
    ("environment.disk_full.request", 5),
    ("environment.disk_full.utef_p12", 6),
    ("environment.disk_full.utec_p12", 8),
    ("environment.disk_full.utente_ks", 9),
];

#[test]
fn a_full_disk_is_said_to_be_full_and_more_space_mends_it() {
    if !judge::called("full media, by unshare") {
        return;
    }
    let served = Served::start();
    for (number, (case, pages)) in (71_000..).zip(PAGES) {
        let medium = Medium::new(&served, number);
        let played = medium.play(&format!(
            "mount -t tmpfs -o size={}k,mode=700 tmpfs medium
             start
             [ ! -e medium/ambiente/UTENTE.KS ]
             mount -o remount,size=1m medium
             resume",
            pages * 4
        ));
        medium.check(case, &played[0]);
        medium.complete(case, &played[1]);
    }
}

#[test]
fn a_read_only_medium_is_said_to_be_one() {
    if !judge::called("read-only media, by unshare") {
        return;
    }
    let served = Served::start();
    let medium = Medium::new(&served, 71_100);
    let played = medium.play(
        "mount --bind behind medium
         mount -o remount,ro,bind medium
         start
         mount -o remount,rw,bind medium
         resume",
    );
    medium.check("environment.disk_read_only", &played[0]);
    medium.complete("environment.disk_read_only", &played[1]);

    // The switch is flipped when the keys are made and the request is about to go out.
    let medium = Medium::new(&served, 71_101);
    let played = medium.play(
        "mount --bind behind medium
         start_unapproved
         mount -o remount,ro,bind medium
         resume
         [ ! -e medium/ambiente/UTEF.P12 ]
         mount -o remount,rw,bind medium
         resume",
    );
    assert_eq!(played[0].code, Some(1), "{}", played[0].stderr);
    medium.check("environment.disk_read_only.import", &played[1]);
    medium.complete("environment.disk_read_only.import", &played[2]);
}

#[test]
fn a_medium_that_was_pulled_out_is_missed() {
    if !judge::called("media that vanish, by unshare") {
        return;
    }
    let served = Served::start();
    let medium = Medium::new(&served, 71_200);
    let played = medium.play(
        "mount --bind behind medium
         start_unapproved
         umount medium
         resume
         [ -z \"$(ls -A medium)\" ]
         mount --bind behind medium
         resume",
    );
    medium.check("environment.disk_missing.pulled_out", &played[1]);
    medium.complete("environment.disk_missing.pulled_out", &played[2]);
}

#[test]
fn a_folder_of_somebody_else_is_not_ours_to_use() {
    if !judge::called("folders of other users, by unshare") {
        return;
    }
    let served = Served::start();
    let medium = Medium::new(&served, 71_300);
    let folder = medium.stage.path("medium").display().to_string();
    // Root may do anything but what belongs to a user whom its namespace does not know.
    let given_away = run(Command::new("chown").args(["12345:12345", &folder])).code == Some(0);
    if !given_away {
        stage::say("not judged: only root can give a folder away");
        return;
    }
    let played = medium.play("start");
    medium.check("environment.disk_permission", &played[0]);
    assert_eq!(served.requests(), 0);
    run(Command::new("chown").args(["0:0", &folder])).expect_success();
    let played = medium.play("resume");
    medium.complete("environment.disk_permission", &played[0]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Lines of the shipped script move; where an error stood is enough.
fn without_lines(text: &str) -> String {
    let mut parts = text.split("setup_environment.rhai:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let bare = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        format!("{text}setup_environment.rhai:LINE{bare}")
    })
}
