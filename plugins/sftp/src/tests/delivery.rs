//! A support is delivered once, opens with openssl, and no wrong server or key gets in between.

use std::fs;
use std::thread;

use ceralacca_kernel::Value;
use ceralacca_plugin_sdk::Exit;
use serde_json::json;

use super::scene::{Document, NODE, Scene, password};
use super::sshd::{Sshd, key, public};

#[test]
fn a_support_is_delivered_once_and_opens_with_openssl() {
    let Some(scene) = Scene::new("a support opened by openssl") else { return };
    let document = Document::new("k-1");
    let sent = scene.submit(&document).unwrap();
    assert_eq!(sent["protocollo"], "senza-protocollo-2026326-0536-001");
    assert_eq!(sent["received_at"], "2026-11-22T05:36:00Z");
    let name = format!("FI.{NODE}.2026326.0536.001.zip");
    assert_eq!(scene.names("in"), [name.as_str()]);
    let files = scene.open(&name);
    assert_eq!(files["comunicazione.ccf"], document.bytes);
    let invio: serde_json::Value = serde_json::from_slice(&files["invio.json"]).unwrap();
    assert_eq!(invio["tipo_documento"], "IMPRONTA");

    let before = fs::read(scene.path("in").join(&name)).unwrap();
    assert_eq!(scene.submit(&document).unwrap(), sent, "the same call is the same submission");
    assert_eq!(fs::read(scene.path("in").join(&name)).unwrap(), before);
    assert_eq!(scene.find("k-1").unwrap(), json!([sent]));
    let by_content = Value::from([("sha256", Value::from(sent["sha256"].as_str().unwrap()))]);
    let found = scene.ask("agency/find_submissions", vec![by_content]).unwrap();
    assert_eq!(found, json!([sent]));
    assert_eq!(scene.find("k-2").unwrap(), json!([]));

    let other = Document { key: "k-1".to_owned(), bytes: b"other".to_vec() };
    assert_eq!(scene.submit(&other).unwrap_err().code(), "sftp.another_document");
    assert_eq!(scene.names("in").len(), 1);
}

#[test]
fn many_at_once_need_no_semaphore() {
    let Some(scene) = Scene::new("supports sent side by side") else { return };
    thread::scope(|scope| {
        for worker in 0..6 {
            let scene = &scene;
            scope.spawn(move || {
                for step in 0..3 {
                    scene.submit(&Document::new(&format!("{worker}-{step}"))).unwrap();
                }
            });
        }
    });
    let names = scene.names("in");
    assert_eq!(names.len(), 18);
    assert!(names.iter().all(|name| name.starts_with("FI.") && name.ends_with(".zip")));
    assert_eq!(names[17], format!("FI.{NODE}.2026326.0536.018.zip"));
}

#[test]
fn two_computers_of_one_node_leave_each_other_their_names() {
    let Some(mut scene) = Scene::new("one node on two computers") else { return };
    let first = scene.submit(&Document::new("k-1")).unwrap();
    scene.other.insert("state".to_owned(), json!(scene.path("state-2")));
    // The first name was collected by now, and has its outcome.
    let name = format!("FI.{NODE}.2026326.0536.001.zip");
    let answered = scene.path("out").join(name.replace("FI.", "EO."));
    fs::rename(scene.path("in").join(&name), answered).unwrap();
    let second = scene.submit(&Document::new("k-2")).unwrap();
    assert_ne!(first["protocollo"], second["protocollo"]);
    assert_eq!(scene.names("in"), [format!("FI.{NODE}.2026326.0536.002.zip")]);
}

#[test]
fn an_unknown_server_gets_nothing() {
    let Some(mut scene) = Scene::new("a wrong host key") else { return };
    let right = public(&scene.path("host_key"));
    key(&scene.path("other"), "ed25519", "");
    key(&scene.path("rsa"), "rsa", "");
    let unknown = format!("SHA256:{}", "A".repeat(43));
    for wrong in [public(&scene.path("other")), public(&scene.path("rsa")), unknown] {
        scene.other.insert("host_key".to_owned(), json!(wrong));
        let error = scene.submit(&Document::new("k-1")).unwrap_err();
        let expected =
            if wrong.starts_with("ssh-rsa") { "sftp.unreachable" } else { "sftp.host_key" };
        assert_eq!(error.code(), expected, "{error}");
        assert_eq!(error.exit(), Exit::Refused);
    }
    assert!(!scene.server.log().contains("Accepted"), "{}", scene.server.log());
    assert!(scene.names("in").is_empty());
    scene.other.insert("host_key".to_owned(), json!([public(&scene.path("other")), right]));
    scene.submit(&Document::new("k-1")).unwrap();
    let (kind, key) = right.split_once(' ').unwrap();
    for bad in ["", "SHA256:short", kind, &key[..20]] {
        scene.other.insert("host_key".to_owned(), json!(bad));
        assert_eq!(scene.submit(&Document::new("k-2")).unwrap_err().code(), "sftp.settings");
    }
    scene.other.insert("host_key".to_owned(), json!([]));
    assert_eq!(scene.submit(&Document::new("k-2")).unwrap_err().code(), "sftp.settings");
}

