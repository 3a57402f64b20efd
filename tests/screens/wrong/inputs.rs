//! What is typed: inputs, secrets, names of workflows. Nothing is begun, or nothing is touched.

use std::fs;
use std::path::Path;

use super::{Place, Snapshot, check, each, setup, untouched};
use crate::stage::{Served, Stage, codice_fiscale};

/// Golden file, and what is given in place of the right inputs.
type Input = (&'static str, &'static [(&'static str, &'static str)]);

/// Each rule of the inputs, broken.
const INPUTS: [Input; 15] = [
    ("workflow.missing_input", &[("utente", "")]),
    ("workflow.unknown_input", &[("codice_fiscal", "RSSMRA85M01H501Q")]),
    ("workflow.unknown_input.far", &[("colore", "blu")]),
    ("identity.codice_fiscale_length", &[("codice_fiscale", "RSSMRA85M01H501")]),
    ("identity.codice_fiscale_characters.digit", &[("codice_fiscale", "RSSMRA85M01H5-1Q")]),
    ("identity.codice_fiscale_characters.letter", &[("codice_fiscale", "R5SMRA85M01H501Q")]),
    ("identity.codice_fiscale_month", &[("codice_fiscale", "RSSMRA85F01H501Q")]),
    ("identity.codice_fiscale_day", &[("codice_fiscale", "RSSMRA85M32H501Q")]),
    ("identity.codice_fiscale_check_letter", &[("codice_fiscale", "RSSMRA85M01H501Z")]),
    ("identity.codice_fiscale_check_digit", &[("codice_fiscale", "12345678901")]),
    ("identity.codice_fiscale_all_zeros", &[("codice_fiscale", "00000000000")]),
    ("identity.sede", &[("sede", "1")]),
    ("identity.sede.letters", &[("sede", "O00")]),
    ("identity.account_form", &[("on_behalf_of", "RSSMRA85M01H501Q")]),
    ("identity.codice_fiscale_check_letter.other", &[("on_behalf_of", "RSSMRA85M01H501A/000")]),
];

#[test]
fn inputs_that_break_a_rule_begin_nothing() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(60_000));
    let before = Snapshot::of(stage.folder.path());
    each(INPUTS, |(case, changes)| {
        let mut inputs = vec![
            ("codice_fiscale", account.codice_fiscale.as_str()),
            ("utente", account.utente.as_str()),
        ];
        inputs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        inputs.extend(changes.iter().filter(|(_, text)| !text.is_empty()));
        let inputs: Vec<String> =
            inputs.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
        let mut arguments = vec!["run", "setup_environment", "--approve"];
        arguments.extend(inputs.iter().map(String::as_str));
        let place = Place::with(&stage, &served, &account);
        check(case, 2, &stage.run(&arguments), place);
        untouched(case, stage.folder.path(), &before);
    });
    assert_eq!(served.requests(), 0);
}

#[test]
fn a_protocollo_has_17_digits() {
    let stage = Stage::embedded();
    let arguments = ["run", "replace_impronta", "protocollo=2611220000000000X"];
    let others = ["archive=a", "dal=2025-01-01", "al=2025-12-31", "denominazione=A", "utente=A"];
    let more = ["codice_fiscale=RSSMRA85M01H501Q", "tipi_documento=D01", "signer=f.p12"];
    let all = [&arguments[..], &others, &more].concat();
    check("input.protocollo", 2, &stage.run(&all), Place::new(&stage));
}

