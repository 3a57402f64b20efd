//! The trust service provider: marks as they should be and as faults spoil them, signers, the CRL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_identity::CodiceFiscale;
use ceralacca_kernel::{Error, Secret};
use ceralacca_keystore::{Certificate, pkcs12_read};
use ceralacca_sandbox::{NewSigner, Settings, TsaAccess};
use ceralacca_signing::{Answer, DigestAlgorithm, Purpose, Trust, Verdict};
use ceralacca_timestamp::{Mark, MessageImprint, TimestampRequest, check_response};
use serde_json::json;

use crate::client::{self, Answer as Reply};
use crate::world::World;

const QUERY: (&str, &str) = ("content-type", "application/timestamp-query");

fn request(algorithm: DigestAlgorithm) -> TimestampRequest {
    TimestampRequest::new(MessageImprint::of(algorithm, b"indice.xml.p7m"), None)
}

fn ask(world: &World, request: &[u8]) -> Reply {
    world.call(("POST", "/tsa"), &[QUERY], request)
}

/// Root and CRL as the public routes give them.
fn trust(world: &World) -> Trust {
    let mut trust = Trust::default();
    let root = world.call(("GET", "/trust/ca.cer"), &[], b"");
    assert_eq!(root.header("content-type"), Some("application/pkix-cert"));
    trust.add_anchor(Certificate::from_der(&root.body).unwrap(), "the sandbox");
    let list = world.call(("GET", "/trust/crl"), &[], b"");
    assert_eq!(list.header("content-type"), Some("application/pkix-crl"));
    trust.add_crl(&list.body, "the sandbox");
    trust
}

fn rossi() -> CodiceFiscale {
    CodiceFiscale::parse("RSSMRA85M01H501Q").unwrap()
}

fn bought(world: &World) -> u64 {
    let answer = world.admin(("GET", "/sandbox/v1/marks"), &json!(null));
    answer.json()["count"].as_u64().unwrap()
}

fn checked(world: &World, request: &TimestampRequest) -> Result<Mark, String> {
    let answer = ask(world, &request.to_der());
    assert_eq!(answer.status, 200);
    check_response(request, &answer.body, &trust(world), world.sandbox.now())
        .map_err(|error| Error::from(error).code().to_owned())
}

#[test]
fn marks_are_valid_and_counted() {
    let world = World::new();
    let trust = trust(&world);
    let accepted = DigestAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.is_accepted());
    for (before, algorithm) in accepted.enumerate() {
        let request = request(algorithm);
        let answer = ask(&world, &request.to_der());
        assert_eq!(answer.header("content-type"), Some("application/timestamp-reply"));
        let at = world.sandbox.now();
        let mark = check_response(&request, &answer.body, &trust, at).unwrap();
        let report = mark.verify(&trust, at);
        assert_eq!(report.verdict(), Verdict::Valid, "{report:#?}");
        assert_eq!(mark.authority(), "Marca temporale SANDBOX");
        assert_eq!(bought(&world), before as u64 + 1);
    }
    let (count, marks) = world.sandbox.marks(2).unwrap();
    assert_eq!((count, marks.len(), marks[1].algorithm.as_str()), (3, 2, "SHA-512"));
    assert_eq!(marks[1].imprint, request(DigestAlgorithm::Sha512).message_imprint.hex());
}

#[test]
fn a_mark_says_no_more_than_it_was_asked() {
    let world = World::new();
    let asked =
        TimestampRequest { nonce: None, cert_req: false, ..request(DigestAlgorithm::Sha256) };
    let mark = Mark::from_bytes(&ask(&world, &asked.to_der()).body).unwrap();
    assert_eq!((mark.nonce(), mark.signer_certificate()), (None, None));
}

#[test]
fn what_is_refused_says_why_and_costs_nothing() {
    let world = World::new();
    let good = request(DigestAlgorithm::Sha256);
    let mut short = good.to_der();
    // Of SHA-384, with the 32 bytes of a SHA-256.
    let at = short.windows(3).position(|three| three == [4, 2, 1]).unwrap();
    short[at + 2] = 2;
    let policy = Some("1.3.6.1.4.1.99999.1".parse().unwrap());
    for (bytes, failure) in [
        (request(DigestAlgorithm::Sha1).to_der(), "badAlg"),
        (short, "badDataFormat"),
        (TimestampRequest { policy, ..good.clone() }.to_der(), "unacceptedPolicy"),
        (b"che ora e?".to_vec(), "badRequest"),
        (Vec::new(), "badRequest"),
    ] {
        let answer = ask(&world, &bytes);
        let read = ceralacca_timestamp::TimestampResponse::from_der(&answer.body).unwrap();
        assert_eq!((answer.status, read.failures), (200, vec![failure.to_owned()]));
        assert!(read.text.starts_with("SANDBOX: ") && read.token.is_none());
    }
    let wrong_type = world.call(("POST", "/tsa"), &[], &good.to_der());
    assert_eq!(wrong_type.refusal(), (400, "gateway.bad_request".to_owned()));
    assert_eq!(ask(&world, &vec![0; 70_000]).status, 413);
    assert_eq!(bought(&world), 0);
}

