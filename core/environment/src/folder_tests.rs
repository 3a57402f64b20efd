//! Tests of an environment folder from creation to copy, and of interruptions in between.

use std::collections::BTreeSet;

use ceralacca_kernel::Explain;
use ceralacca_keystore::certif_in;

use super::*;
use crate::fixtures::*;
use crate::open::PasswordForm;
use crate::request_outcome::RequestOutcome;
use crate::scene::*;

fn three_files() -> BTreeSet<String> {
    [UTEF, UTEC, UTENTE].into_iter().map(str::to_owned).collect()
}

#[test]
fn from_nothing_to_three_files() {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    assert_eq!(scene.names(), three_files());
    let open = scene.environment.open(&password()).unwrap();
    assert_eq!(open.password_form, PasswordForm::AsTyped);
    assert_eq!(open.firma.alias, FIRMA_ALIAS);
    assert_eq!(open.firma.key.fingerprint(), keys().firma.fingerprint());
    assert_eq!(open.cifra.key.fingerprint(), keys().cifra.fingerprint());
    // The password in lower case: tried as typed, then upper-cased.
    let open = scene.environment.open(&Secret::new("abcd1234")).unwrap();
    assert_eq!(open.password_form, PasswordForm::UpperCase);
    let refused = scene.environment.open(&Secret::new("abcd12345")).unwrap_err();
    assert!(matches!(
        refused,
        EnvironmentError::Keystore(KeystoreError::WrongPassword { upper_case_tried: true, .. })
    ));
    let listed = scene.environment.certificates().unwrap();
    assert_eq!(listed, [certificates().firma.clone(), certificates().cifra.clone()]);
}

#[test]
fn importing_again_changes_nothing() {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    let utef = fs::read(scene.environment.path().join(UTEF)).unwrap();
    scene.import(&answer()).unwrap();
    assert_eq!(fs::read(scene.environment.path().join(UTEF)).unwrap(), utef);
    assert_eq!(scene.names(), three_files());
}

#[test]
fn every_interruption_of_the_import_can_be_resumed() {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    let path = scene.environment.path().to_owned();
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    let written = [(UTEF, read(UTEF)), (UTEC, read(UTEC)), (UTENTE, read(UTENTE))];
    for there in 0..=written.len() {
        for removed in 0..4 {
            // As many files as were written, and as many pending ones as were removed.
            let scene = Scene::requested();
            let path = scene.environment.path();
            for (name, bytes) in &written[..there] {
                fs::write(path.join(name), bytes).unwrap();
            }
            let pending = ["firma.p8", "cifra.p8", "ca.p7b", "richiesta.json"];
            let removed = if there == written.len() { removed } else { 0 };
            for name in &pending[..removed] {
                fs::remove_file(path.join("in-attesa").join(name)).unwrap();
            }
            scene.import(&answer()).unwrap();
            assert_eq!(scene.names(), three_files(), "{there} {removed}");
        }
    }
}

#[test]
fn a_refused_answer_leaves_everything_as_it_was() {
    let scene = Scene::requested();
    let before = scene.names();
    let refused = scene.import(&answer()[..200]).unwrap_err();
    assert!(matches!(refused, EnvironmentError::Keystore(KeystoreError::CertifInTruncated { .. })));
    let foreign = issue(false_ca(), keys().firma.public(), FIRMA.into());
    let foreign = certif_in::build(&[foreign, certificates().cifra.clone()]).unwrap();
    assert!(matches!(
        scene.import(&foreign),
        Err(EnvironmentError::Keystore(KeystoreError::CertifInForged { .. }))
    ));
    let mut after = scene.names();
    after.remove(LOCK);
    let mut before = before;
    before.remove(LOCK);
    assert_eq!(after, before);
    scene.import(&answer()).unwrap();
}

#[test]
fn generating_and_requesting_can_be_repeated() {
    let scene = Scene::requested();
    let environment = &scene.environment;
    assert_eq!(environment.create(&owner("a"), moment(), &waiting()).unwrap(), None);
    let again = environment.generate_keys(&owner("a"), &password()).unwrap();
    assert_eq!(again.firma.fingerprint(), keys().firma.fingerprint());
    let request = scene.request().unwrap();
    let marker = environment.pending().marker().unwrap().unwrap();
    assert_eq!(marker.request_sha256, Some(hex::encode(Sha256::digest(&request))));
}