/// Golden file, name and text of a secret.
type SecretCase = (&'static str, &'static str, Option<&'static str>);

/// Each rule of the secrets, broken; `None` leaves the secret out.
const SECRETS: [SecretCase; 15] = [
    ("secret.pincode_length", "pincode", Some("AB12CD34EF56GH78IJ9")),
    ("secret.pincode_length.space", "pincode", Some("AB12CD34 EF56GH78IJ90")),
    ("secret.characters.pincode", "pincode", Some("AB12CD34EF56GH78_J90")),
    ("secret.too_short.pin_di_revoca", "pin_di_revoca", Some("ABCDEF12345678")),
    ("secret.too_long.pin_di_revoca", "pin_di_revoca", Some("ABCDEF123456789012345")),
    ("secret.characters.pin_di_revoca", "pin_di_revoca", Some("ABCDEF12345678è")),
    ("secret.too_short.password", "password", Some("abc1234")),
    ("secret.too_long.password", "password", Some("abcdefgh12345678")),
    ("secret.no_letter", "password", Some("12345678")),
    ("secret.no_digit", "password", Some("abcdefgh")),
    ("secret.characters.password", "password", Some("abcd_1234")),
    ("secret.not_given.pincode", "pincode", None),
    ("secret.not_given.password", "password", None),
    ("secret.confirmation.password", "password_conferma", Some("Canarino42Zetb")),
    ("secret.confirmation.pin_di_revoca", "pin_di_revoca_conferma", Some("RevocaCanarino12346")),
];

#[test]
fn secrets_that_break_a_rule_make_no_key() {
    let served = Served::start();
    each((60_100..).zip(SECRETS), |(place, (case, name, text))| {
        let stage = Stage::new(&served);
        let documents = Snapshot::of(&stage.path("Documenti"));
        let mut account = served.account(&codice_fiscale(place));
        account.set(name, text);
        let finished = setup(&stage, &account, &[]);
        let exit = if case.starts_with("secret.not_given") || case.starts_with("secret.conf") {
            1
        } else {
            2
        };
        check(case, exit, &finished, Place::with(&stage, &served, &account));
        untouched(case, &stage.path("Documenti"), &documents);
        assert!(!stage.path("ambiente").exists(), "{case}: the environment's folder was made");
    });
    assert_eq!(served.requests(), 0);
}

#[test]
fn secrets_files_that_cannot_be_taken() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(60_200));
    let place = Place::with(&stage, &served, &account);
    let before = Snapshot::of(stage.folder.path());
    let file = account.secrets_file.clone();

    open_to_others(&file);
    check("secrets.readable_by_others", 1, &setup(&stage, &account, &[]), place);
    fs::write(&file, "this is not = toml = at all").unwrap();
    crate::stage::restrict(&file);
    check("secrets.unreadable.form", 1, &setup(&stage, &account, &[]), place);
    fs::remove_file(&file).unwrap();
    check("secrets.unreadable.missing", 1, &setup(&stage, &account, &[]), place);
    let arguments = ["run", "setup_environment", "--secrets", "fd:x", "codice_fiscale=x"];
    check("secrets.unreadable.descriptor", 1, &stage.run(&arguments), place);
    untouched("secrets files", stage.folder.path(), &before);
    assert_eq!(served.requests(), 0);
}

#[cfg(unix)]
fn open_to_others(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o640)).unwrap();
}

/// Golden file, exit code, arguments.
type Command = (&'static str, i32, &'static [&'static str]);

/// Commands that name what is not there.
const COMMANDS: [Command; 15] = [
    ("workflow.unknown", 2, &["run", "setup_enviroment"]),
    ("workflow.unknown.far", 2, &["run", "dichiarazione"]),
    ("workflow.language", 2, &["run", "./setup.py"]),
    ("file.unusable", 1, &["run", "./setup.rhai"]),
    ("input.syntax", 2, &["run", "setup_environment", "RSSMRA85M01H501Q"]),
    ("input.duration", 2, &["run", "setup_environment", "--patience", "soon"]),
    ("workspace.exists", 2, &["init"]),
    ("workspace.none", 2, &["runs", "-C", "Documenti"]),
    ("api.unknown", 2, &["api", "enviroment"]),
    ("api.unknown.far", 2, &["api", "firma::cades"]),
    ("journal.no_such_run.none", 2, &["resume", "1"]),
    ("environment.not_found", 1, &["certificates", "--secrets", "secrets.toml"]),
    (
        "environment.disk_missing.certificates",
        1,
        &["certificates", "nowhere", "--secrets", "secrets.toml"],
    ),
    ("secret.not_given.certificates", 1, &["certificates"]),
    ("sandbox.not_loopback", 2, &["sandbox", "serve", "--address", "0.0.0.0:0"]),
];

#[test]
fn commands_that_name_what_is_not_there() {
    let stage = Stage::embedded();
    fs::create_dir(stage.path("ambiente")).unwrap();
    fs::write(stage.path("setup.py"), "print('ciao')").unwrap();
    fs::write(stage.path("secrets.toml"), "password_esistente = \"Canarino42Zeta\"\n").unwrap();
    crate::stage::restrict(&stage.path("secrets.toml"));
    each(COMMANDS, |(case, exit, arguments)| {
        check(case, exit, &stage.run(arguments), Place::new(&stage));
        assert_eq!(fs::read_dir(stage.path("ambiente")).unwrap().count(), 0, "{case}");
    });
}

#[test]
fn settings_that_cannot_be_read() {
    for (case, settings) in [
        ("settings.unreadable.key", "documents = \"D\"\nenvironment = \"A\"\ncolour = \"blue\"\n"),
        ("settings.unreadable.missing", "documents = \"D\"\n"),
        ("settings.unreadable.form", "documents = D\n"),
        (
            "settings.unreadable.proxy",
            "documents = \"D\"\nenvironment = \"A\"\n[proxy]\nhttp = 3128\n",
        ),
    ] {
        let stage = Stage::embedded();
        fs::write(stage.path("ceralacca.toml"), settings).unwrap();
        let before = Snapshot::of(stage.folder.path());
        check(case, 2, &stage.run(&["runs"]), Place::new(&stage));
        untouched(case, stage.folder.path(), &before);
    }
}
