//! Relative paths of a run: they start where it began, whatever folder it goes on from; the journal names
//! what lies in the workspace from there.

use std::fs;
use std::path::Path;

use crate::stage::{self, Finished, Stage, golden, restrict, run};
use ceralacca::signing::DigestAlgorithm::Sha256;
use serde_json::{Value, json};

/// The same in both languages: two files of a list and one by itself, with a stop in between.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "prova.rhai",
        r#"//! Prova.
const WORKFLOW = #{
    summary: "Prova", uses: ["inspect", "prompt"],
    input: #{
        files: #{ type: "list", prompt: "File" },
        file: #{ type: "file", prompt: "File" },
    },
};
fn run(input) {
    let first = inspect::document(input.files[0]);
    prompt::secret("password");
    let taken = inspect::document(input.files[1]);
    let again = inspect::impronta("uno.txt");
    #{ first: first, taken: taken, again: again, file: input.file, alone: inspect::impronta(input.file) }
}
"#,
    ),
    (
        "prova.lua",
        r#"--- Prova.
local workflow = {
  summary = "Prova", uses = { "inspect", "prompt" },
  input = {
    files = { type = "list", prompt = "File" },
    file = { type = "file", prompt = "File" },
  },
}
function workflow.run(input)
  local first = inspect.document(input.files[1])
  prompt.secret "password"
  local taken = inspect.document(input.files[2])
  local again = inspect.impronta("uno.txt")
  return { first = first, taken = taken, again = again, file = input.file, alone = inspect.impronta(input.file) }
end
return workflow
"#,
    ),
];

#[test]
fn a_run_that_goes_on_from_elsewhere_means_the_same_files() {
    for (script, text) in SCRIPTS {
        let stage = Stage::embedded();
        let elsewhere = tempfile::tempdir().unwrap();
        let inside = stage.path("lotto");
        fs::create_dir(&inside).unwrap();
        fs::write(stage.path(script), text).unwrap();
        let secrets = stage.path("segreti.toml");
        fs::write(&secrets, "password = \"Canarino42Zeta\"\n").unwrap();
        restrict(&secrets);
        // Everywhere the same names with other contents: whoever looks in the wrong place is seen.
        let folders = [stage.folder.path(), &inside, elsewhere.path()];
        for (number, folder) in folders.iter().enumerate() {
            for name in ["uno.txt", "due.txt", "tre.txt"] {
                fs::write(folder.join(name), format!("{number} {name}")).unwrap();
            }
        }
        for (began, begin) in folders.iter().enumerate() {
            let inputs = ["files=uno.txt, due.txt", "file=tre.txt"];
            let script = stage.path(script).display().to_string();
            let stopped = at(&stage, begin, &[&["run", &script, "--json"][..], &inputs].concat());
            assert_eq!(stopped.error_code(), "secret.not_given", "{}", stopped.stdout);
            let number = (began + 1).to_string();
            let go_on = folders[(began + 1) % folders.len()];
            let secrets = secrets.display().to_string();
            let resume = ["resume", &number, "--secrets", &secrets, "--json"];
            let result = at(&stage, go_on, &resume).json()["result"].take();
            let digest = |name: &str| hex(&Sha256.digest(format!("{began} {name}").as_bytes()));
            assert_eq!(result["first"]["id"]["sha256"], digest("uno.txt"), "{script}, {began}");
            assert_eq!(result["taken"]["id"]["sha256"], digest("due.txt"), "{script}, {began}");
            assert_eq!(result["again"], digest("uno.txt"), "{script}, {began}");
            assert_eq!(result["alone"], digest("tre.txt"), "{script}, {began}");
            let whole = |name: &str| json!(begin.join(name).display().to_string());
            assert_eq!(result["file"], whole("tre.txt"), "a script sees whole paths");
            assert_eq!(result["taken"]["id"]["path"], whole("due.txt"), "and so do people");
        }
        journaled(&stage, elsewhere.path());
    }
}

/// What the journal has of the three runs, which began in the workspace, in a folder of it and outside.
fn journaled(stage: &Stage, elsewhere: &Path) {
    let outside = elsewhere.display().to_string();
    let begins = [("./", "./"), ("./lotto", "./lotto/"), (&outside, &format!("{outside}/"))];
    for (number, (folder, before)) in (1..).zip(begins) {
        let journal = stage.journal();
        let of_run = journal.iter().filter(|entry| entry["run"] == number);
        let events: Vec<&Value> = of_run.map(|entry| &entry["event"]).collect();
        let started = &events[0]["started"];
        assert_eq!(started["folder"], folder, "{number}");
        assert_eq!(started["input"]["files"], json!(["uno.txt", "due.txt"]), "{number}");
        assert_eq!(started["input"]["file"], format!("{before}tre.txt"), "{number}");
        let handles: Vec<&Value> =
            events.iter().map(|event| &event["ended"]["outcome"]["ok"]).collect();
        let path = |handle: &&Value| handle["id"]["path"].as_str().map(str::to_owned);
        let paths: Vec<String> = handles.iter().filter_map(path).collect();
        assert_eq!(paths, [format!("{before}uno.txt"), format!("{before}due.txt")], "{number}");
        let finished = &events.last().unwrap()["finished"]["result"];
        assert_eq!(finished["first"]["id"]["path"], format!("{before}uno.txt"), "{number}");
    }
}

