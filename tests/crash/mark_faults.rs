//! What happens on the way to the mark and to the Agency, and what it costs: marks are counted.
//!
//! Each filing meets one fault, stops or goes on, and is resumed. What the error says of the mark is
//! held against the authority's own count, before and after.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::stage::impronta::{ARCHIVE, Filing, run};
use crate::stage::{self, Finished, Served, Stage, codice_fiscale};

const TSA: &str = "POST /tsa";
const SEND: &str = "POST /v1/submissions";
const RECEIPT: &str = "GET /v1/receipts/{protocollo}";
const ATTACHMENT: &str = "GET /v1/receipts/{protocollo}/attachments/{name}";

/// What a filing meets, and what came of it when it stopped.
struct Fault {
    route: &'static str,
    /// Kind of fault (JSON).
    kind: &'static str,
    /// Exit code and error code; 0 when it does not stop.
    stops: (i32, &'static str),
    /// Marks that the authority had made by then.
    marks: u64,
    /// Communications that the Agency had by then.
    sent: u64,
}

const fn fault(
    route: &'static str,
    kind: &'static str,
    stops: (i32, &'static str),
    marks: u64,
    sent: u64,
) -> Fault {
    Fault { route, kind, stops, marks, sent }
}

const ON_THE_WAY_TO_THE_MARK: [Fault; 16] = [
    fault(TSA, r#""refuse""#, (1, "tsa.access_denied"), 0, 0),
    fault(TSA, r#""cut_before_read""#, (3, "tsa.interrupted"), 0, 0),
    fault(TSA, r#""cut_mid_body""#, (3, "tsa.interrupted"), 0, 0),
    fault(TSA, r#"{"status": {"code": 503}}"#, (3, "tsa.interrupted"), 0, 0),
    fault(TSA, r#"{"tsa": "rejected"}"#, (1, "timestamp.rejected"), 0, 0),
    fault(TSA, r#""cut_after_commit""#, (3, "tsa.interrupted"), 1, 0),
    fault(TSA, r#"{"status": {"code": 500, "after_commit": true}}"#, (3, "tsa.interrupted"), 1, 0),
    fault(TSA, r#""truncated""#, (3, "tsa.interrupted"), 1, 0),
    fault(TSA, r#""wrong_content_type""#, (3, "tsa.not_a_reply"), 1, 0),
    fault(TSA, r#""garbage""#, (1, "timestamp.malformed"), 1, 0),
    fault(TSA, r#"{"tsa": "wrong_imprint"}"#, (1, "timestamp.other_imprint"), 1, 0),
    fault(TSA, r#"{"tsa": "wrong_nonce"}"#, (1, "timestamp.other_nonce"), 1, 0),
    fault(TSA, r#"{"tsa": "no_ess"}"#, (1, "timestamp.no_ess"), 1, 0),
    fault(TSA, r#"{"tsa": "damaged"}"#, (1, "timestamp.signature"), 1, 0),
    fault(TSA, r#"{"slow": {"milliseconds": 1500}}"#, (0, ""), 1, 1),
    fault(TSA, r#"{"tsa": "fractional_seconds"}"#, (0, ""), 1, 1),
];

const ON_THE_WAY_TO_THE_AGENCY: [Fault; 7] = [
    fault(SEND, r#""cut_mid_body""#, (3, "net.cut"), 1, 0),
    fault(SEND, r#""cut_after_commit""#, (3, "net.cut"), 1, 1),
    fault(
        SEND,
        r#"{"status": {"code": 500, "after_commit": true}}"#,
        (3, "net.gateway_failed"),
        1,
        1,
    ),
    fault(SEND, r#""garbage""#, (3, "net.garbage"), 1, 1),
    fault(SEND, r#""truncated""#, (3, "net.cut"), 1, 1),
    fault(RECEIPT, r#""refuse""#, (1, "net.refused_by_gateway"), 1, 1),
    fault(ATTACHMENT, r#""garbage""#, (1, "agency.attachment_damaged"), 1, 1),
];

#[test]
fn a_mark_is_lost_only_where_the_error_says_so() {
    each(51_000, &ON_THE_WAY_TO_THE_MARK, |fault, stage, place| {
        // A mark that was made and did not arrive, or cannot be used, is bought again.
        let wasted = u64::from(fault.stops.0 != 0) * fault.marks;
        let refused = stage.path("Documenti/impronte/1/indice.xml.p7m.tsr.refused");
        let answered = fault.stops.1.starts_with("timestamp.");
        assert_eq!(refused.exists(), answered, "{place}: the refused answer is kept");
        1 + wasted
    });
}

#[test]
fn what_the_agency_does_costs_no_mark() {
    each(51_001, &ON_THE_WAY_TO_THE_AGENCY, |_, _, _| 1);
}

/// Goes through all faults and names all that fail. `marks` says how many a whole filing costs.
fn each(account: u32, faults: &[Fault], marks: impl Fn(&Fault, &Stage, &str) -> u64) {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(account));
    let mut failed = 0;
    let mut bought = 0;
    for (period, fault) in (0..).zip(faults) {
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let before = served.marks();
            let stage = filing.stage();
            let place = meets(fault, &filing, &stage, period);
            let expected = marks(fault, &stage, &place);
            assert_eq!(served.marks() - before, expected, "{place}: marks in all");
            bought += expected;
        }));
        failed += usize::from(tried.is_err());
    }
    assert_eq!(failed, 0, "so many faults failed; each says why above");
    stage::say(&format!("{} faults, each filed once in the end; {bought} marks", faults.len()));
}

/// A filing meets the fault and is resumed to its end. Gives what to call it.
fn meets(fault: &Fault, filing: &Filing, stage: &Stage, period: u32) -> String {
    let place = format!("{} {}", fault.route, fault.kind);
    let served = filing.served;
    let (marks, sent) = (served.marks(), served.communications());
    let kind: Value = serde_json::from_str(fault.kind).unwrap();
    served.faults(&json!([{ "route": fault.route, "kind": kind }]));
    let lot = format!("{ARCHIVE}/2025-01-1");
    let mut arguments = filing.arguments("file_impronta", period, &lot);
    arguments.push("lots=one".to_owned());
    let stopped = run(stage, &arguments);
    let (exit, code) = fault.stops;
    assert_eq!(stopped.code, Some(exit), "{place}: {}{}", stopped.stdout, stopped.stderr);
    assert_eq!(served.marks() - marks, fault.marks, "{place}: marks when it stopped");
    assert_eq!(served.communications() - sent, fault.sent, "{place}: communications then");
    if exit != 0 {
        assert_eq!(stopped.error_code(), code, "{place}");
        if fault.route == TSA {
            what_it_says_is_true(&stopped, fault.marks, &place);
        }
        stage.resume(1, &filing.account, &[]).expect_success();
    }
    assert_eq!(served.communications() - sent, 1, "{place}: communications in the end");
    stage.run(&["journal", "verify"]).expect_success();
    place
}

/// `state` says that no mark was made only when none was, and that one may have been when one was.
fn what_it_says_is_true(stopped: &Finished, marks: u64, place: &str) {
    let printed: Value = serde_json::from_str(&stopped.stdout).unwrap();
    let state = printed["error"]["state"].as_str().unwrap();
    let none = state.contains("no mark was made");
    let perhaps = state.contains("may have counted a mark");
    assert!(none != perhaps, "{place}: it says one of both: {state}");
    assert!(marks == 0 || perhaps, "{place}: {marks} marks were made: {state}");
}
