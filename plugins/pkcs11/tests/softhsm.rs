//! The plugin's tokens against SoftHSM: keys and certificates of other tools, judged by openssl.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]
#![cfg(unix)]

#[path = "softhsm/faults.rs"]
mod faults;
#[path = "softhsm/world.rs"]
mod world;

use std::fs;

use ceralacca_plugin_pkcs11::{Opened, Owner, TokenError, TokenState};
use ceralacca_plugin_sdk::{Error, Explain};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectClass};
use world::{PIN, Person, Token, World, openssl};

/// A token with one certified key.
fn ready(world: &World) -> Token {
    let token = world.token("Carta");
    world.authority();
    world.key(&token, "01", &[]);
    world.certify(&token, "01", "Ada Prova");
    token
}

fn open(owner: &Owner, token: &Token, person: &mut Person) -> Result<Opened, Error> {
    owner.open(&format!("pkcs11:serial={};id=%01", token.serial), person)
}

/// The code of a failure.
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().code().to_owned()
}

#[test]
fn a_signature_that_openssl_verifies() {
    let Some(world) = World::new("signatures by a token") else { return };
    let token = ready(&world);
    world.write_certificate(&token, "ca.der", "ca", "CA");
    let owner = world.owner();
    let mut person = Person::with(PIN);
    let opened = open(&owner, &token, &mut person).unwrap();
    assert_eq!(opened.id.serial, token.serial);
    assert_eq!(opened.id.key_id, "01");
    assert_eq!(opened.certificate, fs::read(world.path("certificate.der")).unwrap());
    assert_eq!(opened.chain, [fs::read(world.path("ca.der")).unwrap()]);
    for message in [&b"uno"[..], b"", &[0x5a; 100_000]] {
        let signature = owner.sign(&opened.id, message, &mut person).unwrap();
        world.judge(&opened.certificate, message, &signature);
    }
    assert_eq!(person.asked, 1, "the PIN is given once");

    // Opened again it is the same signer, and another process finds it by its handle.
    assert_eq!(owner.open(&opened.id.uri, &mut person).unwrap(), opened);
    drop(owner);
    let (owner, mut person) = (world.owner(), Person::with(PIN));
    let signature = owner.sign(&opened.id, b"due", &mut person).unwrap();
    world.judge(&opened.certificate, b"due", &signature);
    assert_eq!(person.asked, 1);
    let mut other = opened.id.clone();
    other.certificate_sha256 = "00".repeat(32);
    assert_eq!(code(owner.sign(&other, b"due", &mut person)), "pkcs11.signer");
}

#[test]
fn the_key_never_leaves_the_token() {
    let Some(world) = World::new("a key that stays on its token") else { return };
    let token = ready(&world);
    let owner = world.owner();
    let opened = open(&owner, &token, &mut Person::with(PIN)).unwrap();
    owner.sign(&opened.id, b"uno", &mut Person::with(PIN)).unwrap();

    // The plugin has logged in: the same library gives even to this process only what is public.
    let library = Pkcs11::new(&world.softhsm).unwrap();
    let slot = library.get_slots_with_initialized_token().unwrap()[0];
    let session = library.open_ro_session(slot).unwrap();
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
    use AttributeType::{Coefficient, Exponent1, Exponent2, Modulus, Prime1, Prime2};
    let private =
        [AttributeType::PrivateExponent, Prime1, Prime2, Exponent1, Exponent2, Coefficient];
    let said = session.get_attribute_info(keys[0], &private).unwrap();
    assert!(said.iter().all(|one| matches!(one, AttributeInfo::Sensitive)), "{said:?}");
    let wanted = [Modulus, AttributeType::Extractable, AttributeType::NeverExtractable];
    let public = session.get_attributes(keys[0], &wanted).unwrap();
    assert!(matches!(
        &public[..],
        [Attribute::Modulus(_), Attribute::Extractable(false), Attribute::NeverExtractable(true)]
    ));
}

