//! Full, read-only and missing media in the life of an environment, for receipts and by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{names, play};
use crate::stage::impronta::{Filing, copy};
use crate::stage::{Account, Finished, PIN_DI_REVOCA, PROGRAM, Served, Stage, codice_fiscale};
use crate::stage::{judge, say};

const NEW_PASSWORD: &str = "Passero77Beta";

/// A workspace with the environment in `behind`, for a medium to hold a copy of it.
fn stage_of(filing: &Filing<'_>) -> Stage {
    let stage = filing.stage();
    for folder in ["medium", "behind", "kept"] {
        fs::create_dir(stage.path(folder)).unwrap();
    }
    copy(&stage.path("ambiente"), &stage.path("behind/ambiente"));
    stage
}

/// Shell functions that run a workflow, go on with run 1 and show the certificates in a folder.
fn functions(account: &Account, workflow: &str) -> String {
    let secrets = account.secrets_file.display();
    format!(
        "start_unapproved() {{ say {PROGRAM} run {workflow} --secrets '{secrets}' \"$@\"; }}
         start() {{ start_unapproved --approve; }}
         resume() {{ say {PROGRAM} resume 1 --approve --secrets '{secrets}' \"$@\"; }}
         show() {{ say {PROGRAM} certificates --secrets '{secrets}' \"$@\"; }}
         small() {{ mount -t tmpfs -o size=$1k,mode=700 tmpfs medium; \
             cp -R behind/. medium; }}
         keep() {{ rm -rf kept/medium; cp -R medium kept/medium; }}\n"
    )
}

/// Pages of 4 KiB that the files of a folder take.
fn pages(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len().div_ceil(4096)).sum()
}

fn code(finished: &Finished) -> String {
    let said = finished.stderr.replace("waiting[", "error[");
    let rest = said.split("error[").nth(1).unwrap_or_default();
    rest.split(']').next().unwrap_or_default().to_owned()
}

/// Refused in one of these words, with a next step.
fn refused(case: &str, finished: &Finished, codes: &[&str]) {
    let said = format!("{case}: {:?} {}{}", finished.code, finished.stdout, finished.stderr);
    assert_eq!(finished.code, Some(1), "{said}");
    assert!(codes.contains(&code(finished).as_str()), "{said}");
    assert!(finished.stderr.contains("\n  next      "), "{said}");
}

fn done(case: &str, finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{case}: {}{}", finished.stdout, finished.stderr);
}

/// Every file below a folder, by its name without the folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

#[test]
fn a_password_is_changed_on_a_medium_that_is_full_or_read_only() {
    if !judge::called("change_password on full media, by unshare") {
        return;
    }
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(71_400));
    filing.account.set("password", Some(NEW_PASSWORD));
    let mut new = filing.account.clone();
    new.secrets_file = filing.account.secrets_file.with_file_name("new.toml");
    new.set("password_esistente", Some(NEW_PASSWORD));
    let functions = functions(&filing.account, "change_password folder=\"$PWD/medium/ambiente\"");
    let full = pages(&filing.stage().path("ambiente"));
    let (mut stopped, mut begun) = (0, 0);
    for more in 0.. {
        let stage = stage_of(&filing);
        let case = format!("change_password with {more} pages left");
        let played = play(
            &stage,
            &format!(
                "{functions} small {}; start; show medium/ambiente
                 mount -o remount,size=1m medium; resume; keep",
                (full + more) * 4
            ),
        );
        if played[0].code == Some(0) {
            break;
        }
        stopped += 1;
        refused(&case, &played[0], &["environment.disk_full"]);
        // Either nothing has begun, or it is said who has begun.
        if played[1].code != Some(0) {
            begun += 1;
            refused(&case, &played[1], &["environment.password_change"]);
        }
        done(&case, &played[2]);
        let folder = stage.path("kept/medium/ambiente");
        assert_eq!(names(&folder), ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{case}");
        opens(&stage, &folder, &new);
    }
    assert!(stopped > 2 && begun > 0, "{stopped} {begun}");
    say(&format!("change_password: {stopped} sizes of a full medium, in {begun} of them half-way"));

    let stage = stage_of(&filing);
    let read_only = "mount --bind behind medium; mount -o remount,ro,bind medium; start
                     mount -o remount,rw,bind medium; resume; keep";
    let played = play(&stage, &format!("{functions} {read_only}"));
    refused("read-only", &played[0], &["environment.disk_read_only"]);
    done("read-only", &played[1]);
    opens(&stage, &stage.path("kept/medium/ambiente"), &new);
}

fn opens(stage: &Stage, folder: &Path, account: &Account) {
    let (folder, secrets) = (folder.display().to_string(), account.secrets_file.display());
    stage.run(&["certificates", &folder, "--secrets", &secrets.to_string()]).expect_success();
}

#[test]
fn a_second_medium_that_is_full_read_only_or_gone() {
    if !judge::called("copy_environment to full media, by unshare") {
        return;
    }
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(71_401));
    let functions = functions(&filing.account, "copy_environment copy=\"$PWD/medium/copia\"");
    let ours = files(&filing.stage().path("ambiente"));
    let mut stopped = 0;
    for size in 1.. {
        let stage = filing.stage();
        fs::create_dir(stage.path("medium")).unwrap();
        let case = format!("copy_environment to {size} pages");
        let played = play(
            &stage,
            &format!(
                "{functions} mount -t tmpfs -o size={}k,mode=700 tmpfs medium
                 start; show medium/copia; mount -o remount,size=1m medium; resume; keep",
                size * 4
            ),
        );
        if played[0].code == Some(0) {
            break;
        }
        stopped += 1;
        refused(&case, &played[0], &["environment.disk_full"]);
        // A part of it is never taken for whole.
        refused(&case, &played[1], &["environment.not_found", "environment.disk_missing"]);
        done(&case, &played[2]);
        assert_eq!(files(&stage.path("kept/medium/copia")), ours, "{case}");
    }
    assert!(stopped > 2, "{stopped}");
    say(&format!("copy_environment: {stopped} sizes of a full medium"));

    let stage = stage_of(&filing);
    let read_only = "rm -r behind/ambiente; mount --bind behind medium
                     mount -o remount,ro,bind medium; start
                     mount -o remount,rw,bind medium; resume; keep";
    let played = play(&stage, &format!("{functions} {read_only}"));
    refused("read-only", &played[0], &["environment.disk_read_only"]);
    done("read-only", &played[1]);
    assert_eq!(files(&stage.path("kept/medium/copia")), ours);
    pulled_out_half_way(&filing, &functions);
}

/// What had arrived comes back with the medium, and is gone on with.
fn pulled_out_half_way(filing: &Filing<'_>, functions: &str) {
    let ours = files(&filing.stage().path("ambiente"));
    let stage = stage_of(filing);
    let secrets = filing.account.secrets_file.display();
    let gone = format!(
        "rm -r behind/ambiente; mount --bind behind medium
         CERALACCA_CRASH_POINT=$POINT {PROGRAM} run copy_environment copy=\"$PWD/medium/copia\" \
             --secrets '{secrets}' 2>kept/killed & process=$!
         while [ ! -e behind/copia/UTEF.P12 ]; do sleep 0.05; done; sleep 0.3
         kill -9 $process; wait $process || true
         umount medium; rmdir medium; resume
         mkdir medium; mount --bind behind medium; show medium/copia; resume; keep"
    );
    let point = point_of(filing, "copy_environment", "after rename to UTEF.P12");
    let played = play(&stage, &format!("POINT={point}; {functions} {gone}"));
    refused("pulled out", &played[0], &["environment.disk_missing"]);
    refused("half of it", &played[1], &["environment.not_found"]);
    done("put back", &played[2]);
    assert_eq!(files(&stage.path("kept/medium/copia")), ours);
}

/// The number of a crash point of a workflow that copies the environment.
fn point_of(filing: &Filing<'_>, workflow: &str, name: &str) -> u32 {
    let secrets = filing.account.secrets_file.display().to_string();
    let stage = filing.stage();
    let arguments = ["run", workflow, "copy=copia", "--secrets", &secrets];
    let names = crate::stage::kill::passed(&mut stage.command(&arguments));
    (1..).zip(names).find(|(_, found)| found == name).unwrap().0
}

/// When the medium of a renewal fills up: how many pages are left beside the old environment.
const LEFT: [(u64, &str); 2] = [(2, "generating the keys"), (7, "importing the certificates")];

/// What befalls the medium of a renewal when the new keys are due, and what is said then.
const MEDIA: [(&str, &[&str], &str); 3] = [
    (
        "read-only when the new keys are due",
        &["environment.disk_read_only"],
        "mount -o remount,ro,bind medium; resume; mount -o remount,rw,bind medium",
    ),
    (
        "gone when the new keys are due",
        &["environment.disk_missing"],
        "umount medium; rmdir medium; resume; mkdir medium; mount --bind behind medium",
    ),
    // Nothing is made behind the back of a medium that will come back.
    (
        "gone, and the folder it was mounted at is still there",
        &["environment.disk_missing", "environment.not_found"],
        "umount medium; resume; [ -z \"$(ls -A medium)\" ]; mount --bind behind medium",
    ),
];

#[test]
fn a_renewal_on_a_medium_that_is_full_read_only_or_gone() {
    if !judge::called("renew_environment on full media, by unshare") {
        return;
    }
    let served = Served::start();
    let start = |number: u32| {
        let mut filing = Filing::new(&served, &codice_fiscale(number));
        filing.account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
        filing.account.set("pin_di_revoca", Some("NuovaRevoca67890abc"));
        filing.account.set("password", Some(NEW_PASSWORD));
        let stage = stage_of(&filing);
        let workflow = format!(
            "renew_environment numero_busta={} utente={} folder=\"$PWD/medium/ambiente\"",
            filing.account.numero_busta, filing.account.utente
        );
        let functions = functions(&filing.account, &workflow);
        (filing, stage, functions)
    };
    for (number, (left, case)) in (71_500..).zip(LEFT) {
        let before = served.requests();
        let (filing, stage, functions) = start(number);
        let size = (pages(&stage.path("behind/ambiente")) + left) * 4;
        let script = format!("small {size}; start; mount -o remount,size=1m medium; resume; keep");
        let played = play(&stage, &format!("{functions} {script}"));
        refused(case, &played[0], &["environment.disk_full"]);
        done(case, &played[1]);
        renewed(case, &filing, &stage);
        // The first request was the old environment's.
        assert_eq!(served.requests() - before, 2, "{case}");
    }
    for (number, (case, codes, fault)) in (71_510..).zip(MEDIA) {
        let before = served.requests();
        let (filing, stage, functions) = start(number);
        let script = format!("mount --bind behind medium; start_unapproved; {fault}; resume; keep");
        let played = play(&stage, &format!("{functions} {script}"));
        assert_eq!(code(&played[0]), "run.approval_needed", "{case}: {}", played[0].stderr);
        refused(case, &played[1], codes);
        done(case, &played[2]);
        renewed(case, &filing, &stage);
        assert_eq!(served.requests() - before, 2, "{case}");
    }
    say("renew_environment: full at 2 moments, read-only, gone in 2 ways; each finished by resume");
}

/// A mount point without its medium is a folder on our own disk: nothing is revoked, nothing made there.
#[test]
fn a_medium_that_is_not_inserted_costs_no_environment() {
    if !judge::called("a renewal without its medium, by unshare") {
        return;
    }
    let served = Served::start();
    let late = serde_json::json!({ "revocation_delay_seconds": 2 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&late));
    let mut filing = Filing::new(&served, &codice_fiscale(71_520));
    filing.account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    filing.account.set("pin_di_revoca", Some("NuovaRevoca67890abc"));
    filing.account.set("password", Some(NEW_PASSWORD));
    let stage = stage_of(&filing);
    let workflow = format!(
        "renew_environment numero_busta={} utente={} folder=\"$PWD/medium/ambiente\"",
        filing.account.numero_busta, filing.account.utente
    );
    let lost = format!(
        "say {PROGRAM} run recover_environment codice_fiscale={} utente={} numero_busta={} \
         chiave_persa=yes folder=\"$PWD/medium/ambiente\" --approve --secrets '{}'",
        filing.account.codice_fiscale,
        filing.account.utente,
        filing.account.numero_busta,
        filing.account.secrets_file.display()
    );
    let functions = functions(&filing.account, &workflow);
    let script = format!(
        "out() {{ mount --move medium gone; }}; in() {{ mount --move gone medium; }}
         mkdir gone; small 4000; start_unapproved; out; resume; {lost}
         in; resume --patience 0s; out; sleep 3; resume; [ -z \"$(ls -A medium)\" ]
         in; resume; keep"
    );
    let script = script.replace("in()", "put_in()").replace("in; ", "put_in; ");
    let played = play(&stage, &format!("{functions} {script}"));
    assert_eq!(code(&played[0]), "run.approval_needed", "{}", played[0].stderr);
    refused("renewal, not revoked yet", &played[1], &["environment.medium_missing"]);
    assert!(played[1].stderr.contains("has sent nothing"), "{}", played[1].stderr);
    refused("recovery", &played[2], &["environment.medium_missing"]);
    assert_eq!(played[3].code, Some(4), "{}", played[3].stderr);
    refused("renewal, revoked", &played[4], &["environment.medium_missing"]);
    done("put back", &played[5]);
    renewed("put back", &filing, &stage);
    assert_eq!(served.revocations(), 1);
}

/// The new environment is whole, and the old one stands beside it as it was.
fn renewed(case: &str, filing: &Filing<'_>, stage: &Stage) {
    let medium = stage.path("kept/medium");
    let mut new = filing.account.clone();
    new.secrets_file = filing.account.secrets_file.with_file_name("new.toml");
    new.set("password_esistente", Some(NEW_PASSWORD));
    let folder = medium.join("ambiente");
    assert_eq!(names(&folder), ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{case}");
    opens(stage, &folder, &new);
    let aside = names(&medium).into_iter().filter(|name| name.starts_with("ambiente_"));
    let aside: Vec<String> = aside.collect();
    assert_eq!(aside.len(), 1, "{case}: {aside:?}");
    let aside = medium.join(&aside[0]);
    assert_eq!(files(&aside), files(&stage.path("ambiente")), "{case}: the old one is whole");
    opens(stage, &aside, &filing.account);
}

#[test]
fn receipts_on_a_full_disk_are_whole_or_not_there() {
    if !judge::called("receipts on full disks, by unshare") {
        return;
    }
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(71_600));
    let first = filing.stage();
    filing.file(&first, 1).expect_success();
    let expected = files(&first.path("Documenti/ricevute"));
    let workflow = format!("collect_receipts utente={}", filing.account.utente);
    let functions = functions(&filing.account, &workflow);
    let mut stopped = 0;
    for size in 1.. {
        // Another workspace of the same account: the receipt is unread there.
        let stage = filing.stage();
        let case = format!("Documenti of {size} pages");
        let played = play(
            &stage,
            &format!(
                "{functions} mount -t tmpfs -o size={}k,mode=700 tmpfs Documenti; start
                 cp -R Documenti kept/half; mount -o remount,size=4m Documenti; resume
                 cp -R Documenti kept/whole",
                size * 4
            ),
        );
        if played[0].code == Some(0) {
            break;
        }
        stopped += 1;
        refused(&case, &played[0], &["agency.attachment_not_saved"]);
        for (name, bytes) in files(&stage.path("kept/half")) {
            let whole = expected.get(&name).is_none_or(|expected| *expected == bytes);
            // Before it has its name it is nothing.
            assert!(whole && !bytes.is_empty() || name.starts_with('.'), "{case}: {name}");
        }
        done(&case, &played[1]);
        assert_eq!(files(&stage.path("kept/whole/ricevute")), expected, "{case}");
        let left: Vec<_> = files(&stage.path("kept/whole")).into_keys().collect();
        assert!(left.iter().all(|name| !name.contains("tmp")), "{case}: {left:?}");
    }
    assert!(stopped > 2, "{stopped}");
    say(&format!("collect_receipts: {stopped} sizes of a full document archive"));
}

#[test]
fn a_hand_over_on_a_full_disk_is_whole_or_not_there() {
    if !judge::called("da inviare on full disks, by unshare") {
        return;
    }
    let served = Served::start();
    let account = served.account(&codice_fiscale(71_700));
    let functions = functions(&account, "./prova.rhai");
    let document = "Nel mezzo del cammin di nostra vita\n".repeat(300);
    let mut stopped = 0;
    for size in 1.. {
        let stage = Stage::by_hand(&served);
        let script = "const WORKFLOW = #{ summary: \"Prova\", uses: [\"agency\", \"inspect\"] };\n\
             fn run(input) { agency::portal().submit(inspect::document(\"testo.txt\")); }";
        fs::write(stage.path("prova.rhai"), script).unwrap();
        fs::write(stage.path("testo.txt"), &document).unwrap();
        let case = format!("da inviare on {size} pages");
        let played = play(
            &stage,
            &format!(
                "{functions} mount -t tmpfs -o size={}k,mode=700 tmpfs Documenti; start
                 cp -R Documenti kept/half; mount -o remount,size=4m Documenti; resume
                 cp -R Documenti kept/whole",
                size * 4
            ),
        );
        if played[0].code == Some(4) {
            break;
        }
        stopped += 1;
        refused(&case, &played[0], &["submission.not_stored", "hand_off.not_stored"]);
        let half = files(&stage.path("kept/half"));
        let visible = half.iter().filter(|(name, _)| !name.starts_with('.'));
        assert!(visible.clone().all(|(_, bytes)| bytes == document.as_bytes()), "{case}");
        assert_eq!(code(&played[1]), "hand_off.to_be_sent", "{case}: {}", played[1].stderr);
        let whole = stage.path("kept/whole/da inviare/1");
        assert_eq!(names(&whole), ["ISTRUZIONI.txt", "testo.txt"], "{case}");
        let sheet = fs::read_to_string(whole.join("ISTRUZIONI.txt")).unwrap();
        assert!(sheet.contains("Ricerca ricevute") && sheet.ends_with('\n'), "{case}: {sheet}");
        assert_eq!(fs::read(whole.join("testo.txt")).unwrap(), document.as_bytes(), "{case}");
    }
    assert!(stopped > 2, "{stopped}");
    say(&format!("by hand: {stopped} sizes of a full document archive"));
}
