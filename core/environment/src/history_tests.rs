//! Tests of `history.rs`: the list, and the right key for a sealed file.

use std::path::PathBuf;

use ceralacca_kernel::Secret;
use ceralacca_keystore::certification_request::subject;
use ceralacca_keystore::{KeyPair, KeyPairs, jks, pkcs12};

use super::*;
use crate::fixtures::*;
use crate::folder::UTEF;
use crate::open::PasswordForm;
use crate::scene::{Scene, answer, owner, password};
use crate::summary::EnvironmentState;

/// An environment of other keys under its dated name, with another password.
fn aside(scene: &Scene, name: &str, keys: &KeyPairs, password: &Secret) -> PathBuf {
    let folder = scene.environment.path().with_file_name(name);
    fs::create_dir(&folder).unwrap();
    let chain =
        |key: &KeyPair, usage| vec![issue(ca(), key.public(), usage), ca().certificate.clone()];
    let firma = chain(&keys.firma, FIRMA.into());
    let cifra = chain(&keys.cifra, CIFRA.into());
    let write = |alias: &str, key: &KeyPair, chain: &[Certificate]| {
        pkcs12::write(alias, key, chain, password).unwrap()
    };
    fs::write(folder.join("utef.p12"), write("sign_keypair0", &keys.firma, &firma)).unwrap();
    fs::write(folder.join("UTEK.P12"), write("x", &keys.cifra, &cifra)).unwrap();
    let entries: [jks::Entry<'_>; 2] =
        [("sign_keypair0", &keys.firma, &firma), ("x", &keys.cifra, &cifra)];
    fs::write(folder.join(UTENTE), jks::write(&entries, password, moment()).unwrap()).unwrap();
    folder
}

fn old_password() -> Secret {
    Secret::new("VECCHIA1")
}

fn complete() -> Scene {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    scene
}

fn history(scene: &Scene) -> EnvironmentHistory {
    EnvironmentHistory::beside(scene.environment.path()).unwrap()
}

/// The certificates of the fixtures share a serial number: this one has its own issuer.
fn sealed_for_another() -> Vec<u8> {
    let contents = Contents {
        issuer: subject("CA-Terza").unwrap(),
        subject: subject(COMMON_NAME).unwrap(),
        key: other_ca().key.public(),
        usage: CIFRA[0] | CIFRA[1],
        is_ca: false,
        years: (2026, 2029),
    };
    enveloped_data::seal(b"x", &sign(contents, &other_ca().key)).unwrap()
}

/// A certificate that the set-aside environment's key can be told by.
fn issue_elsewhere(key: &KeyPair) -> Certificate {
    issue(other_ca(), key.public(), CIFRA.into())
}

#[test]
fn every_environment_is_listed_with_its_state() {
    let scene = complete();
    aside(&scene, "ambiente_SICUREZZA_1547083116289", other_keys(), &old_password());
    let above = scene.environment.path().parent().unwrap().to_owned();
    let make = |name: &str, file: &str, bytes: &[u8]| {
        fs::create_dir(above.join(name)).unwrap();
        fs::write(above.join(name).join(file), bytes).unwrap();
    };
    make("Ambiente_sicurezza_2000000000000", UTEF, b"x");
    make("Ambiente_sicurezza_1", UTENTE, b"not a key store");
    let pending = Scene::requested();
    let moved = above.join("Ambiente_sicurezza_3000000000000");
    fs::rename(pending.environment.path(), &moved).unwrap();
    fs::write(moved.join("rifiuto.txt"), "x").unwrap();
    for other in ["Ambiente_sicurezza_", "Ambiente_sicurezza_12x", "Altro_1547083116289"] {
        fs::create_dir(above.join(other)).unwrap();
    }
    fs::write(above.join("Ambiente_sicurezza_4"), "a file").unwrap();

    let list = history(&scene).summaries(moment(), Policy::embedded());
    let found: Vec<_> = list.iter().map(|one| (one.current, one.state)).collect();
    use EnvironmentState::*;
    assert_eq!(
        found,
        [
            (true, Corrente),
            (false, InAttesa),
            (false, Incompleto),
            (false, MessoDaParte),
            (false, Illeggibile),
        ]
    );
    let keys = |index: usize| -> Vec<String> {
        list[index].certificates.iter().map(|one| one.key_fingerprint.clone()).collect()
    };
    assert_eq!(keys(0), [keys_of().0, keys_of().1]);
    assert_eq!(keys(3).len(), 2);
    let waiting = list[1].pending.as_ref().unwrap();
    assert!(waiting.requested && waiting.run == "7" && list[1].rejected);
    assert_eq!(waiting.fingerprints, [keys_of().0, keys_of().1]);
    assert_eq!(list[2].note.as_deref(), Some("UTEC.P12, UTENTE.KS missing"));
    assert!(list[4].note.as_deref().unwrap().contains("UTENTE.KS"));
    let json = serde_json::to_value(&list).unwrap();
    assert_eq!(json[3]["state"], "messo da parte");
}

fn keys_of() -> (String, String) {
    (keys().firma.fingerprint(), keys().cifra.fingerprint())
}

#[test]
fn a_lost_medium_takes_nothing_else_with_it() {
    let scene = complete();
    aside(&scene, "Ambiente_sicurezza_1547083116289", other_keys(), &old_password());
    fs::remove_dir_all(scene.environment.path()).unwrap();
    let folders = history(&scene);
    assert_eq!(folders.folders().map(|(_, current)| current).collect::<Vec<_>>(), [false]);
    let gone = EnvironmentHistory::beside(&scene.environment.path().join("chiavetta/ambiente"));
    assert!(matches!(gone, Err(KeystoreError::Disk(_))));
}

#[test]
fn the_recipient_is_found_without_a_password_and_opened_with_its_own() {
    let scene = complete();
    let sealed = enveloped_data::seal(b"ricevuta", &certificates().cifra).unwrap();
    let recipient = history(&scene).recipient(&sealed).unwrap();
    assert!(recipient.is_certain() && recipient.is_current());
    let open = recipient.open(&Secret::new("abcd1234")).unwrap();
    assert_eq!(open.password_form, PasswordForm::UpperCase);
    let text = enveloped_data::open(&sealed, open.entry.certificate(), &open.entry.key).unwrap();
    assert_eq!(text.as_slice(), b"ricevuta");
    let refused = recipient.open(&old_password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })));
    // One damaged file does not hide the key in the others.
    fs::write(scene.environment.path().join(UTEC), "x").unwrap();
    assert!(recipient.open(&password()).is_ok());
}

