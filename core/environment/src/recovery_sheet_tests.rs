//! Tests of `recovery_sheet.rs`.

use super::*;
use crate::fixtures::{certificates, keys, moment};
use crate::scene::{Scene, password};

fn sheet(scene: &Scene, certificates: &[Certificate], numero_busta: Option<&str>) -> RecoverySheet {
    let details = RecoveryDetails { numero_busta, certificates, at: moment() };
    scene.environment.recovery_sheet(&details).unwrap()
}

#[test]
fn it_says_what_is_needed_and_never_the_pin() {
    let scene = Scene::requested();
    let waiting = sheet(&scene, &[], None);
    assert_eq!(waiting.file_name, "scheda-di-recupero-RSSMRA80A01H501U-000.txt");
    assert!(waiting.text.contains("in attesa di certificato") && waiting.text.contains(BLANK));
    let both = [certificates().firma.clone(), certificates().cifra.clone()];
    let certified = sheet(&scene, &both, Some("123456789\nPIN: falso"));
    assert_eq!(certified.file_name, waiting.file_name);
    assert!(certified.text.contains("Numero busta            123456789 PIN: falso\n"));
    // Written before the import, and again after it: then it says until when.
    assert!(waiting.text.contains("Fine validità           (si conosce dopo"));
    let end = certificates().firma.not_after().strftime("%d/%m/%Y").to_string();
    assert!(certified.text.contains(&format!("Fine validità           {end}\n")), "{end}");
    assert_eq!(numero_busta_of(&certified.text).as_deref(), Some("123456789 PIN: falso"));
    assert_eq!(numero_busta_of(&waiting.text), None);
    for text in [&waiting.text, &certified.text] {
        for needed in [
            "RSSMRA80A01H501U",
            "14/03/2026",
            &keys().firma.fingerprint(),
            &keys().cifra.fingerprint(),
            "Ambiente_sicurezza",
            "Profilo utente",
            "presso un ufficio",
        ] {
            assert!(text.contains(needed), "{needed}: {text}");
        }
        assert!(!text.contains('{'), "{text}");
        // The PIN di revoca and the pincode of the scene's request, and its password.
        assert!(!text.contains("ABCDEFGHJKLMNPQR1234") && !text.contains(password().expose()));
        let long = text.lines().filter(|line| line.chars().count() > 80);
        assert!(long.filter(|line| !line.contains("Ambiente_sicurezza")).count() == 0, "{text}");
    }
}

#[test]
fn names_from_a_certificate_stay_in_the_folder() {
    assert_eq!(file_name("../../x/y", "0\u{1b}00"), "scheda-di-recupero-xy-000.txt");
    let scene = Scene::new();
    let details = RecoveryDetails { numero_busta: None, certificates: &[], at: moment() };
    let refused = scene.environment.recovery_sheet(&details).unwrap_err();
    assert!(matches!(refused, EnvironmentError::NoPendingKeys { .. }));
}