#[test]
fn spoiled_marks_are_refused_each_in_its_way() {
    let world = World::new();
    for (fault, code, costs) in [
        ("rejected", "timestamp.rejected", false),
        ("no_ess", "timestamp.no_ess", true),
        ("wrong_nonce", "timestamp.other_nonce", true),
        ("no_nonce", "timestamp.other_nonce", true),
        ("wrong_imprint", "timestamp.other_imprint", true),
        ("future_time", "timestamp.future", true),
        ("no_certificate", "timestamp.untrusted", true),
        ("other_certificate", "timestamp.untrusted", true),
        ("damaged", "timestamp.signature", true),
    ] {
        world.faults(json!([{ "route": "*", "kind": { "tsa": fault } }]));
        let before = bought(&world);
        let refused = checked(&world, &request(DigestAlgorithm::Sha256));
        assert_eq!(refused.unwrap_err(), code, "{fault}");
        assert_eq!(bought(&world), before + u64::from(costs), "{fault}");
        checked(&world, &request(DigestAlgorithm::Sha256)).unwrap();
    }
    world.faults(json!([{ "route": "*", "kind": { "tsa": "fractional_seconds" }, "times": 2 }]));
    for _ in 0..2 {
        let mark = checked(&world, &request(DigestAlgorithm::Sha256)).unwrap();
        assert!(mark.gen_time().to_string().ends_with(".25Z"));
    }
    assert_eq!(world.sandbox.faults().unwrap(), []);
}

#[test]
fn a_cut_before_costs_nothing_and_a_cut_after_costs_a_mark() {
    let world = World::new();
    let request = request(DigestAlgorithm::Sha256).to_der();
    for (kind, costs) in [
        (json!("cut_before_read"), 0),
        (json!("cut_mid_body"), 0),
        (json!({ "status": { "code": 503 } }), 0),
        (json!("cut_after_commit"), 1),
        (json!("truncated"), 1),
        (json!({ "status": { "code": 502, "after_commit": true } }), 1),
        (json!("garbage"), 1),
    ] {
        world.faults(json!([{ "route": "POST /tsa", "kind": kind }]));
        let before = bought(&world);
        let answer = client::call(world.running.address, ("POST", "/tsa"), &[QUERY], &request);
        let good = answer.is_ok_and(|a| a.status == 200 && Mark::from_bytes(&a.body).is_ok());
        assert!(!good && bought(&world) == before + costs, "{kind}");
    }
}

#[test]
fn the_authority_can_want_a_password() {
    let world = World::new();
    let access = TsaAccess::new("studio", Secret::new("pass:word"));
    let settings = Settings { tsa_access: Some(access), ..world.sandbox.settings().unwrap() };
    world.sandbox.set_settings(&settings).unwrap();
    let world = world.reopened();
    assert_eq!(world.sandbox.settings().unwrap(), settings);
    assert!(!format!("{settings:?}").contains("pass:word"));
    // Only a hash is kept and shown; set again, it is the same password.
    let shown = serde_json::to_string(&world.sandbox.settings().unwrap()).unwrap();
    assert!(!shown.contains("pass:word"), "{shown}");
    let again: Settings = serde_json::from_str(&shown).unwrap();
    world.sandbox.set_settings(&again).unwrap();
    let request = request(DigestAlgorithm::Sha256).to_der();
    let with = |credentials: &str| {
        let basic = format!("Basic {}", STANDARD.encode(credentials));
        world.call(("POST", "/tsa"), &[QUERY, ("authorization", &basic)], &request)
    };
    for wrong in ["", "studio", "studio:", "studio:pass", "altri:pass:word"] {
        let answer = with(wrong);
        assert_eq!(answer.refusal(), (401, "gateway.access_denied".to_owned()), "{wrong}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"SANDBOX TSA\""));
    }
    assert_eq!((ask(&world, &request).status, bought(&world)), (401, 0));
    assert_eq!((with("studio:pass:word").status, bought(&world)), (200, 1));
    let colon = TsaAccess::new("a:b", Secret::new("x"));
    let refused = Settings { tsa_access: Some(colon), ..settings };
    assert!(world.sandbox.set_settings(&refused).is_err());
}

