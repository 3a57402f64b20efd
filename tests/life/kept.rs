//! Workspaces that earlier releases left, kept as they were: they open, verify and go on.
//!
//! `tests/kept/make.py` made them with the programs of those releases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stage::person::Person;
use crate::stage::{Account, Finished, PROGRAM, Served, Stage, judge, restrict, run};
use serde_json::Value;

/// The kept ones.
const RELEASES: [&str; 1] = ["0.1.0"];
/// The runs in each of them, and what the program says of them.
const RUNS: [(&str, &str); 9] = [
    ("setup_environment", "finished"),
    ("file_impronta", "finished"),
    ("file_impronta", "waiting"),
    ("file_impronta", "outcome_unknown"),
    // The machine died while it was sending.
    ("file_impronta", "open"),
    ("file_impronta", "failed"),
    ("file_impronta", "abandoned"),
    // With a person, who has not uploaded the first and has uploaded the second.
    ("send_file", "waiting"),
    ("file_impronta", "waiting"),
];
const CODICE_FISCALE: &str = "20009000009";

#[test]
fn what_earlier_releases_left_is_read_and_not_changed() {
    for release in RELEASES {
        let kept = Kept::unpacked(release);
        let before = contents(kept.stage.folder.path());
        let status = kept.stage.run(&["status", "--json"]);
        assert_eq!(status.code, Some(3), "{release}: {}{}", status.stdout, status.stderr);
        assert!(before == contents(kept.stage.folder.path()), "{release}: status only looks");
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status["runs"].as_array().unwrap().len(), 6, "{release}: {status:#}");
        let next = status["next"].as_array().unwrap();
        let code = |code: &str| next.iter().filter(|todo| todo["code"] == code).count();
        assert_eq!(code("run.outcome_unknown"), 1, "{release}: {status:#}");
        assert_eq!(code("run.interrupted"), 1, "{release}: {status:#}");
        assert_eq!(code("hand_off.to_be_done"), 1, "{release}: {status:#}");
        assert_eq!(code("hand_off.receipt_awaited"), 1, "{release}: {status:#}");

        kept.stage.run(&["journal", "verify"]).expect_success();
        assert_eq!(kept.runs(), RUNS.map(|(name, status)| (name.to_owned(), status.to_owned())));
        let listed = kept.stage.run(&["receipts", "--json"]).json();
        let rows = listed["receipts"].as_array().unwrap();
        let read = rows.iter().filter(|row| row["receipt"] == "letta").count();
        assert_eq!((rows.len(), read), (4, 1), "{release}: {listed:#}");
        assert_eq!(listed["problems"], serde_json::json!([]), "{release}");
        kept.stage.run(&["receipts", "--verify"]).expect_success();
        kept.stage.run(&["journal", "verify"]).expect_success();
    }
}

#[test]
fn what_earlier_releases_began_goes_on_and_is_sent_once() {
    if !judge::called("resuming kept workspaces, by unshare") {
        return;
    }
    for release in RELEASES {
        let kept = Kept::unpacked(release);
        let served = Served::start_in(kept.sandbox());
        kept.through(&format!("gateway = \"{}\"", served.url));
        let (sent, marks) = (served.communications(), served.marks());
        for over in ["1", "2", "7"] {
            let refused = kept.resumed(over);
            assert_eq!(refused.code, Some(2), "{release}, {over}: {}", refused.stdout);
        }
        for arrived in ["3", "4", "5"] {
            kept.resumed(arrived).expect_success();
            assert_eq!(served.communications(), sent, "{release}: run {arrived} had been sent");
        }
        kept.resumed("6").expect_success();
        assert_eq!(served.communications(), sent + 1, "{release}: run 6 had not been sent");
        assert_eq!(served.marks(), marks, "{release}: every mark had been bought");

        kept.through("hand_off = true\nca = [\"ca.cer\"]");
        let account = kept.account();
        let person = Person::new(&served, &account);
        kept.at_its_place(&["confirm", "8", "--protocollo", "26112200000000777"]).expect_success();
        kept.stage.deliver("26112200000000777.bin", b"\x01\x02 a format of its own");
        assert_eq!(kept.resumed("8").error_code(), "receipt.opaque", "{release}");
        kept.at_its_place(&["confirm", "8", "--accepted"]).expect_success();
        kept.resumed("8").expect_success();
        let filed = kept.confirmed("9");
        kept.stage.deliver(&format!("{filed}.rcc"), &person.fetch(&filed, &format!("{filed}.rcc")));
        kept.resumed("9").expect_success();
        assert_eq!(served.communications(), sent + 1, "{release}: by hand nothing is sent");

        let over = |(_, status): &(String, String)| ["finished", "abandoned"].contains(&&**status);
        assert!(kept.runs().iter().all(over), "{release}: {:?}", kept.runs());
        kept.at_its_place(&["journal", "verify"]).expect_success();
        let listed = kept.at_its_place(&["receipts", "--verify", "--json"]).json();
        let rows = listed["receipts"].as_array().unwrap();
        let done = rows.iter().filter(|row| row["stato"] == "ELABORATO").count();
        assert_eq!((rows.len(), done), (8, 8), "{release}: {listed:#}");
        let status = kept.at_its_place(&["status"]);
        assert_eq!(status.code, Some(0), "{release}: {}", status.stdout);
    }
}

