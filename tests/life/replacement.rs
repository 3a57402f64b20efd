//! An impronta is replaced once, within 30 days of the deadline, by `scripts/replace_impronta.rhai`
//! and nothing else; the Agency's clock is moved, the machine's own stays.

use std::fs;
use std::path::Path;
use std::time::Instant;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use crate::crafted::Portal;
use crate::stage::impronta::{ARCHIVE, Filing, run};
use crate::stage::{Finished, Served, Stage, codice_fiscale, say};

/// The tax year: last year. Its deadline is still to come, whenever this test is run.
fn year() -> i16 {
    Timestamp::now().to_zoned(rome()).year() - 1
}

/// The last day of February of the year after next, by the rule of FACTS §6: four months after the
/// returns, which are due in October of the year in between.
fn deadline() -> Date {
    Date::new(year() + 2, 2, 1).unwrap().last_of_month()
}

fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap()
}

/// Two agencies: the clock of one is set, the other makes marks at the machine's own time.
struct World<'a> {
    filing: Filing<'a>,
    marks: &'a Served,
    corrected: String,
}

impl<'a> World<'a> {
    fn new(agency: &'a Served, marks: &'a Served, number: u32, files: &Path) -> World<'a> {
        let filing = Filing::new(agency, &codice_fiscale(number));
        let corrected = files.join(number.to_string());
        fs::create_dir_all(corrected.join("lotto-01")).unwrap();
        fs::write(corrected.join("lotto-01/fattura.xml"), "<corretta/>").unwrap();
        World { filing, marks, corrected: corrected.display().to_string() }
    }

    /// A workspace whose marks come from the other sandbox.
    fn stage(&self) -> Stage {
        let stage = self.filing.stage();
        let settings = stage.path("ceralacca.toml");
        let served = self.filing.served;
        let text = fs::read_to_string(&settings).unwrap();
        let tsa = |served: &Served| format!("{}/tsa", served.url);
        let folder = |served: &Served| served.folder.path().display().to_string();
        let text = text.replace(&tsa(served), &tsa(self.marks));
        let text = text.replace(&folder(served), &folder(self.marks));
        assert!(text.contains(&tsa(self.marks)) && text.contains(&folder(self.marks)), "{text}");
        fs::write(settings, text).unwrap();
        stage
    }

    fn arguments(&self, script: &str, month: i8, archive: &str) -> Vec<String> {
        let first = Date::new(year(), month, 1).unwrap();
        let mut arguments = self.filing.arguments(script, 0, archive);
        for argument in &mut arguments {
            if argument.starts_with("dal=") {
                *argument = format!("dal={first}");
            } else if argument.starts_with("al=") {
                *argument = format!("al={}", first.last_of_month());
            }
        }
        arguments
    }

    /// Files the example archive for a month; its protocollo.
    fn file(&self, month: i8) -> String {
        let done = run(&self.stage(), &self.arguments("file_impronta", month, ARCHIVE)).json();
        done["result"]["protocollo"].as_str().unwrap().to_owned()
    }

    /// Runs `replace_impronta` with another archive.
    fn replace(&self, stage: &Stage, month: i8, protocollo: &str) -> Finished {
        let mut arguments = self.arguments("replace_impronta", month, &self.corrected);
        arguments.push(format!("protocollo={protocollo}"));
        run(stage, &arguments)
    }

    /// Replaces, and expects the Agency to refuse: its code, and the text of the sealed receipt.
    fn refused(&self, month: i8, protocollo: &str, code: &str) -> String {
        let stage = self.stage();
        let refused = self.replace(&stage, month, protocollo);
        assert_eq!(refused.code, Some(1), "{code}: {}{}", refused.stdout, refused.stderr);
        let error: Value = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(error["error"]["code"], "agency.rejected", "{code}: {}", refused.stdout);
        let found = error["error"]["found"].as_str().unwrap();
        assert!(found.contains(&format!("{code}:")), "{code}: {found}");
        let rel = rel(&stage);
        assert!(rel.contains(code), "{code}: not on the receipt\n{rel}");
        rel
    }

    fn shown(&self, protocollo: &str) -> Value {
        Portal::new(self.filing.served, &self.filing.account).receipt(protocollo)
    }

    fn is_in_force(&self, protocollo: &str) {
        let shown = self.shown(protocollo);
        assert_eq!(shown["stato"], "ELABORATO", "{shown}");
        assert!(shown["annullato_da"].is_null(), "{shown}");
    }
}

/// The text of the one sealed receipt that a workspace has opened.
fn rel(stage: &Stage) -> String {
    let opened = fs::read_dir(stage.path("Documenti/ricevute")).unwrap();
    let folders: Vec<_> = opened.map(|entry| entry.unwrap().path()).collect();
    let [folder] = folders.as_slice() else { panic!("one receipt: {folders:?}") };
    let number = folder.file_name().unwrap().to_string_lossy().into_owned();
    fs::read_to_string(folder.join(format!("{number}.rel"))).unwrap()
}