#[test]
fn what_is_there_is_listed_without_a_pin() {
    let Some(world) = World::new("tokens and certificates listed") else { return };
    let token = ready(&world);
    world.token("Seconda");
    let owner = world.owner();
    let tokens = owner.tokens().unwrap();
    let labels: Vec<&str> = tokens.iter().map(|token| token.label.as_str()).collect();
    assert_eq!(labels, ["Carta", "Seconda"], "an empty slot is no token");
    assert_eq!(tokens[0].serial, token.serial);
    assert_eq!(tokens[0].manufacturer, "SoftHSM project");
    assert_eq!(tokens[0].state, TokenState::Ready);
    let certificates = owner.certificates(&token.serial).unwrap();
    assert_eq!(certificates.len(), 1);
    assert_eq!(certificates[0].subject, "CN=Ada Prova");
    assert_eq!(certificates[0].issuer, "CN=CA di prova");
    assert_eq!((&*certificates[0].id, &*certificates[0].label), ("01", "Ada Prova"));
    let (file, dates) = (world.text("01.pem"), ["-enddate", "-dateopt", "iso_8601", "-serial"]);
    let said = openssl(&[&["x509", "-noout", "-in", &file], &dates[..]].concat());
    assert!(said.contains(&certificates[0].serial_number), "{said}");
    assert!(said.replace(' ', "T").contains(&certificates[0].not_after), "{said}");
    // The name that is listed opens it.
    let opened = owner.open(&certificates[0].uri, &mut Person::with(PIN)).unwrap();
    assert_eq!(opened.id.uri, certificates[0].uri);
    assert_eq!(owner.certificates("none").unwrap_err().explain().code, "pkcs11.no_token");
}

#[test]
fn a_key_is_found_by_its_certificate() {
    let Some(world) = World::new("keys found by certificate") else { return };
    let token = ready(&world);
    world.key(&token, "02", &[]);
    world.certify(&token, "02", "Autenticazione");
    world.write_certificate(&token, "ca.der", "0a", "CA");
    // A certificate whose key is not here, under the id of a key that is; and one of another kind.
    world.stranger(&token, "02", "altrove", &["rsa:2048"]);
    world.stranger(&token, "03", "ellittica", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let owner = world.owner();
    let uri = |rest: &str| format!("pkcs11:serial={}{rest}", token.serial);
    let mut person = Person::with(PIN);

    let several = owner.open(&uri(""), &mut person).unwrap_err();
    assert_eq!(several.code(), "pkcs11.several_certificates");
    let found = several.report().found.clone().unwrap();
    assert!(found.contains("CN=Ada Prova, serial number ") && found.contains("id 01"), "{found}");
    assert!(!found.contains("CA di prova"), "authorities are not meant: {found}");
    assert_eq!(code(owner.open(&uri(";id=%02"), &mut person)), "pkcs11.several_certificates");
    assert_eq!(person.asked, 0, "no PIN for a name that cannot do");

    let opened = owner.open(&uri(";object=Autenticazione"), &mut person).unwrap();
    let signature = owner.sign(&opened.id, b"tre", &mut person).unwrap();
    world.judge(&fs::read(world.path("certificate.der")).unwrap(), b"tre", &signature);
    assert_eq!(code(owner.open(&uri(";object=altrove"), &mut person)), "pkcs11.no_key");
    assert_eq!(code(owner.open(&uri(";object=ellittica"), &mut person)), "pkcs11.mechanism");
    let missing = owner.open(&uri(";id=%09"), &mut person).unwrap_err();
    assert_eq!(missing.code(), "pkcs11.no_certificate");
    assert!(missing.report().found.as_ref().unwrap().contains("CN=Autenticazione"), "{missing}");
}

#[test]
fn two_tokens_with_one_label_are_told_apart_by_serial() {
    let Some(world) = World::new("two tokens with one label") else { return };
    let (first, second) = (ready(&world), world.token("Carta"));
    world.key(&second, "01", &[]);
    world.certify(&second, "01", "Altra Persona");
    let (owner, mut person) = (world.owner(), Person::with(PIN));
    let several = owner.open("pkcs11:token=Carta;id=%01", &mut person).unwrap_err();
    assert_eq!(several.code(), "pkcs11.several_tokens");
    for token in [&first, &second] {
        assert!(several.report().found.as_ref().unwrap().contains(&token.serial), "{several}");
    }
    assert_eq!(person.asked, 0);
    let opened = open(&owner, &second, &mut person).unwrap();
    assert_eq!(opened.certificate, fs::read(world.path("certificate.der")).unwrap());
    let other = open(&owner, &first, &mut person).unwrap();
    assert_ne!(opened.id.certificate_sha256, other.id.certificate_sha256);
    for opened in [&opened, &other, &opened] {
        let signature = owner.sign(&opened.id, b"quattro", &mut person).unwrap();
        world.judge(&opened.certificate, b"quattro", &signature);
    }
    assert_eq!(person.asked, 2, "once each");
    let none = owner.open("pkcs11:token=Nessuna", &mut person).unwrap_err();
    assert_eq!(none.code(), "pkcs11.no_token");
    assert!(none.report().found.as_ref().unwrap().contains(&first.serial), "{none}");
}

#[test]
fn a_token_without_the_hash_mechanism_is_given_the_digest() {
    let mechanisms = "slots.mechanisms = CKM_RSA_PKCS_KEY_PAIR_GEN,CKM_RSA_PKCS";
    let Some(world) = World::with_settings("CKM_RSA_PKCS", mechanisms) else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.owner(), Person::with(PIN));
    let opened = open(&owner, &token, &mut person).unwrap();
    let signature = owner.sign(&opened.id, b"cinque", &mut person).unwrap();
    world.judge(&opened.certificate, b"cinque", &signature);
    drop(owner);

    let settings = fs::read_to_string(world.path("softhsm2.conf")).unwrap();
    let fewer = settings.replace(",CKM_RSA_PKCS", "");
    fs::write(world.path("softhsm2.conf"), fewer).unwrap();
    assert_eq!(code(open(&world.owner(), &token, &mut person)), "pkcs11.mechanism");
}

