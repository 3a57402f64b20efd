//! Goes through the requests of a workflow, and through what each of them can meet.

use rusqlite::Connection;

use super::case::Play;
use super::rewind::{Rewind, number};
use super::table::{Cell, Table};
use super::{Kind, Request, route};
use crate::stage::kill::WHOLE;

/// A workflow, from a moment that can be returned to.
pub struct Search<'a> {
    pub title: String,
    pub play: Play<'a>,
    pub rewind: Rewind<'a>,
    /// Submissions that the workflow makes.
    pub submissions: i64,
    /// Revocations that it asks for.
    pub revocations: i64,
    /// What else must be true in the end, whatever happened on the way.
    pub judge: Box<dyn Fn(&str) + 'a>,
}

impl Search<'_> {
    /// Tries the kinds of fault that `kinds` names for each request; says the matrix and fails when
    /// any case failed.
    pub fn all(&self, kinds: impl Fn(&Request) -> &'static [Kind]) {
        let requests = self.requests();
        assert!(!requests.is_empty(), "{}: it asks for nothing", self.title);
        let mut table = Table::new(&self.title);
        let mut met = Vec::new();
        for request in &requests {
            // Shown also when no case meets it.
            table.row(&request.name());
            let kinds: Vec<Kind> = match std::env::var_os(WHOLE) {
                Some(_) => Kind::ALL.to_vec(),
                None if is_sampled(request, &requests) => in_turn(request, kinds(request)),
                None => Vec::new(),
            };
            met.extend(&kinds);
            for kind in kinds {
                let place = self.place(request, kind);
                table.put(&request.name(), kind, |case| {
                    self.one(&place, || self.play.through(request, kind, case, &place))
                });
            }
        }
        table.say(&remark(&met, requests.len()));
    }

    /// Has the answer to each request that changes something lost, and tries all kinds of fault on
    /// the look-up that is to tell what became of it.
    pub fn in_doubt(&self) {
        let requests: Vec<_> = self.requests().into_iter().filter(Request::changes).collect();
        assert!(!requests.is_empty(), "{}: it changes nothing", self.title);
        let mut table = Table::new(&format!("{}: in doubt", self.title));
        for request in &requests {
            for kind in Kind::ALL {
                let place = format!("in doubt: {}", self.place(request, kind));
                table.put(&request.look_up().name(), kind, |case| {
                    self.one(&place, || self.play.in_doubt(request, kind, case, &place))
                });
            }
        }
        table.say("each look-up met every fault");
    }

    fn place(&self, request: &Request, kind: Kind) -> String {
        format!("{}: {}, {}", self.title, request.name(), kind.name())
    }

    /// One case from the moment that was kept, and what must be true after it.
    fn one(&self, place: &str, through: impl FnOnce() -> Cell) -> Cell {
        self.rewind.restore();
        let (sent, asked) = (self.count("submissions"), self.count("revocations"));
        let cell = through();
        let (sent, asked) = (self.count("submissions") - sent, self.count("revocations") - asked);
        assert_eq!(sent, self.submissions, "{place}: submissions");
        assert_eq!(asked, self.revocations, "{place}: revocations");
        let twice = "SELECT count(*) FROM (SELECT 1 FROM submissions GROUP BY sha256 \
                     HAVING count(*) > 1)";
        assert_eq!(number(self.play.served, twice), 0, "{place}: files that were sent twice");
        self.play.stage.run(&["journal", "verify"]).expect_success();
        (self.judge)(place);
        cell
    }

    fn count(&self, table: &str) -> i64 {
        number(self.play.served, &format!("SELECT count(*) FROM {table}"))
    }

    /// The requests of an undisturbed run, as the sandbox has logged them.
    fn requests(&self) -> Vec<Request> {
        self.rewind.restore();
        let last = number(self.play.served, "SELECT coalesce(max(id), 0) FROM log");
        self.play.undisturbed();
        (self.judge)("undisturbed");
        let state = self.play.served.folder.path().join("stato-SANDBOX.sqlite");
        let state = Connection::open(state).unwrap();
        let mut query = state
            .prepare(
                "SELECT method, path FROM log WHERE id > ?1 AND path NOT LIKE '/sandbox/%' \
                 ORDER BY id",
            )
            .unwrap();
        let rows = query
            .query_map([last], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .unwrap();
        let routes: Vec<String> =
            rows.map(|row| row.map(|(method, path)| route(&method, &path)).unwrap()).collect();
        (0..routes.len())
            .map(|index| Request {
                route: routes[index].clone(),
                earlier: routes[..index].iter().filter(|it| **it == routes[index]).count() as u32,
                index: index as u32,
            })
            .collect()
    }
}

/// What the cases of a workflow come to; `met` has the fault of each.
fn remark(met: &[Kind], requests: usize) -> String {
    let missing: Vec<&str> =
        Kind::ALL.iter().filter(|kind| !met.contains(kind)).map(|kind| kind.name()).collect();
    let faults = match missing.is_empty() {
        true => "this workflow met every fault".to_owned(),
        false => format!("this workflow did not meet: {}", missing.join(", ")),
    };
    match requests * Kind::ALL.len() - met.len() {
        0 => format!("{faults}, each at every request"),
        left_out => format!("{faults}; {left_out} pairs of request and fault were left out"),
    }
}

/// What changes something meets all of the kinds; what only asks meets every other one, and the next
/// request the others.
fn in_turn(request: &Request, kinds: &[Kind]) -> Vec<Kind> {
    let is_met = |at: usize| request.changes() || (at + request.index as usize).is_multiple_of(2);
    kinds.iter().enumerate().filter(|(at, _)| is_met(*at)).map(|(_, kind)| *kind).collect()
}

/// Of many requests to one route the first and the last.
fn is_sampled(request: &Request, requests: &[Request]) -> bool {
    let later = |other: &&Request| other.route == request.route && other.earlier > request.earlier;
    request.earlier == 0 || !requests.iter().any(|other| later(&other))
}