/// Sets the Agency's clock to a time of day in Rome.
fn set_clock(served: &Served, day: Date, hour: i8, minute: i8) {
    let time = DateTime::new(day.year(), day.month(), day.day(), hour, minute, 0, 0).unwrap();
    let now = time.to_zoned(rome()).unwrap().timestamp();
    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "now": now.to_string() })));
}

#[test]
fn once_until_the_thirtieth_day_and_then_no_more() {
    let (agency, marks, start) = (Served::start(), Served::start(), Instant::now());
    let files = tempfile::tempdir().unwrap();
    let world = World::new(&agency, &marks, 71_000, files.path());
    let other = World::new(&agency, &marks, 71_001, files.path());
    let (early, late, left) = (world.file(1), world.file(2), world.file(3));
    let foreign = other.file(4);
    let bought = marks.marks();
    assert_eq!((bought, agency.marks()), (4, 0), "marks come from the machine whose time is right");

    // Before the deadline: whatever names the wrong protocollo is refused and annuls nothing.
    let unknown = "26010100000000001";
    let rel = world.refused(1, unknown, "impronta.replaces_unknown");
    assert!(rel.contains(unknown), "{rel}");
    world.refused(4, &foreign, "impronta.replaces_unknown");
    other.refused(1, &early, "impronta.replaces_unknown");
    let rel = world.refused(2, &early, "impronta.other_period");
    assert!(rel.contains(&format!("{}-01-31", year())), "{rel}");
    let stage = world.stage();
    let ordinary = run(&stage, &world.arguments("file_impronta", 1, &world.corrected));
    assert!(ordinary.stdout.contains("impronta.already_filed"), "{}", ordinary.stdout);
    let rejected = rejected_protocollo(&ordinary);
    world.refused(1, &rejected, "impronta.replaces_unknown");
    for protocollo in [&early, &late, &left] {
        world.is_in_force(protocollo);
    }
    other.is_in_force(&foreign);

    // At once, and again on the thirtieth day, one minute before midnight in Rome.
    let second = replaces(&world, 1, &early);
    let last_day = deadline().checked_add(30.days()).unwrap();
    set_clock(&agency, last_day, 23, 59);
    let third = replaces(&world, 2, &late);

    // Once only: neither the first nor what replaced it.
    for (month, protocollo) in [(1, &early), (1, &second), (2, &late), (2, &third)] {
        let rel = world.refused(month, protocollo, "impronta.replaced_already");
        assert!(rel.contains(protocollo.as_str()), "{rel}");
    }
    world.is_in_force(&second);
    world.is_in_force(&third);

    // The day after, what was never replaced stays as it is.
    set_clock(&agency, last_day.tomorrow().unwrap(), 0, 1);
    let rel = world.refused(3, &left, "impronta.replacement_late");
    for day in [deadline(), last_day] {
        assert!(rel.contains(&day.to_string()), "{day}: {rel}");
    }
    world.is_in_force(&left);
    say(&format!(
        "replacement: 2 accepted (at once, and on {last_day} at 23:59), 10 refused; {} sent, {} \
         marks; {:.1} s",
        agency.communications(),
        marks.marks(),
        start.elapsed().as_secs_f64()
    ));
}

/// Replaces and expects it to be accepted: the first shows annulled. Gives the new protocollo.
fn replaces(world: &World<'_>, month: i8, first: &str) -> String {
    let stage = world.stage();
    let done = world.replace(&stage, month, first).json();
    let second = done["result"]["protocollo"].as_str().unwrap().to_owned();
    assert!(second.len() == 17 && second != first, "{second}");
    let shown = world.shown(first);
    assert_eq!(shown["stato"], "ANNULLATO", "{shown}");
    assert_eq!(shown["annullato_da"], second.as_str(), "{shown}");
    let rel = rel(&stage);
    assert!(rel.contains(first) && rel.contains(&second), "{rel}");
    assert!(rel.contains(done["result"]["impronta"].as_str().unwrap()), "{rel}");
    world.is_in_force(&second);
    second
}

/// The number that a rejected file has all the same.
fn rejected_protocollo(refused: &Finished) -> String {
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    let error: Value = serde_json::from_str(&refused.stdout).unwrap();
    let headline = error["error"]["headline"].as_str().unwrap();
    let number = headline.split(' ').find(|word| word.len() == 17);
    number.unwrap_or_else(|| panic!("{headline}")).to_owned()
}

#[test]
fn a_protocollo_that_is_none_begins_nothing() {
    let served = Served::start();
    let files = tempfile::tempdir().unwrap();
    let world = World::new(&served, &served, 71_002, files.path());
    let wrong = ["2601010000000001", "260101000000000011", "2601010000000000A", "senza"];
    for text in wrong {
        let stage = world.stage();
        let refused = world.replace(&stage, 1, text);
        assert_eq!(refused.error_code(), "input.protocollo", "{text}: {}", refused.stdout);
        assert!(refused.stdout.contains("17 digits"), "{text}: {}", refused.stdout);
        assert!(!stage.path("Documenti/impronte").exists(), "{text}: begun");
    }
    assert_eq!((served.communications(), served.marks()), (0, 0));
    say(&format!("replacement: {} texts that are no protocollo; nothing sent", wrong.len()));
}