#[test]
fn a_file_for_a_set_aside_environment_opens_with_its_own_password() {
    let scene = complete();
    let folder = scene.environment.path().with_file_name("Ambiente_sicurezza_1547083116289");
    fs::create_dir(&folder).unwrap();
    let certificate = issue_elsewhere(&other_keys().cifra);
    let chain = [certificate.clone()];
    let password = old_password();
    let key = &other_keys().cifra;
    fs::write(folder.join("utek.p12"), pkcs12::write("x", key, &chain, &password).unwrap())
        .unwrap();
    let entries: [jks::Entry<'_>; 1] = [("x", key, &chain)];
    let stores = [
        ("UTENTE.KS", Some(jks::write(&entries, &password, moment()).unwrap()), true),
        // A store that does not show its certificates, and none at all.
        ("UTENTE.KS", Some(pkcs12::write("x", key, &chain, &password).unwrap()), false),
        ("UTENTE.KS", None, false),
    ];
    let sealed = enveloped_data::seal(b"ricevuta", &certificate).unwrap();
    for (name, store, certain) in stores {
        match store {
            Some(bytes) => fs::write(folder.join(name), bytes).unwrap(),
            None => fs::remove_file(folder.join(name)).unwrap(),
        }
        let recipient = history(&scene).recipient(&sealed).unwrap();
        assert_eq!(recipient.is_certain(), certain);
        assert!(!recipient.is_current());
        let open = recipient.open(&Secret::new("vecchia1")).unwrap();
        assert_eq!((&open.folder, open.current), (&folder, false));
        let text = enveloped_data::open(&sealed, open.entry.certificate(), &open.entry.key);
        assert_eq!(text.unwrap().as_slice(), b"ricevuta");
        let refused = recipient.open(&Secret::new("sbagliata1")).unwrap_err();
        assert!(matches!(refused, EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })));
    }
    let refused = history(&scene).recipient(&sealed_for_another()).unwrap();
    let refused = refused.open(&old_password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::NoRecipient { .. }), "{refused:?}");
}