/// A kept workspace, unpacked.
struct Kept {
    release: &'static str,
    stage: Stage,
}

impl Kept {
    fn unpacked(release: &'static str) -> Kept {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        let kept = Kept { release, stage };
        kept.unpack("workspace", kept.stage.folder.path());
        fs::copy(kept.file("toml"), kept.stage.path("segreti.toml")).unwrap();
        restrict(&kept.stage.path("segreti.toml"));
        kept
    }

    /// The state of its sandbox.
    fn sandbox(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        self.unpack("sandbox", folder.path());
        folder
    }

    fn file(&self, ending: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
        folder.join(format!("{}.{ending}", self.release))
    }

    fn unpack(&self, member: &str, into: &Path) {
        let mut tar = Command::new("tar");
        tar.args(["--strip-components=1", "--no-same-owner", "-xzf"]).arg(self.file("tar.gz"));
        run(tar.arg("-C").arg(into).arg(member)).expect_success();
    }

    /// Has these lines in the place of what the settings say of the agency.
    fn through(&self, agency: &str) {
        let settings = fs::read_to_string(self.stage.path("ceralacca.toml")).unwrap();
        let of_agency = ["gateway = ", "hand_off = ", "ca = "];
        let is_kept = |line: &&str| !of_agency.iter().any(|name| line.starts_with(name));
        let kept: Vec<&str> = settings.lines().filter(is_kept).collect();
        let text = kept.join("\n").replace("\n[agency]\n", &format!("\n[agency]\n{agency}\n"));
        fs::write(self.stage.path("ceralacca.toml"), text).unwrap();
    }

    /// The program, in the folder that the journal names: a copy is mounted there.
    fn at_its_place(&self, arguments: &[&str]) -> Finished {
        let inside = "mount -t tmpfs kept /mnt && mkdir /mnt/workspace && \
                      mount --bind \"$0\" /mnt/workspace && cd /mnt/workspace && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", inside]);
        command.arg(self.stage.folder.path()).arg(PROGRAM).args(arguments).stdin(Stdio::null());
        run(&mut command)
    }

    /// A run goes on with its own script: the shipped one may have changed since.
    fn resumed(&self, number: &str) -> Finished {
        let unattended = ["--approve", "--patience", "0s", "--secrets", "segreti.toml", "--json"];
        self.at_its_place(&[&["resume", number, "--recorded"][..], &unattended].concat())
    }

    /// Name and status of each run.
    fn runs(&self) -> Vec<(String, String)> {
        let mut runs: Vec<Value> =
            self.stage.run(&["runs", "--json"]).json().as_array().unwrap().clone();
        runs.sort_by_key(|run| run["run"].as_u64());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        runs.iter().map(|run| (text(&run["workflow"]), text(&run["status"]))).collect()
    }

    /// The number with which a person confirmed a run.
    fn confirmed(&self, number: &str) -> String {
        let listed = self.stage.run(&["receipts", "--json"]).json();
        let rows = listed["receipts"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["run"].as_u64() == number.parse().ok()).unwrap();
        row["protocollo"].as_str().unwrap().to_owned()
    }

    fn account(&self) -> Account {
        let text = fs::read_to_string(self.file("toml")).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(" = "));
        let secret = |text: &str| serde_json::from_str(text).unwrap();
        let secrets: BTreeMap<String, String> =
            lines.map(|(name, text)| (name.to_owned(), secret(text))).collect();
        Account {
            codice_fiscale: CODICE_FISCALE.to_owned(),
            utente: format!("{CODICE_FISCALE}-000"),
            numero_busta: String::new(),
            secrets_file: self.stage.path("segreti.toml"),
            secrets,
        }
    }
}

/// Every file below a folder, with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    found
}
