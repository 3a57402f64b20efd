//! The plugin for SFTP from outside: an impronta goes through a real OpenSSH server to the other side of
//! the node, which works with openssl and python alone, and comes back with its outcome.

#![cfg(unix)]

mod line;
mod node;
mod other_side;

use std::process::Stdio;

use line::Line;
use node::Node;
use serde_json::json;

use crate::stage::impronta::{ARCHIVE, Filing, run};
use crate::stage::person::Person;
use crate::stage::{Account, Served, Stage, codice_fiscale, judge, say};

/// A workspace with everything that filing needs and the node of its firm; the account as the portal
/// knows it, and as the workspace does.
fn scene(served: &Served, number: u32) -> (Filing<'_>, Account, Stage, Node) {
    let mut filing = Filing::new(served, &codice_fiscale(number));
    let portal = filing.account.clone();
    let (stage, node) = (filing.stage(), Node::new());
    // The portal has nothing to do with it: its keys are not asked for.
    for (name, text) in [
        ("portal_password", None),
        ("codice_pin", None),
        ("sftp_signer_password", Some(node::PASSWORD)),
    ] {
        filing.account.set(name, text);
    }
    node.plug_in(&stage, served);
    (filing, portal, stage, node)
}

/// A run that waits ends at once: nothing comes before the other side has answered.
const AT_ONCE: [&str; 2] = ["--patience", "0s"];

fn arguments(filing: &Filing<'_>, period: u32) -> Vec<String> {
    let mut arguments = filing.arguments("file_impronta", period, ARCHIVE);
    arguments.extend(AT_ONCE.map(str::to_owned));
    arguments
}

#[test]
fn an_impronta_goes_through_a_server_and_comes_back_with_its_outcome() {
    if !judge::called("an impronta over SFTP: OpenSSH, openssl, python") {
        return;
    }
    let served = Served::start();
    let (filing, portal, stage, node) = scene(&served, 42_001);
    let waiting = run(&stage, &arguments(&filing, 1));
    assert_eq!(waiting.code, Some(4), "{}{}", waiting.stdout, waiting.stderr);
    let supports = node.names("in");
    assert_eq!(supports.len(), 1, "{supports:?}");
    assert_eq!(
        stage.resume(1, &filing.account, &AT_ONCE).code,
        Some(4),
        "it waits for the outcome"
    );

    let person = Person::new(&served, &portal);
    let protocollo = other_side::answer(&node, &supports[0], &person);
    let finished = stage.resume(1, &filing.account, &AT_ONCE).json();
    assert_eq!(finished["result"]["protocollo"].as_str(), Some(protocollo.as_str()));
    assert_eq!((served.communications(), served.marks()), (1, 1));
    assert_eq!(node.names("in"), supports, "nothing else was sent");

    let rows = stage.run(&["receipts", "--json"]).json();
    let rows = rows["receipts"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["stato"], "ELABORATO", "{rows:#?}");
    assert_eq!(rows[0]["protocollo"].as_str(), Some(protocollo.as_str()));

    std::fs::write(stage.path("channel.rhai"), CHANNEL).unwrap();
    let secrets = filing.account.secrets_file.display().to_string();
    let asked = stage.run(&["run", "channel.rhai", "--json", "--secrets", &secrets]).json();
    assert_eq!(asked["result"]["server"], format!("127.0.0.1:{}", node.port()), "{asked:#}");
    assert_eq!(asked["result"]["support"], supports[0].as_str());
    assert_eq!(
        (&asked["result"]["stato"], &asked["result"]["count"]),
        (&json!("answered"), &json!(1))
    );
    no_password_in(stage.folder.path());
    no_password_in(node.state().as_path());
    say("an impronta through plugins/sftp to OpenSSH and back; judged by openssl and python");
}

#[test]
fn a_server_with_another_key_gets_nothing_and_the_run_goes_on_once_it_is_right() {
    if !judge::called("a server with another key: OpenSSH") {
        return;
    }
    let served = Served::start();
    let (filing, _, stage, node) = scene(&served, 42_002);
    let right = node.other_host_key(&stage);
    let refused = run(&stage, &arguments(&filing, 2));
    assert_eq!(refused.error_code(), "sftp.host_key", "{}{}", refused.stdout, refused.stderr);
    assert_eq!(refused.code, Some(1));
    assert!(!node.log().contains("Accepted"), "{}", node.log());
    assert!(node.names("in").is_empty());
    right(&stage);
    let waiting = stage.resume(1, &filing.account, &AT_ONCE);
    assert_eq!(waiting.code, Some(4), "{}{}", waiting.stdout, waiting.stderr);
    assert_eq!(node.names("in").len(), 1);
    assert_eq!(served.marks(), 1, "no second mark was bought");
}

#[test]
fn killed_around_the_rename_and_resumed_there_is_one_support() {
    if !judge::called("a host killed around the rename: OpenSSH") {
        return;
    }
    let served = Served::start();
    for (number, arrives) in [(42_003, false), (42_004, true)] {
        let (filing, _, stage, node) = scene(&served, number);
        let line = Line::to(node.port(), node.state(), arrives);
        node.through(&stage, line.port);
        let begin = arguments(&filing, number - 42_000);
        let begin: Vec<&str> = begin.iter().map(String::as_str).collect();
        let mut host =
            stage.command(&begin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The rename is on its way, or has happened, and nobody here knows of it.
        line.wait_until_held();
        host.kill().unwrap();
        host.wait().unwrap();
        line.release();
        let before = node.names("in");
        let there = before.iter().filter(|name| name.ends_with(".zip")).count();
        assert_eq!(there, usize::from(arrives), "{before:?}");

        node.through(&stage, node.port());
        let waiting = stage.resume(1, &filing.account, &AT_ONCE);
        assert_eq!(waiting.code, Some(4), "{}{}", waiting.stdout, waiting.stderr);
        let after = node.names("in");
        assert_eq!(after.len(), 1, "{before:?} {after:?}");
        assert!(after[0].starts_with("FI.") && after[0].ends_with(".zip"), "{after:?}");
        if arrives {
            assert_eq!(before, after, "what had arrived was not sent again");
        }
    }
    say("killed before and after the rename on the server: one support each time");
}

/// Asks the channel itself.
const CHANNEL: &str = r#"//! What the channel has sent.
const WORKFLOW = #{ summary: "What the channel has sent", uses: ["sftp"], input: #{} };
fn run(input) {
    stage("Canale");
    let server = sftp::status();
    let all = sftp::outgoing();
    #{ server: server.server, count: all.len(), support: all[0].support, stato: all[0].stato }
}
"#;

/// No password of the node is in any file below a folder.
fn no_password_in(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_password_in(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found =
                bytes.windows(node::PASSWORD.len()).any(|at| at == node::PASSWORD.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
