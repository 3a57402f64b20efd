//! Replacing a communication: once, within 30 days of the deadline, and what it annuls.

use ceralacca_environment::OpenEnvironment;
use ceralacca_sandbox::{Credentials, Settings};
use ceralacca_xml::{Communication, ProtocolloSostituito, Tipo};
use jiff::Timestamp;
use jiff::civil::date;

use crate::impronta_world::{communication, over, year};
use crate::world::{DITTA, ROSSI, World, keys, other_keys};

const ROSSI_CF: &str = "RSSMRA85M01H501Q";

/// Rossi, on the last day for 2025, with an environment.
struct Filer {
    world: World,
    rossi: Credentials,
    environment: OpenEnvironment,
}

fn filer() -> Filer {
    let world = World::new();
    let deadline = Settings { impronta_deadline: Some(date(2026, 11, 30)), ..Settings::default() };
    world.sandbox.set_settings(&deadline).unwrap();
    let rossi = world.account(ROSSI);
    let environment = world.environment(&rossi, keys());
    Filer { world, rossi, environment }
}

impl Filer {
    fn at(&self, time: &str) -> Timestamp {
        let at = time.parse().unwrap();
        self.world.sandbox.set_now(at).unwrap();
        at
    }

    fn accepted(&self, key: &str, communication: &Communication) -> String {
        let token = self.world.login(&self.rossi);
        self.world.accepted((&token, &self.environment), key, communication)
    }

    fn refused(&self, key: &str, communication: &Communication) -> (String, String) {
        let token = self.world.login(&self.rossi);
        self.world.refusal_of((&token, &self.environment), key, communication)
    }

    fn receipt(&self, protocollo: &str) -> serde_json::Value {
        self.world.receipt(&self.world.login(&self.rossi), protocollo)
    }
}

/// The same communication over another index, in place of `protocollo`.
fn replacing(protocollo: &str, index: &[u8], at: Timestamp) -> Communication {
    Communication {
        tipo: Tipo::Sostitutiva,
        protocollo_sostituito: Some(ProtocolloSostituito::parse(protocollo).unwrap()),
        ..over(index, ROSSI_CF, at)
    }
}

#[test]
fn it_is_replaced_once_and_annulled_by_that() {
    let filer = filer();
    let at = filer.at("2026-11-25T10:00:00Z");
    let first = filer.accepted("uno", &communication(ROSSI_CF, at));
    let (code, text) = filer.refused("altra", &over(b"altro", ROSSI_CF, at));
    assert_eq!(code, "impronta.already_filed");
    assert!(text.contains(&first), "{text}");

    // In Rome it is the thirtieth day until midnight.
    let at = filer.at("2026-12-30T22:59:00Z");
    let second = filer.accepted("due", &replacing(&first, b"corretto", at));
    let annulled = filer.receipt(&first);
    assert_eq!(annulled["stato"], "ANNULLATO");
    assert_eq!(annulled["annullato_da"], second.as_str());
    assert_eq!(annulled["documenti"]["acquisiti"], 1);
    assert_eq!(filer.receipt(&second)["stato"], "ELABORATO");

    // Neither the first nor its replacement is replaced again.
    for (key, protocollo) in [("tre", &first), ("quattro", &second)] {
        let (code, text) = filer.refused(key, &replacing(protocollo, key.as_bytes(), at));
        assert_eq!(code, "impronta.replaced_already");
        assert!(text.contains("una sola volta"), "{text}");
    }
    // There is one in force, so no ordinary one either.
    let (code, _) = filer.refused("cinque", &over(b"ancora", ROSSI_CF, at));
    assert_eq!(code, "impronta.already_filed");
}

#[test]
fn after_thirty_days_it_is_too_late() {
    let filer = filer();
    let at = filer.at("2026-11-25T10:00:00Z");
    let first = filer.accepted("uno", &communication(ROSSI_CF, at));
    let at = filer.at("2026-12-30T23:00:00Z");
    let (code, text) = filer.refused("due", &replacing(&first, b"corretto", at));
    assert_eq!(code, "impronta.replacement_late");
    assert!(text.contains("2026-12-30") && text.contains("2026-11-30"), "{text}");
    assert_eq!(filer.receipt(&first)["stato"], "ELABORATO");
}

#[test]
fn without_a_setting_the_known_deadlines_count() {
    let filer = filer();
    filer.world.sandbox.set_settings(&Settings::default()).unwrap();
    let at = filer.at("2028-01-10T10:00:00Z");
    let old = Communication { periodo_imposta: year(2020), ..communication(ROSSI_CF, at) };
    let first = filer.accepted("uno", &old);
    let late = Communication { periodo_imposta: year(2020), ..replacing(&first, b"x", at) };
    assert_eq!(filer.refused("due", &late).0, "impronta.replacement_late");
}

#[test]
fn only_what_is_there_can_be_replaced() {
    let filer = filer();
    let at = filer.at("2026-11-25T10:00:00Z");
    let nothing = replacing("26112500000099999", b"corretto", at);
    assert_eq!(filer.refused("uno", &nothing).0, "impronta.replaces_unknown");
    // Rossi's PKS10 has a number too.
    let pks10 = replacing("26112100000000001", b"corretto", at);
    assert_eq!(filer.refused("due", &pks10).0, "impronta.replaces_unknown");

    let ditta = filer.world.account(DITTA);
    let others = filer.world.environment(&ditta, other_keys());
    let token = filer.world.login(&ditta);
    let theirs = communication("02876990587", at);
    let theirs = filer.world.accepted((&token, &others), "loro", &theirs);
    let taken = replacing(&theirs, b"corretto", at);
    assert_eq!(filer.refused("tre", &taken).0, "impronta.replaces_unknown");

    let own = filer.accepted("quattro", &communication(ROSSI_CF, at));
    let other = Communication { periodo_imposta: year(2024), ..replacing(&own, b"c", at) };
    assert_eq!(filer.refused("cinque", &other).0, "impronta.other_period");
    // The same impronta with other details is a replacement like any other.
    filer.accepted("sei", &replacing(&own, crate::impronta_world::INDEX, at));
}

#[test]
fn periods_are_taken_once_each() {
    let filer = filer();
    let at = filer.at("2026-11-25T10:00:00Z");
    filer.accepted("uno", &communication(ROSSI_CF, at));
    let mut grouped = over(b"gruppo", ROSSI_CF, at);
    grouped.periodo_imposta.dal = date(2024, 1, 1);
    assert_eq!(filer.refused("due", &grouped).0, "impronta.already_filed");
    grouped.periodo_imposta = year(2024);
    filer.accepted("tre", &grouped);
}

#[test]
fn what_annuls_shows_when_it_is_processed() {
    let filer = filer();
    let at = filer.at("2026-11-25T10:00:00Z");
    let first = filer.accepted("uno", &communication(ROSSI_CF, at));
    let settings = filer.world.sandbox.settings().unwrap();
    filer.world.sandbox.set_settings(&Settings { receipt_delay_seconds: 60, ..settings }).unwrap();
    let xml = replacing(&first, b"corretto", at).to_xml();
    let token = filer.world.login(&filer.rossi);
    let pending = filer.world.filed(&token, "due", &filer.world.sealed(&xml, &filer.environment));
    assert_eq!(pending["stato"], "IN ELABORAZIONE");
    assert_eq!(filer.receipt(&first)["stato"], "ELABORATO");
    filer.at("2026-11-25T10:01:00Z");
    assert_eq!(filer.receipt(&first)["stato"], "ANNULLATO");
}
