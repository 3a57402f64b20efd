//! What the Agency answers: a CERTIF.IN that is not the right one, a receipt that says no.

use std::fs;

use serde_json::json;

use super::{Place, Snapshot, check, complete, each, resume, run_script, setup, waits};
use crate::stage::{Account, Finished, Served, Stage, codice_fiscale};

/// Golden file, and what the sandbox does to CERTIF.IN.
const CERTIF_IN: [(&str, &str); 9] = [
    ("certif_in.other_request", "other_request"),
    ("certif_in.truncated", "truncated"),
    ("certif_in.pem", "pem"),
    ("certif_in.trailing_bytes", "trailing"),
    ("certif_in.swapped", "swapped"),
    ("certif_in.key_size", "short_key"),
    ("certif_in.other_ca", "other_ca"),
    ("certif_in.forged", "forged"),
    ("certif_in.missing", "missing_one"),
];

#[test]
fn a_wrong_certif_in_is_not_imported_and_the_right_one_is_later() {
    let served = Served::start();
    each((62_000..).zip(CERTIF_IN), |(number, (case, spoil))| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        let before = served.requests();
        served.faults(&json!([{ "route": "*", "kind": { "certif_in": spoil } }]));
        let refused = setup(&stage, &account, &[]);
        check(case, 1, &refused, Place::with(&stage, &served, &account));
        waits(case, &stage.path("ambiente"));
        // The Agency has mended it: the same request, another look at its receipt.
        resume(&stage, &account).expect_success();
        complete(case, &stage.path("ambiente"));
        assert_eq!(served.requests() - before, 1, "{case}: requests");
    });
}

#[test]
fn certificates_of_another_time_are_not_imported() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(62_100));
    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 864_000 })));
    let refused = setup(&stage, &account, &[]);
    check("certif_in.not_valid", 1, &refused, Place::with(&stage, &served, &account));
    waits("certif_in.not_valid", &stage.path("ambiente"));
}

/// Makes ready for a request that will be rejected, and sends it.
type Rejected = fn(&Served, &Stage, &mut Account) -> Finished;

/// Golden file, and how the Agency is brought to say no.
const REJECTIONS: [(&str, Rejected); 6] = [
    ("agency.rejected.wrong_pincode", |_, stage, account| {
        account.set("pincode", Some("AB12CD34EF56GH78IJ90"));
        setup(stage, account, &[])
    }),
    ("agency.rejected.unknown_account", |_, stage, account| {
        setup(stage, account, &["codice_fiscale=RSSMRA85M01H501Q"])
    }),
    ("agency.rejected.sender_not_incaricato", |served, stage, account| {
        let other = served.account(&codice_fiscale(63_101));
        account.set("pincode", other.secrets.get("pincode").map(String::as_str));
        let codice_fiscale = format!("codice_fiscale={}", other.codice_fiscale);
        setup(stage, account, &[&codice_fiscale])
    }),
    ("agency.rejected.utenza_di_lavoro", |served, stage, account| {
        let subject = served.account(&codice_fiscale(63_102));
        let of = json!([{ "codice_fiscale": subject.codice_fiscale, "sede": "000" }]);
        *account = served.account_with(&codice_fiscale(63_103), &of);
        account.set("pincode", subject.secrets.get("pincode").map(String::as_str));
        let codice_fiscale = format!("codice_fiscale={}", subject.codice_fiscale);
        setup(stage, account, &[&codice_fiscale])
    }),
    ("agency.rejected.environment_exists", |served, stage, account| {
        let first = Stage::new(served);
        setup(&first, account, &[]).expect_success();
        setup(stage, account, &[])
    }),
    ("agency.rejected.revoked_keys", |served, stage, account| {
        let again = (
            "let receipt = portal.submit(request).wait(\"30d\").require_accepted();",
            "let receipt = portal.submit(request).wait(\"30d\").require_accepted();\n    \
             receipt = portal.submit(env.certificate_request(account, pincode, pin_di_revoca, \
             agency::ca_certificates())).wait(\"2h\");\n    receipt.require_accepted();",
        );
        let script = changed(stage, &[again]);
        let delay = |seconds: u32| {
            let settings = json!({ "receipt_delay_seconds": seconds });
            served.admin("PUT", "/sandbox/v1/settings", Some(&settings));
        };
        // Long enough that a busy machine does not see the first receipt before it stops.
        delay(5);
        assert_eq!(run_script(stage, &script, account, &["--patience", "0s"]).code, Some(4));
        delay(0);
        let revoke = format!("/sandbox/v1/environments/{}/000/revoke", account.codice_fiscale);
        served.admin("POST", &revoke, None);
        resume(stage, account)
    }),
];

#[test]
fn a_rejected_request_is_said_to_be_one_and_is_not_sent_again() {
    let served = Served::start();
    each((63_000..).zip(REJECTIONS), |(number, (case, send))| {
        let stage = Stage::new(&served);
        let mut account = served.account(&codice_fiscale(number));
        let refused = send(&served, &stage, &mut account);
        check(case, 1, &refused, Place::with(&stage, &served, &account));
        waits(case, &stage.path("ambiente"));
        let sent = served.requests();
        assert_eq!(resume(&stage, &account).code, Some(1), "{case}: a rejection stays one");
        assert_eq!(served.requests(), sent, "{case}: sent again");
    });
}