/// UTENTE.KS shows the signature key alone: the cipher key is in the file beside it.
#[test]
fn an_environment_whose_store_lacks_the_cipher_key_stays_in_question() {
    let scene = complete();
    let folder = aside(&scene, "Ambiente_sicurezza_1547083116289", other_keys(), &old_password());
    let certificate = issue_elsewhere(&other_keys().cifra);
    let cifra = [certificate.clone()];
    let file = pkcs12::write("x", &other_keys().cifra, &cifra, &old_password()).unwrap();
    fs::write(folder.join("UTEK.P12"), file).unwrap();
    let firma = [issue(ca(), other_keys().firma.public(), FIRMA.into())];
    let entries: [jks::Entry<'_>; 1] = [("sign_keypair0", &other_keys().firma, &firma)];
    let store = jks::write(&entries, &old_password(), moment()).unwrap();
    fs::write(folder.join(UTENTE), store).unwrap();
    let sealed = enveloped_data::seal(b"ricevuta", &certificate).unwrap();
    let recipient = history(&scene).recipient(&sealed).unwrap();
    assert!(!recipient.is_certain());
    assert_eq!(recipient.open(&old_password()).unwrap().folder, folder);
    // Without the file nothing is left to try.
    fs::remove_file(folder.join("UTEK.P12")).unwrap();
    assert!(history(&scene).recipient(&sealed).is_err());
}

/// The Agency's own name beside another, folders of other accounts, and one that is elsewhere.
#[test]
fn set_aside_environments_are_found_under_other_names() {
    let scene = complete();
    let above = scene.environment.path().parent().unwrap().to_owned();
    let found = |history: &EnvironmentHistory| -> Vec<String> {
        history.folders().map(|(folder, _)| disk::name(folder.path())).collect()
    };
    let named = disk::name(scene.environment.path());
    let make = |name: &str, files: &[&str]| {
        fs::create_dir(above.join(name)).unwrap();
        for file in files {
            fs::write(above.join(name).join(file), "x").unwrap();
        }
    };
    make("Vecchio_1547083116289", &["utec.p12"]);
    make("VECCHIO_3", &["UTEK.P12"]);
    make("fatture_2025", &["elenco.txt"]);
    make("bianchi", &["UTEF.P12", "UTEC.P12"]);
    make("Bianchi_1547083116290", &["UTEC.P12"]);
    make("altrove", &["UTEC.P12"]);
    let beside = history(&scene);
    assert_eq!(found(&beside), [&*named, "Vecchio_1547083116289", "VECCHIO_3"]);
    let gone = above.join("chiavetta/ambiente");
    let also = [above.join("altrove"), gone.clone(), above.join("VECCHIO_3")];
    let all = beside.with(&also);
    assert_eq!(found(&all), [&*named, "Vecchio_1547083116289", "VECCHIO_3", "altrove"]);
    assert_eq!(all.absent(), std::slice::from_ref(&gone));
    fs::remove_dir_all(above.join("altrove")).unwrap();
    for name in ["Vecchio_1547083116289", "VECCHIO_3"] {
        fs::remove_dir_all(above.join(name)).unwrap();
    }
    let refused = history(&scene).with(&also).recipient(&sealed_for_another()).unwrap_err();
    let EnvironmentError::NoRecipient { environments, .. } = refused else { panic!("{refused:?}") };
    assert!(environments.iter().any(|one| one.contains("chiavetta") && one.contains("not there")));
}

/// What an environment looks like is held against what it was when it opened.
#[test]
fn what_cannot_be_believed_is_said() {
    let scene = complete();
    let state = tempfile::tempdir().unwrap();
    let folder = scene.environment.path().to_owned();
    let look = || {
        let history = history(&scene).remembered_in(state.path());
        history.summaries(moment(), Policy::embedded()).remove(0)
    };
    let codes = || -> Vec<String> { look().doubts.into_iter().map(|one| one.code).collect() };
    assert!(look().doubts.is_empty() && look().last_opened.is_none());
    let open = scene.environment.open(&password()).unwrap();
    let pair = [open.firma.certificate(), open.cifra.certificate()];
    let remember = || EnvironmentSeen::remember(state.path(), &folder, &pair, moment());
    remember();
    assert!(look().doubts.is_empty() && look().last_opened.is_some());

    // UTENTE.KS of another environment, of none, and one that needs the password.
    let own = fs::read(folder.join(UTENTE)).unwrap();
    let other = aside(&scene, "Ambiente_sicurezza_1547083116289", other_keys(), &old_password());
    fs::copy(other.join(UTENTE), folder.join(UTENTE)).unwrap();
    assert_eq!(codes(), ["environment.other_keystore"]);
    fs::write(folder.join(UTENTE), jks::write(&[], &password(), moment()).unwrap()).unwrap();
    assert_eq!(codes(), ["environment.validity_unknown"]);
    let chain = open.cifra.chain.as_slice();
    let sealed = pkcs12::write("x", &open.cifra.key, chain, &password()).unwrap();
    fs::write(folder.join(UTENTE), sealed).unwrap();
    let found = look();
    assert!(found.needs_password && found.certificates.is_empty());
    assert_eq!(codes(), ["environment.validity_unknown"]);
    // Once it has opened like that, its validity is remembered.
    remember();
    let found = look();
    assert!(found.doubts.is_empty() && !found.needs_password && found.certificates.len() == 2);
    fs::write(folder.join(UTENTE), own).unwrap();
    remember();

    // A file that is another, and files that are none.
    fs::copy(other.join("utef.p12"), folder.join(UTEF)).unwrap();
    assert_eq!(codes(), ["environment.files_changed"]);
    for bytes in [&b""[..], b"\x30\x82\x10\x00 half", b"MIIB"] {
        fs::write(folder.join(UTEF), bytes).unwrap();
        let found = look();
        assert_eq!(found.state, EnvironmentState::Illeggibile, "{bytes:?}");
        assert!(found.note.unwrap().contains("UTEF.P12") && found.certificates.len() == 2);
    }
}

#[test]
fn what_is_for_nobody_here_says_for_whom_it_is() {
    let scene = complete();
    scene.environment.lock(&owner("a")).map(drop).unwrap();
    let refused = history(&scene).recipient(&sealed_for_another()).unwrap_err();
    let EnvironmentError::NoRecipient { recipients, environments } = refused else {
        panic!("{refused:?}");
    };
    assert!(recipients[0].contains("4A:91:0C") && recipients[0].contains("CA-Terza"));
    assert_eq!(environments, [scene.environment.path().display().to_string()]);
    for bytes in [&b""[..], b"testo", &answer(), &sealed_for_another()[..50]] {
        let refused = history(&scene).recipient(bytes).unwrap_err();
        let EnvironmentError::NoRecipient { recipients, .. } = refused else {
            panic!("{refused:?}")
        };
        assert!(recipients.is_empty());
    }
}