#[test]
fn a_signer_is_issued_used_and_revoked() {
    let world = World::new();
    let body = json!({ "codice_fiscale": "RSSMRA85M01H501Q", "common_name": "Niccolò Rossi" });
    let answer = world.admin(("POST", "/sandbox/v1/signers"), &body);
    assert_eq!(answer.status, 201);
    let made = answer.json();
    let p12 = STANDARD.decode(made["p12"].as_str().unwrap()).unwrap();
    let password = Secret::new(made["password"].as_str().unwrap());
    let entries = pkcs12_read::read("firma.p12", &p12, &password).unwrap();
    let [entry] = entries.as_slice() else { panic!() };
    let certificate = entry.certificate();
    assert_eq!(certificate.common_name(), "Niccolò Rossi");
    assert_eq!(certificate.key_usage(), "nonRepudiation");
    assert!(certificate.subject().contains("TINIT-RSSMRA85M01H501Q"), "{certificate:?}");
    assert!(certificate.issuer().contains("Prestatore di servizi fiduciari SANDBOX"));
    let against = |at| {
        let checks = trust(&world).check_path(certificate, &[], at, Purpose::Signing);
        let not_yes = |check: &&ceralacca_signing::Check| check.answer != Answer::Yes;
        checks.iter().filter(not_yes).map(|check| check.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(against(world.sandbox.now()), Vec::<String>::new());

    let serial = made["serial"].as_str().unwrap();
    let path = format!("/sandbox/v1/signers/{serial}/revoke");
    let revoked = world.admin(("POST", &path), &json!(null)).json();
    let again = world.admin(("POST", &path), &json!(null)).json();
    assert_eq!(revoked, again);
    assert_eq!(against(world.sandbox.now()), ["certificate.revocation"]);
    for unknown in ["00", "niente", &"0".repeat(300)] {
        let path = format!("/sandbox/v1/signers/{unknown}/revoke");
        let answer = world.admin(("POST", &path), &json!(null));
        assert_eq!(answer.refusal(), (404, "gateway.unknown_signer".to_owned()));
    }
}

#[test]
fn an_expired_signer_can_be_had_for_tests() {
    let world = World::new();
    let of = |from: &str, to: &str| NewSigner {
        valid_from: Some(from.parse().unwrap()),
        valid_to: Some(to.parse().unwrap()),
        password: Some(Secret::new("scelta")),
        ..NewSigner::of(rossi(), "Mario Rossi")
    };
    let made = of("2010-01-01T00:00:00Z", "2013-01-01T00:00:00Z");
    let issued = world.sandbox.issue_signer(made).unwrap();
    assert!(!issued.certificate.is_valid_at(world.sandbox.now()));
    assert_eq!(issued.password, Secret::new("scelta"));
    let turned = of("2013-01-01T00:00:00Z", "2010-01-01T00:00:00Z");
    assert!(world.sandbox.issue_signer(turned).is_err());
    let nameless = NewSigner::of(rossi(), "");
    assert!(world.sandbox.issue_signer(nameless).is_err());
    let body = json!({ "codice_fiscale": "RSSMRA85M01H501Q", "common_name": "x\n" });
    let answer = world.admin(("POST", "/sandbox/v1/signers"), &body);
    assert_eq!(answer.refusal(), (400, "gateway.bad_request".to_owned()));
}

#[test]
fn the_provider_is_the_same_after_a_restart_and_another_than_the_ca() {
    let world = World::new();
    let root = world.sandbox.trust_certificate().unwrap();
    assert_ne!(root, world.sandbox.ca_certificate());
    let mark = checked(&world, &request(DigestAlgorithm::Sha256)).unwrap();
    let world = world.reopened();
    assert_eq!(world.sandbox.trust_certificate().unwrap(), root);
    let report = mark.verify(&trust(&world), world.sandbox.now());
    assert_eq!((report.verdict(), bought(&world)), (Verdict::Valid, 1));
    // A clock in another century makes marks that are as good.
    world.sandbox.set_now("2124-03-01T10:00:00Z".parse().unwrap()).unwrap();
    let mark = checked(&world, &request(DigestAlgorithm::Sha256)).unwrap();
    assert!(mark.gen_time().to_string().starts_with("2124-03-01T10:00"));
}