#[test]
fn the_request_is_saved_once_and_summed_up() {
    let scene = Scene::requested();
    let folder = scene.environment.path().with_file_name("da inviare");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("req.ccc"), "di un altro").unwrap();
    assert_eq!(scene.environment.saved_request(&folder, "a-3"), None);
    let request = scene.request().unwrap();
    let path = scene.environment.save_request(&folder, &request, moment()).unwrap();
    assert_eq!(path, folder.join("req.ccc"));
    assert_eq!(scene.environment.save_request(&folder, &request, moment()).unwrap(), path);
    assert_eq!(scene.environment.saved_request(&folder, "a-3"), Some(request));
    assert_eq!(scene.environment.saved_request(&folder, "a-4"), None);
    let aside = folder.join(format!("req_{}.ccc", moment().as_millisecond()));
    assert_eq!(fs::read_to_string(aside).unwrap(), "di un altro");

    let lines = scene.environment.request_summary().unwrap();
    assert_eq!(lines[0], ("Utente".to_owned(), "RSSMRA80A01H501U".to_owned()));
    assert_eq!(lines[1], ("Sede".to_owned(), "000".to_owned()));
    let text = format!("{lines:?}");
    assert!(text.contains(&keys().firma.fingerprint()) && text.contains("CA Agenzia"));
    assert!(!text.contains("ABCDEFGHJKLMNPQR1234") && !text.contains("ABCD1234"));
}

#[test]
fn another_run_is_refused_while_keys_wait() {
    let scene = Scene::requested();
    let other = owner("b");
    let environment = &scene.environment;
    let refused = environment.create(&other, moment(), &waiting()).unwrap_err();
    assert!(matches!(&refused, EnvironmentError::PendingRequest { run, .. } if run == "7"));
    assert!(refused.explain().next.starts_with("ceralacca resume 7; "));
    let refused = environment.generate_keys(&other, &password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::PendingRequest { .. }));
    // A marker without keys holds nothing that could be lost.
    let scene = Scene::new();
    scene.environment.create(&owner("a"), moment(), &waiting()).unwrap();
    scene.environment.create(&other, moment(), &waiting()).unwrap();
    let refused = scene.environment.generate_keys(&owner("a"), &password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::PendingRequest { .. }));
}

#[test]
fn another_run_may_import_what_one_has_requested() {
    let scene = Scene::requested();
    let other = owner("b");
    scene.environment.open_pending(&password()).unwrap();
    let refused = scene.environment.open_pending(&Secret::new("sbagliata1"));
    assert!(matches!(
        refused,
        Err(EnvironmentError::Keystore(KeystoreError::WrongPassword { .. }))
    ));
    let import = || {
        scene.environment.import_certificates(&other, &password(), &answer(), moment()).unwrap();
    };
    import();
    import();
    assert_eq!(scene.names(), three_files());
    // And the run that requested them goes on as if it had done it.
    scene.import(&answer()).unwrap();
    let refused = scene.environment.open_pending(&password());
    assert!(matches!(refused, Err(EnvironmentError::AlreadyComplete { .. })));
}