#[test]
fn a_key_that_wants_the_pin_each_time_is_given_it() {
    let Some(world) = World::new("CKA_ALWAYS_AUTHENTICATE") else { return };
    let token = world.token("Carta");
    world.authority();
    world.key(&token, "01", &["--always-auth"]);
    world.certify(&token, "01", "Ada Prova");
    let (owner, mut person) = (world.faulty_owner(), Person::with(PIN));
    let opened = open(&owner, &token, &mut person).unwrap();
    for (message, logins) in [(&b"sei"[..], 2), (b"sette", 3)] {
        let signature = owner.sign(&opened.id, message, &mut person).unwrap();
        world.judge(&opened.certificate, message, &signature);
        assert_eq!(world.noted("login"), logins, "to log in, and for each signature");
    }
    assert_eq!(person.asked, 1, "of the operator once");
    world.faults("login a0");
    assert_eq!(code(owner.sign(&opened.id, b"otto", &mut person)), "pkcs11.pin_wrong");
    world.faults("");
    // It was refused: it is not tried again, and another does.
    assert_eq!(code(owner.sign(&opened.id, b"otto", &mut person)), "pkcs11.pin_wrong");
    assert_eq!(world.noted("login"), 4);
    drop(owner);

    // The key beside it that does not want it each time comes first.
    let owner = world.faulty_owner();
    world.key(&token, "02", &[]);
    world.certify(&token, "02", "Autenticazione");
    owner.open(&format!("pkcs11:serial={};id=%02", token.serial), &mut person).unwrap();
    open(&owner, &token, &mut person).unwrap();
    owner.sign(&opened.id, b"nove", &mut person).unwrap();
}

#[test]
fn libraries_that_are_none_are_refused() {
    let Some(world) = World::new("libraries that are none") else { return };
    let text = world.path("text.so");
    fs::write(&text, "no library").unwrap();
    let libc = world.text("empty.so");
    fs::write(world.path("empty.c"), "int nothing;").unwrap();
    let compiled = std::process::Command::new("cc")
        .args(["-shared", "-o", &libc, &world.text("empty.c")])
        .status();
    assert!(compiled.unwrap().success());
    for path in [world.text("missing.so"), text.display().to_string(), libc, "softhsm.so".into()] {
        let error = Owner::new(Some(path.clone())).tokens().unwrap_err();
        assert!(
            matches!(&error, TokenError::Module { module, .. } if *module == path),
            "{error:?}"
        );
    }
    assert_eq!(Owner::new(None).tokens().unwrap_err(), TokenError::NoModule);
    assert_eq!(world.owner().tokens().unwrap(), []);
    let none = world.owner().open("pkcs11:", &mut Person::with(PIN)).unwrap_err();
    assert_eq!(none.report().found.as_deref(), Some("no token at all"));
}
