//! Tests of `change_password.rs`: every interruption can be finished, and no key is lost.

use super::*;
use crate::fixtures::{certificates, keys, moment};
use crate::scene::{Scene, answer, owner, password, waiting};

fn new() -> Secret {
    Secret::new("Nuova5678")
}

fn complete() -> Scene {
    let scene = Scene::requested();
    scene.import(&answer()).unwrap();
    scene
}

fn change(scene: &Scene, old: &Secret, new: &Secret) -> Result<(), EnvironmentError> {
    let passwords = PasswordChange { old, new };
    scene.environment.change_password(&owner("c"), passwords, moment())
}

/// Opens with the new password, all three files, and nothing is left beside them.
fn changed(scene: &Scene) {
    let open = scene.environment.open(&new()).unwrap();
    assert_eq!(open.firma.key.fingerprint(), keys().firma.fingerprint());
    assert_eq!(open.cifra.key.fingerprint(), keys().cifra.fingerprint());
    assert_eq!((&*open.firma.alias, &*open.cifra.alias), (FIRMA_ALIAS, CIFRA_ALIAS));
    assert_eq!(open.firma.certificate(), &certificates().firma);
    let utente = scene.environment.find(UTENTE).unwrap().unwrap();
    let stored = load(&utente, jks::read, &new()).unwrap();
    assert_eq!(stored.len(), 2);
    let refused = scene.environment.open(&password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })));
    assert_eq!(scene.names().len(), 3, "{:?}", scene.names());
}

#[test]
fn all_files_get_the_new_password() {
    let scene = complete();
    // The password in lower case is what its owner types; the files have it in upper case.
    change(&scene, &Secret::new("abcd1234"), &new()).unwrap();
    changed(&scene);
    let bytes = fs::read(scene.environment.path().join(UTEF)).unwrap();
    change(&scene, &password(), &new()).unwrap();
    assert_eq!(fs::read(scene.environment.path().join(UTEF)).unwrap(), bytes, "changed again");
}

#[test]
fn a_wrong_password_begins_nothing() {
    let scene = complete();
    let refused = change(&scene, &Secret::new("sbagliata1"), &new()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })));
    scene.environment.open(&password()).unwrap();
    let scene = Scene::requested();
    let refused = change(&scene, &password(), &new()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::NotAnEnvironment { .. }));
}

fn read(scene: &Scene, name: &str) -> Vec<u8> {
    fs::read(scene.environment.path().join(name)).unwrap()
}

fn begun(scene: &Scene) {
    let marker = serde_json::to_vec(&owner("c")).unwrap();
    fs::write(scene.environment.path().join(MARKER), marker).unwrap();
}

#[test]
fn every_interruption_can_be_finished() {
    let names = [UTEF, UTEC, UTENTE];
    let scene = complete();
    let old = names.map(|name| read(&scene, name));
    change(&scene, &password(), &new()).unwrap();
    let rewritten = names.map(|name| read(&scene, name));
    let path = scene.environment.path();
    // As many files as were rewritten, and the next one not yet, half or wholly beside the old.
    for done in 0..=names.len() {
        for staged in [None, Some(&rewritten[done.min(2)][..100]), Some(&rewritten[done.min(2)])] {
            begun(&scene);
            for (index, name) in names.iter().enumerate() {
                let bytes = if index < done { &rewritten[index] } else { &old[index] };
                fs::write(path.join(name), bytes).unwrap();
            }
            if let (Some(bytes), Some(name)) = (staged, names.get(done)) {
                fs::write(path.join(format!("{STAGED}{name}")), bytes).unwrap();
            }
            for password in [password(), new()] {
                let refused = scene.environment.open(&password).unwrap_err();
                assert!(
                    matches!(&refused, EnvironmentError::PasswordChange { run, .. } if run == "7")
                );
            }
            change(&scene, &password(), &new()).unwrap();
            changed(&scene);
        }
    }
}

#[test]
fn another_new_password_than_the_first_is_refused_by_name() {
    let scene = complete();
    let old = read(&scene, UTEC);
    change(&scene, &password(), &new()).unwrap();
    fs::write(scene.environment.path().join(UTEC), old).unwrap();
    begun(&scene);
    let refused = change(&scene, &password(), &Secret::new("Altra9999")).unwrap_err();
    let EnvironmentError::PasswordChange { unopened: Some(file), .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(file, UTEF);
    change(&scene, &password(), &new()).unwrap();
    changed(&scene);
}

#[test]
fn the_misspelt_file_gives_way_once_the_right_one_is_written() {
    for interrupted in [false, true] {
        let scene = complete();
        let path = scene.environment.path().to_owned();
        let misspelt = read(&scene, UTEC);
        fs::rename(path.join(UTEC), path.join("Utek.p12")).unwrap();
        fs::rename(path.join(UTEF), path.join("utef.p12")).unwrap();
        change(&scene, &password(), &new()).unwrap();
        if interrupted {
            fs::write(path.join("Utek.p12"), misspelt).unwrap();
            begun(&scene);
            change(&scene, &password(), &new()).unwrap();
        }
        changed(&scene);
        assert!(scene.names().contains("utef.p12") && scene.names().contains(UTEC));
    }
}

#[test]
fn an_environment_between_two_passwords_is_left_alone() {
    let scene = complete();
    begun(&scene);
    let refused = scene.environment.create(&owner("b"), moment(), &waiting()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::PasswordChange { .. }));
    let backup = scene.environment.path().with_file_name("copia");
    let refused = scene.environment.copy_to(&backup, &password()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::PasswordChange { .. }));
    assert!(!backup.exists());
    let _lock = scene.environment.lock(&owner("b")).unwrap();
    let refused = change(&scene, &password(), &new()).unwrap_err();
    assert!(matches!(refused, EnvironmentError::Locked { .. }));
}

#[test]
fn a_file_of_two_keys_is_not_rewritten() {
    let scene = complete();
    let path = scene.environment.path().join(UTEC);
    // A store of both keys under the name of one.
    fs::copy(scene.environment.path().join(UTENTE), &path).unwrap();
    let refused = change(&scene, &password(), &new()).unwrap_err();
    assert!(
        matches!(refused, EnvironmentError::Keystore(KeystoreError::MissingEntry { .. })),
        "{refused:?}"
    );
    let entries = || load(&path, jks::read, &password()).unwrap();
    let Err(KeystoreError::MissingEntry { expected, .. }) = only_key(&path, entries()) else {
        panic!("two keys are one");
    };
    assert_eq!(expected, "one key; there are 2");
    assert!(!scene.names().contains(MARKER));
}