/// What begins with `./` by itself stays what was typed.
#[test]
fn a_text_that_looks_like_a_path_of_the_journal_stays_as_it_was_typed() {
    let stage = Stage::embedded();
    let text = r#"//! Prova.
const WORKFLOW = #{ summary: "Prova", uses: [], input: #{ text: "Testo" } };
fn run(input) { input.text }
"#;
    fs::write(stage.path("prova.rhai"), text).unwrap();
    let root = stage.folder.path().display().to_string();
    let (below, twice) = (format!("{root}/uno"), format!("{root}/./uno"));
    for typed in ["./uno", "././uno", ".", "./", &root, &below, &twice] {
        let finished = stage.run(&["run", "./prova.rhai", "--json", &format!("text={typed}")]);
        assert_eq!(finished.json()["result"], typed);
    }
}

#[test]
fn listing_the_environments_of_a_folder_that_is_missing_is_refused() {
    let rhai = r#"//! Prova.
const WORKFLOW = #{ summary: "Prova", uses: ["environment"], input: #{} };
fn run(input) { environment::list("manca") }
"#;
    let lua = r#"--- Prova.
local workflow = { summary = "Prova", uses = { "environment" }, input = {} }
function workflow.run(input) return environment.list("manca") end
return workflow
"#;
    for (script, text) in [("prova.rhai", rhai), ("prova.lua", lua)] {
        let stage = Stage::embedded();
        fs::write(stage.path(script), text).unwrap();
        let refused = stage.run(&["run", &format!("./{script}")]);
        assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
        let start = refused.stderr.find("error[").unwrap();
        let root = stage.folder.path().display().to_string();
        let said =
            golden::steady(&refused.stderr[start..], &[(&root, "WORKSPACE"), (script, "SCRIPT")]);
        // Where in the script it was differs between the languages.
        let said: String = said
            .lines()
            .filter(|line| !line.contains("SCRIPT:"))
            .fold(String::new(), |text, line| text + line + "\n");
        golden::check("tests/errors/environment.no_folder.txt", &said);
        // An empty one is no reason to stop.
        fs::create_dir(stage.path("manca")).unwrap();
        stage.run(&["run", &format!("./{script}")]).expect_success();
    }
}

/// Two pages with one title: both are kept, and a run that goes on after the first makes no third.
#[test]
fn pages_of_one_title_stand_beside_each_other() {
    let rhai = r#"//! Prova.
const WORKFLOW = #{ summary: "Prova", uses: ["prompt"], input: #{} };
fn run(input) {
    let first = prompt::summary("Riepilogo", [["Lotto", "1"], ["Lotto", "2"]]);
    let second = prompt::summary("Riepilogo", [["Lotto", "3"]]);
    [first, second]
}
"#;
    let lua = r#"--- Prova.
local workflow = { summary = "Prova", uses = { "prompt" }, input = {} }
function workflow.run(input)
  local first = prompt.summary("Riepilogo", { { "Lotto", "1" }, { "Lotto", "2" } })
  local second = prompt.summary("Riepilogo", { { "Lotto", "3" } })
  return { first, second }
end
return workflow
"#;
    for (script, text) in [("prova.rhai", rhai), ("prova.lua", lua)] {
        let stage = Stage::embedded();
        fs::write(stage.path(script), text).unwrap();
        let account = &stage::Account {
            codice_fiscale: String::new(),
            utente: String::new(),
            numero_busta: String::new(),
            secrets_file: stage.path("segreti.toml"),
            secrets: Default::default(),
        };
        fs::write(&account.secrets_file, "").unwrap();
        restrict(&account.secrets_file);
        let begin = ["run".to_owned(), format!("./{script}")];
        let killed = stage::kill::killed_in_turn(&stage, account, &begin, 1);
        assert!(killed.count() > 5 && killed.ended == Some(0), "{script}: {}", killed.count());
        let folder = stage.path("Documenti/riepiloghi");
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["1-riepilogo-2.txt", "1-riepilogo.txt"], "{script}");
        let page = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let first = page("1-riepilogo.txt");
        assert!(first.contains("Lotto  1\n  Lotto  2\n"), "{script}: {first}");
        assert!(page("1-riepilogo-2.txt").contains("Lotto  3\n"), "{script}");
    }
}

/// The program for the workspace of `stage`, from another folder.
fn at(stage: &Stage, folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = stage.command(arguments);
    command.arg("--workspace").arg(stage.folder.path()).current_dir(folder);
    run(&mut command)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