#[test]
fn only_a_rejected_request_gives_way() {
    let rejected = |_: &str| RequestOutcome::Rejected {
        protocollo: "12345678901234567".to_owned(),
        reason: "pincode errato\nstato: ELABORATO".to_owned(),
    };
    for (outcome, case) in [
        (RequestOutcome::NeverSent, PendingCase::NeverSent),
        (RequestOutcome::Waiting, PendingCase::Waiting),
        (RequestOutcome::Accepted, PendingCase::Accepted),
    ] {
        let scene = Scene::requested();
        let refused = scene.environment.create(
            &owner("b"),
            moment(),
            &RequestOutcomes::new(move |_| outcome.clone()),
        );
        let Err(EnvironmentError::PendingRequest { case: found, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(found, case);
        assert!(scene.environment.pending().has_both_keys());
    }
    let scene = Scene::requested();
    let request = scene.environment.pending().marker().unwrap().unwrap().request_sha256.unwrap();
    let meant = request.clone();
    let known = RequestOutcomes::new(move |sha256| {
        assert_eq!(sha256, meant);
        rejected(sha256)
    });
    let aside = scene.environment.create(&owner("b"), moment(), &known).unwrap().unwrap();
    assert!(EnvironmentFolder::at(&aside).pending().has_both_keys());
    let text = fs::read_to_string(aside.join("rifiuto.txt")).unwrap();
    assert!(text.contains("12345678901234567") && text.contains(&request), "{text}");
    assert!(!text.contains("\nstato"), "{text}");
    assert!(!scene.environment.pending().has_keys());
    let marker = scene.environment.pending().marker().unwrap().unwrap();
    assert_eq!(marker.owner, owner("b"));
    // Keys that were never asked for are not a rejected request, whatever is said of others.
    let scene = Scene::new();
    scene.environment.create(&owner("a"), moment(), &waiting()).unwrap();
    write_pending(&scene.environment);
    let refused = scene
        .environment
        .create(&owner("b"), moment(), &RequestOutcomes::new(rejected))
        .unwrap_err();
    assert!(matches!(
        refused,
        EnvironmentError::PendingRequest { case: PendingCase::NotRequested, .. }
    ));
}

/// What is known once the run `b` has revoked the environment.
fn revoked(outcome: RequestOutcome) -> RequestOutcomes {
    RequestOutcomes::new(move |_| outcome.clone()).with_revoked_by(|run| run.id == "b")
}

#[test]
fn whatever_waits_is_set_aside_once_the_run_has_revoked_the_environment() {
    for outcome in [RequestOutcome::NeverSent, RequestOutcome::Waiting, RequestOutcome::Accepted] {
        let scene = Scene::requested();
        let known = revoked(outcome);
        let refused = scene.environment.create(&owner("c"), moment(), &known);
        assert!(matches!(refused, Err(EnvironmentError::PendingRequest { .. })), "another run's");
        let aside = scene.environment.create(&owner("b"), moment(), &known).unwrap().unwrap();
        assert!(EnvironmentFolder::at(&aside).pending().has_both_keys(), "nothing is deleted");
        let note = fs::read_to_string(aside.join("messa-da-parte.txt")).unwrap();
        assert!(note.contains("revocato") && note.contains("esecuzione 7"), "{note}");
        assert_eq!(scene.environment.create(&owner("b"), moment(), &known).unwrap(), None);
    }
    // A change of the password that nobody finishes any more; a marker that cannot be read.
    for (name, text) in [
        ("cambio-password.json", "{\"id\":\"a\",\"run\":\"7\"}"),
        ("cambio-password.json", "{"),
        ("in-attesa/richiesta.json", "{"),
    ] {
        let scene = Scene::requested();
        fs::write(scene.environment.path().join(name), text).unwrap();
        let unknown = scene.environment.create(&owner("b"), moment(), &waiting());
        assert!(unknown.is_err(), "{name}");
        let known = revoked(RequestOutcome::Accepted);
        let aside = scene.environment.create(&owner("b"), moment(), &known).unwrap().unwrap();
        assert_eq!(fs::read_to_string(aside.join(name)).unwrap(), text);
        assert!(aside.join("messa-da-parte.txt").exists());
    }
}

#[test]
fn keys_that_were_never_sent_go_when_their_run_is_given_up() {
    let known = |outcome: RequestOutcome| {
        RequestOutcomes::new(move |_| outcome.clone()).with_given_up(|run| run.id == "a")
    };
    let scene = Scene::requested();
    let never = known(RequestOutcome::NeverSent);
    let aside = scene.environment.create(&owner("b"), moment(), &never).unwrap().unwrap();
    assert!(fs::read_to_string(aside.join("messa-da-parte.txt")).unwrap().contains("abbandonata"));
    for outcome in [RequestOutcome::Waiting, RequestOutcome::Accepted] {
        let scene = Scene::requested();
        let refused = scene.environment.create(&owner("b"), moment(), &known(outcome));
        assert!(
            matches!(refused, Err(EnvironmentError::PendingRequest { .. })),
            "they may be used"
        );
    }
}

/// What would stop the new keys is found out while the old ones are in force.
#[test]
fn a_folder_is_ready_for_new_keys_or_says_why_not() {
    let ready = |scene: &Scene, outcome: RequestOutcome, lost: bool| {
        let known = RequestOutcomes::new(move |_| outcome.clone());
        let ready = scene.environment.require_ready(&owner("b"), &known, lost);
        ready.map_err(|error| error.explain().code)
    };
    let open = Err("environment.pending_request".to_owned());
    let scene = Scene::requested();
    for (outcome, lost, expected) in [
        (RequestOutcome::NeverSent, true, open.clone()),
        (RequestOutcome::Waiting, true, open.clone()),
        (RequestOutcome::Accepted, false, open),
        (RequestOutcome::Accepted, true, Ok(())),
    ] {
        assert_eq!(ready(&scene, outcome.clone(), lost), expected, "{outcome:?} {lost}");
    }
    assert!(scene.environment.require_ready(&owner("a"), &waiting(), false).is_ok(), "its own");
    let scene = Scene::new();
    assert_eq!(ready(&scene, RequestOutcome::Waiting, false), Ok(()), "nothing is there");
    assert!(!scene.environment.path().exists(), "and nothing is made");
    fs::create_dir(scene.environment.path()).unwrap();
    let marker = scene.environment.path().join("cambio-password.json");
    fs::write(&marker, "{\"id\":\"a\",\"run\":\"7\"}").unwrap();
    let changing = Err("environment.password_change".to_owned());
    assert_eq!(ready(&scene, RequestOutcome::Waiting, false), changing);
    assert_eq!(ready(&scene, RequestOutcome::Waiting, true), Ok(()));
    let names: Vec<_> = fs::read_dir(scene.environment.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "the probe leaves nothing");
    let gone = EnvironmentFolder::at(scene.environment.path().join("via/ambiente"));
    let refused = gone.require_ready(&owner("b"), &waiting(), true).unwrap_err();
    assert_eq!(refused.explain().code, "environment.disk_missing");
}

#[test]
fn a_folder_that_is_not_empty_is_set_aside() {
    let scene = Scene::new();
    let path = scene.environment.path().to_owned();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("vecchio"), "x").unwrap();
    let millis = moment().as_millisecond();
    let taken = path.with_file_name(format!("Ambiente_sicurezza_{millis}"));
    fs::create_dir(&taken).unwrap();
    let aside = scene.environment.create(&owner("a"), moment(), &waiting()).unwrap().unwrap();
    assert_eq!(aside, path.with_file_name(format!("Ambiente_sicurezza_{}", millis + 1)));
    assert_eq!(fs::read_to_string(aside.join("vecchio")).unwrap(), "x");
    assert_eq!(fs::read_dir(&aside).unwrap().count(), 1);
    assert!(!path.join("vecchio").exists());
    // Interrupted between the renaming and the new folder.
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(scene.environment.create(&owner("a"), moment(), &waiting()).unwrap(), None);
}

#[test]
fn steps_out_of_order_are_refused() {
    let scene = Scene::new();
    let refused = scene.environment.generate_keys(&owner("a"), &password()).unwrap_err();
    let EnvironmentError::Keystore(KeystoreError::Disk(missing)) = refused else {
        panic!("{refused:?}")
    };
    assert!(missing.is_missing(), "a medium that is not there");
    scene.environment.create(&owner("a"), moment(), &waiting()).unwrap();
    assert!(matches!(scene.request(), Err(EnvironmentError::NoPendingKeys { .. })));
    assert!(matches!(scene.import(&answer()), Err(EnvironmentError::NoPendingKeys { .. })));
    let Err(EnvironmentError::NotAnEnvironment { missing, .. }) =
        scene.environment.open(&password())
    else {
        panic!("opened");
    };
    assert_eq!(missing, [UTEF, UTEC, UTENTE]);
    write_pending(&scene.environment);
    scene.request().unwrap();
    scene.import(&answer()).unwrap();
    let refused = scene.environment.generate_keys(&owner("a"), &password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::AlreadyComplete { .. }));
}

