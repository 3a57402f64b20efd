//! `send_file` at the moment from which it meets its faults.

use std::fs;

use super::case::Play;
use super::rewind::{Rewind, number};
use super::search::Search;
use crate::stage::Stage;
use crate::stage::impronta::{ARCHIVE, Filing, run};

/// `send_file` of a communication that was sealed elsewhere, by a workspace without a gateway.
pub fn send<'a>(filing: &'a Filing<'a>, stage: &'a Stage) -> Search<'a> {
    fs::write(stage.path(NAME), sealed_elsewhere(filing)).unwrap();
    let utente = format!("utente={}", filing.account.utente);
    let start = ["run", "send_file", &format!("file={NAME}"), "tipo_documento=IMPRONTA", &utente];
    let served = filing.served;
    Search {
        title: "send_file".to_owned(),
        rewind: Rewind::here(served, stage),
        play: Play {
            served,
            stage,
            account: filing.account.clone(),
            start: start.map(str::to_owned).into(),
            run: 1,
            until: None,
            collect: None,
        },
        submissions: 1,
        revocations: 0,
        judge: Box::new(move |place| {
            let listed = stage.run(&["receipts", "--json"]).json();
            let rows = listed["receipts"].as_array().unwrap();
            assert_eq!(rows.len(), 1, "{place}: {listed:#}");
            assert_eq!(rows[0]["stato"], "ELABORATO", "{place}");
            assert_eq!(listed["in_doubt"], serde_json::json!([]), "{place}: {listed:#}");
            let accepted = "SELECT count(*) FROM submissions WHERE protocollo = 'NUMBER'"
                .replace("NUMBER", rows[0]["protocollo"].as_str().unwrap());
            assert_eq!(number(served, &accepted), 1, "{place}: the Agency knows it");
            assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0], "{place}");
        }),
    }
}

const NAME: &str = "comunicazione.ccf";

/// What lies in `da inviare` where a person uploads.
fn sealed_elsewhere(filing: &Filing) -> Vec<u8> {
    let by_hand = filing.stage();
    by_hand.hand_off(filing.served);
    let mut arguments = filing.arguments("file_impronta", 1, &format!("{ARCHIVE}/2025-01-1"));
    arguments.push("lots=one".to_owned());
    let waiting = run(&by_hand, &arguments);
    assert_eq!(waiting.code, Some(4), "{}{}", waiting.stdout, waiting.stderr);
    fs::read(by_hand.path("Documenti/da inviare/1").join(NAME)).unwrap()
}