#[test]
fn host_keys_of_every_kind_are_known_again() {
    let Some(mut scene) = Scene::new("host keys: RSA, ECDSA, by fingerprint") else { return };
    for (number, kind) in ["rsa", "ecdsa", "ed25519"].into_iter().enumerate() {
        for name in ["host_key", "host_key.pub"] {
            fs::remove_file(scene.path(name)).unwrap();
        }
        key(&scene.path("host_key"), kind, "");
        scene.server = Sshd::start(scene.folder.path());
        scene.other.clear();
        scene.submit(&Document::new(&format!("key-{number}"))).unwrap();
        let said = std::process::Command::new("ssh-keygen")
            .args(["-l", "-f"])
            .arg(scene.path("host_key.pub"))
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let fingerprint = said.split(' ').nth(1).unwrap();
        scene.other.insert("host_key".to_owned(), json!(fingerprint));
        scene.submit(&Document::new(&format!("fingerprint-{number}"))).unwrap();
    }
    assert_eq!(scene.names("in").len(), 6);
}

#[test]
fn identities_of_every_kind_are_let_in() {
    let Some(mut scene) = Scene::new("identities: RSA, ECDSA, encrypted") else { return };
    let kinds = [("rsa", ""), ("ecdsa", ""), ("ed25519", password()), ("rsa", password())];
    for (number, (kind, passphrase)) in kinds.into_iter().enumerate() {
        let path = scene.path(&format!("identity-{number}"));
        key(&path, kind, passphrase);
        scene.other.insert("identity".to_owned(), json!(path));
        let document = Document::new(&format!("k-{number}"));
        let error = scene.submit(&document).unwrap_err();
        assert_eq!(error.code(), "sftp.login", "{error}");
        assert!(error.report().found.as_deref().unwrap().contains("publickey"), "{error}");
        fs::write(scene.path("authorized_keys"), public(&path)).unwrap();
        scene.submit(&document).unwrap();
    }
    assert_eq!(scene.names("in").len(), 4);
    scene.other.insert("identity".to_owned(), json!(null));
    let error = scene.submit(&Document::new("k-9")).unwrap_err();
    assert_eq!(error.code(), "sftp.login", "a wrong password");
    assert!(!format!("{error:?}").contains(password()));
}

#[test]
fn what_stands_against_sending_is_told_and_nothing_is_delivered() {
    let Some(mut scene) = Scene::new("refusals of the server") else { return };
    scene.other.insert("outgoing".to_owned(), json!(scene.path("nowhere")));
    let error = scene.submit(&Document::new("k-1")).unwrap_err();
    assert_eq!(error.code(), "sftp.remote", "{error}");
    scene.other.insert("outgoing".to_owned(), json!(scene.path("in")));
    scene.other.insert("port".to_owned(), json!(1));
    let error = scene.submit(&Document::new("k-1")).unwrap_err();
    assert_eq!(error.code(), "sftp.unreachable", "{error}");
    assert_eq!(error.report().fields, passing(&error));
    scene.other.remove("port");
    // The same support, after all that was in the way.
    let sent = scene.submit(&Document::new("k-1")).unwrap();
    assert_eq!(sent["protocollo"], "senza-protocollo-2026326-0536-001");
    for (setting, value) in [
        ("node", json!("../x")),
        ("signer", json!(scene.path("missing.p12"))),
        ("signer", json!("node.p12")),
        ("state", json!("state")),
        ("recipient", json!(scene.path("identity"))),
        ("anchors", json!([])),
        ("unknown", json!(1)),
    ] {
        let before = scene.other.insert(setting.to_owned(), value);
        let error = scene.submit(&Document::new("k-2")).unwrap_err();
        assert_eq!(error.code(), "sftp.settings", "{setting}: {error}");
        scene.other.remove(setting);
        scene.other.extend(before.map(|before| (setting.to_owned(), before)));
    }
    assert_eq!(scene.names("in").len(), 1);
}

/// The fields of an error, after a look at the one that counts.
fn passing(error: &ceralacca_plugin_sdk::Error) -> Value {
    let fields = error.report().fields.clone();
    let Value::Map(map) = &fields else { panic!("{error:?}") };
    assert_eq!(map["passing"], Value::Bool(true));
    fields
}

#[test]
fn what_is_not_offered_says_what_to_do() {
    let Some(mut scene) = Scene::new("what the channel does not offer") else { return };
    for operation in ["agency/revoke", "agency/find_revocation", "agency/crl", "agency/other"] {
        let error = scene.ask(operation, vec![Value::Null]).unwrap_err();
        assert_eq!(error.code(), "sftp.not_offered");
    }
    let found = scene.ask("agency/ca_certificates", vec![]).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
    scene.other.insert("ca".to_owned(), json!([]));
    assert_eq!(scene.ask("agency/ca_certificates", vec![]).unwrap_err().code(), "sftp.not_offered");
    let error = scene.ask("agency/submit", vec![Value::from("nonsense")]).unwrap_err();
    assert_eq!(error.code(), "sftp.question");
}
