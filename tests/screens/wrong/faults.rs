//! What happens on the way: cuts, failures, nonsense; each mended by resuming, with one request.

use serde_json::{Value, json};

use super::{Place, check, complete, each, resume, setup, waits};
use crate::stage::{Served, Stage, codice_fiscale};

const CA: &str = "GET /v1/ca/certificates";
const SEND: &str = "POST /v1/submissions";
const FIND: &str = "GET /v1/submissions";
const RECEIPT: &str = "GET /v1/receipts/{protocollo}";
const ATTACHMENT: &str = "GET /v1/receipts/{protocollo}/attachments/{name}";

/// Golden file, exit code, route, kind of fault (JSON), requests that have arrived then.
type Fault = (&'static str, i32, &'static str, &'static str, u64);

const FAULTS: [Fault; 17] = [
    ("net.refused_by_gateway", 1, SEND, r#""refuse""#, 0),
    ("net.refused_by_gateway.ca", 1, CA, r#""refuse""#, 0),
    ("net.gateway_failed.ca", 1, CA, r#"{"status": {"code": 503}}"#, 0),
    ("net.gateway_failed.sending", 3, SEND, r#"{"status": {"code": 503}}"#, 0),
    (
        "net.gateway_failed.committed",
        3,
        SEND,
        r#"{"status": {"code": 500, "after_commit": true}}"#,
        1,
    ),
    ("net.cut.ca", 1, CA, r#""cut_before_read""#, 0),
    ("net.cut.before", 3, SEND, r#""cut_before_read""#, 0),
    ("net.cut.middle", 3, SEND, r#""cut_mid_body""#, 0),
    ("net.cut.committed", 3, SEND, r#""cut_after_commit""#, 1),
    ("net.garbage.ca", 1, CA, r#""garbage""#, 0),
    ("net.garbage.committed", 3, SEND, r#""garbage""#, 1),
    ("net.garbage.content_type", 1, CA, r#""wrong_content_type""#, 0),
    ("net.garbage.content_type_committed", 3, SEND, r#""wrong_content_type""#, 1),
    ("net.cut.truncated", 1, CA, r#""truncated""#, 0),
    ("net.cut.truncated_committed", 3, SEND, r#""truncated""#, 1),
    ("net.refused_by_gateway.receipt", 1, RECEIPT, r#""refuse""#, 1),
    ("agency.attachment_damaged", 1, ATTACHMENT, r#""garbage""#, 1),
];

#[test]
fn what_goes_wrong_on_the_way_is_mended_by_resuming() {
    let served = Served::start();
    each((64_000..).zip(FAULTS), |(number, (case, exit, route, kind, arrived))| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        let before = served.requests();
        let kind: Value = serde_json::from_str(kind).unwrap();
        served.faults(&json!([{ "route": route, "kind": kind }]));
        let stopped = setup(&stage, &account, &[]);
        check(case, exit, &stopped, Place::with(&stage, &served, &account));
        waits(case, &stage.path("ambiente"));
        assert_eq!(served.requests() - before, arrived, "{case}: requests before resuming");
        resume(&stage, &account).expect_success();
        complete(case, &stage.path("ambiente"));
        assert_eq!(served.requests() - before, 1, "{case}: requests");
    });
}

#[test]
fn while_the_agency_cannot_be_asked_nothing_is_sent_again() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(64_100));
    let place = Place::with(&stage, &served, &account);
    served.faults(&json!([
        { "route": SEND, "kind": "cut_after_commit" },
        { "route": FIND, "kind": { "status": { "code": 502 } } },
    ]));
    assert_eq!(setup(&stage, &account, &[]).code, Some(3));
    check("run.outcome_unknown", 3, &resume(&stage, &account), place);
    waits("run.outcome_unknown", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
    resume(&stage, &account).expect_success();
    complete("run.outcome_unknown", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

#[test]
fn portal_keys_that_are_refused_send_nothing() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(64_200));
    let right = account.secrets["portal_password"].clone();
    account.set("portal_password", Some("PortaleSbagliato"));
    let refused = setup(&stage, &account, &[]);
    check("net.access_denied", 1, &refused, Place::with(&stage, &served, &account));
    waits("net.access_denied", &stage.path("ambiente"));
    assert_eq!(served.requests(), 0);
    account.set("portal_password", Some(&right));
    resume(&stage, &account).expect_success();

    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(64_201));
    let other = format!("on_behalf_of={}/000", codice_fiscale(64_200));
    let refused = setup(&stage, &account, &[&other]);
    check("net.not_incaricato", 1, &refused, Place::with(&stage, &served, &account));
    assert_eq!(served.requests(), 1, "only the first account's");
}

#[test]
fn without_an_approval_nothing_is_sent() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(64_300));
    let arguments = stage.setup_arguments("setup_environment", &account);
    let arguments: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !["--json", "--approve"].contains(argument))
        .collect();
    let refused = stage.run(&arguments);
    check("run.approval_needed", 1, &refused, Place::with(&stage, &served, &account));
    waits("run.approval_needed", &stage.path("ambiente"));
    assert_eq!(served.requests(), 0);
    resume(&stage, &account).expect_success();
    assert_eq!(served.requests(), 1);
}