#[test]
fn a_locked_folder_names_its_holder() {
    let scene = Scene::requested();
    let _lock = scene.environment.lock(&owner("a")).unwrap();
    let Err(EnvironmentError::Locked { holder, .. }) = scene.import(&answer()) else {
        panic!("not locked");
    };
    assert!(holder.starts_with("run 7, process "), "{holder}");
}

#[test]
fn the_guides_typing_error_is_accepted() {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    let path = scene.environment.path();
    fs::rename(path.join(UTEC), path.join("utek.p12")).unwrap();
    fs::rename(path.join(UTENTE), path.join("Utente.ks")).unwrap();
    assert!(scene.environment.is_complete());
    scene.environment.open(&password()).unwrap();
}

#[test]
fn copies_are_whole_and_overwrite_nothing() {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copia");
    let copy_to = |to: &Path| scene.environment.copy_to(to, &password());
    copy_to(&copy).unwrap();
    copy_to(&copy).unwrap();
    EnvironmentFolder::at(&copy).open(&password()).unwrap();
    fs::write(copy.join(UTEC), "altro").unwrap();
    assert!(matches!(copy_to(&copy), Err(EnvironmentError::Keystore(KeystoreError::Disk(_)))));
    assert_eq!(fs::read_to_string(copy.join(UTEC)).unwrap(), "altro");
    // Another environment's file under the name in another case, or in the guide's misspelling.
    let other = backup.path().join("altra");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("utef.p12"), "altro").unwrap();
    assert!(matches!(copy_to(&other), Err(EnvironmentError::Keystore(KeystoreError::Disk(_)))));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    let refused = scene.environment.copy_to(&backup.path().join("terza"), &Secret::new("x"));
    assert!(matches!(
        refused,
        Err(EnvironmentError::Keystore(KeystoreError::WrongPassword { .. }))
    ));
    assert!(!backup.path().join("terza").exists());
    let missing = backup.path().join("chiavetta/copia");
    assert!(matches!(copy_to(&missing), Err(EnvironmentError::Keystore(KeystoreError::Disk(_)))));
}