#[test]
fn after_a_rejection_the_way_is_free_and_the_rejected_request_is_kept() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(63_140));
    let right = account.secrets["pincode"].clone();
    account.set("pincode", Some("AB12CD34EF56GH78IJ90"));
    assert_eq!(setup(&stage, &account, &[]).code, Some(1));
    let sent = Snapshot::of(&stage.path("Documenti/inviati")).first("-req.ccc");
    let request = fs::read(&sent).unwrap();
    account.set("pincode", Some(&right));
    setup(&stage, &account, &[]).expect_success();
    complete("set aside", &stage.path("ambiente"));
    let aside: Vec<_> = fs::read_dir(stage.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("rifiuto.txt").exists())
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    waits("set aside", &aside[0]);
    assert_eq!(fs::read(&sent).unwrap(), request, "what was sent is kept");
    let reason = fs::read_to_string(aside[0].join("rifiuto.txt")).unwrap();
    assert!(reason.contains("incode"), "{reason}");
    assert_eq!(served.requests(), 2);
    // The first run knows what became of its request, and touches nothing.
    assert_eq!(resume(&stage, &account).code, Some(1));
    complete("set aside", &stage.path("ambiente"));
    assert_eq!(served.requests(), 2);
}

/// Golden file, and what a first run meets on its way to a complete environment.
const OPEN_REQUESTS: [(&str, &str, &[&str]); 3] = [
    ("environment.pending_request.not_requested", "no_ca", &["--approve"]),
    ("environment.pending_request.never_sent", "", &[]),
    ("environment.pending_request.accepted", "truncated", &["--approve"]),
];

#[test]
fn a_request_that_is_open_is_said_to_be_and_how_far_it_came() {
    let served = Served::start();
    each((63_250..).zip(OPEN_REQUESTS), |(number, (case, fault, more))| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        let before = served.requests();
        served.faults(&match fault {
            "" => json!([]),
            "no_ca" => json!([{ "route": "GET /v1/ca/certificates", "kind": "refuse" }]),
            spoil => json!([{ "route": "*", "kind": { "certif_in": spoil } }]),
        });
        let mut arguments = stage.setup_arguments("setup_environment", &account);
        arguments.retain(|argument| argument != "--json" && argument != "--approve");
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let stopped = stage.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(stopped.code, Some(1), "{case}: {}", stopped.stderr);
        served.faults(&json!([]));
        let place = Place::with(&stage, &served, &account);
        check(case, 1, &setup(&stage, &account, &[]), place);
        waits(case, &stage.path("ambiente"));
        // What it says helps.
        resume(&stage, &account).expect_success();
        complete(case, &stage.path("ambiente"));
        assert_eq!(served.requests() - before, 1, "{case}");
    });
}

#[test]
fn a_file_that_was_sent_is_rejected_when_it_comes_again() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(63_150));
    let place = Place::with(&stage, &served, &account);
    let twice = ("let receipt =", "portal.submit(request);\n    let receipt =");
    let refused = run_script(&stage, &changed(&stage, &[twice]), &account, &[]);
    check("submission.document_unreadable", 1, &refused, place);
    let inviati = fs::read_dir(stage.path("Documenti/inviati")).unwrap().next().unwrap().unwrap();
    let waiting = stage.path("Documenti/da inviare/1");
    fs::create_dir_all(&waiting).unwrap();

    fs::write(waiting.join("req.ccc"), "something else").unwrap();
    check("submission.document_changed", 1, &resume(&stage, &account), place);
    assert_eq!(served.requests(), 1);
    // Put back by hand, as the error says: it is the Agency's turn to notice.
    fs::copy(inviati.path(), waiting.join("req.ccc")).unwrap();
    check("agency.rejected.replayed_request", 1, &resume(&stage, &account), place);
    assert_eq!(served.requests(), 2);
}

#[test]
fn keys_of_an_open_request_are_never_set_aside() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(63_200));
    let place = Place::with(&stage, &served, &account);
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "receipt_delay_seconds": 3600 })));

    // The receipt does not come: the run is suspended.
    let waiting = setup(&stage, &account, &["--patience", "0s"]);
    check("run.waiting", 4, &waiting, place);
    // Another run in the same folder is refused.
    check("environment.pending_request", 1, &setup(&stage, &account, &[]), place);
    waits("environment.pending_request", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
    // An hour later the receipt is there.
    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 3601 })));
    resume(&stage, &account).expect_success();
    complete("run.waiting", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
    check("run.finished", 2, &resume(&stage, &account), place);
}

/// Golden file, exit code, and what is different in the script.
type Script = (&'static str, i32, (&'static str, &'static str));

/// Scripts that wait or fetch in another way.
const SCRIPTS: [Script; 4] = [
    ("agency.receipt_late", 4, ("wait(\"30d\")", "wait(\"0s\")")),
    ("agency.timeout_form", 2, ("wait(\"30d\")", "wait(\"two hours\")")),
    ("agency.no_such_attachment", 1, ("attachment(\"CERTIF.IN\")", "attachment(\"CERTIF.OUT\")")),
    ("environment.already_complete", 1, ("#{ folder", "env.generate_keys(); #{ folder")),
];

#[test]
fn scripts_that_misread_the_answer() {
    let served = Served::start();
    each((63_300..).zip(SCRIPTS), |(number, (case, exit, change))| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        let delay = u32::from(case == "agency.receipt_late") * 3600;
        let settings = json!({ "receipt_delay_seconds": delay });
        served.admin("PUT", "/sandbox/v1/settings", Some(&settings));
        let refused = run_script(&stage, &changed(&stage, &[change]), &account, &[]);
        check(case, exit, &refused, Place::with(&stage, &served, &account));
    });
}

/// A copy of `setup_environment` with other text in some places, in the workspace.
pub fn changed(stage: &Stage, changes: &[(&str, &str)]) -> String {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/setup_environment.rhai");
    let mut text = fs::read_to_string(shipped).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in the shipped script any more");
        text = text.replace(from, to);
    }
    fs::write(stage.path("mio.rhai"), text).unwrap();
    "./mio.rhai".to_owned()
}
