//! A transcript: what was typed, what was answered, what a person did meanwhile. Golden files hold it.

use std::fs;

use super::{Account, Finished, Stage, golden};

pub struct Transcript<'a> {
    stage: &'a Stage,
    account: Account,
    text: String,
    /// Further texts that differ from run to run, and what stands for them.
    replace: Vec<(String, String)>,
}

impl<'a> Transcript<'a> {
    pub fn new(stage: &'a Stage, account: &Account) -> Transcript<'a> {
        Transcript { stage, account: account.clone(), text: String::new(), replace: Vec::new() }
    }

    /// The secrets that later commands are given.
    pub fn secrets(&mut self, account: &Account) {
        self.account = account.clone();
    }

    /// Notes what happens beside the program.
    pub fn note(&mut self, what: &str) {
        self.text.push_str(&format!("# {what}\n\n"));
    }

    /// A text that differs from run to run.
    pub fn hide(&mut self, found: &str, name: &str) {
        self.replace.push((found.to_owned(), name.to_owned()));
    }

    /// Types a command that asks for no secret, and expects its exit code.
    pub fn types(&mut self, command: &str, code: i32) -> Finished {
        self.typed(command, &[], code)
    }

    /// Types a command with `--secrets`, and expects its exit code. What it sends is approved.
    pub fn runs(&mut self, command: &str, code: i32) -> Finished {
        let secrets = self.account.secrets_file.display().to_string();
        self.typed(command, &["--approve", "--secrets", &secrets], code)
    }

    /// As [`Transcript::runs`], for commands that approve nothing.
    pub fn asks(&mut self, command: &str, code: i32) -> Finished {
        let secrets = self.account.secrets_file.display().to_string();
        self.typed(command, &["--secrets", &secrets], code)
    }

    fn typed(&mut self, command: &str, more: &[&str], code: i32) -> Finished {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(more);
        let finished = self.stage.run(&arguments);
        let said = format!("{}{}", finished.stderr, finished.stdout);
        assert_eq!(finished.code, Some(code), "{command}\n{said}\nso far:\n{}", self.text);
        self.text.push_str(&format!("$ ceralacca {command}\n{said}[exit {code}]\n\n"));
        finished
    }

    /// Shows a file that the program wrote for people.
    pub fn shows(&mut self, file: &str) {
        let text = fs::read_to_string(self.stage.path(file)).unwrap();
        self.text.push_str(&format!("$ cat '{file}'\n{text}\n"));
    }

    /// Compares the whole with `tests/golden/<name>.transcript`.
    pub fn check(&self, name: &str) {
        let folder = self.stage.folder.path();
        let canonical = folder.canonicalize().unwrap().display().to_string();
        let secrets = self.account.secrets_file.display().to_string();
        let mut replace: Vec<(&str, &str)> = vec![
            (&canonical, "WORKSPACE"),
            (folder.to_str().unwrap(), "WORKSPACE"),
            (&secrets, "SECRETS"),
            (&self.account.codice_fiscale, "CODICE_FISCALE"),
            (&self.account.numero_busta, "BUSTA"),
            (&self.account.utente, "UTENTE"),
        ];
        replace.extend(self.replace.iter().map(|(found, name)| (found.as_str(), name.as_str())));
        let text = golden::identified(&self.text, &replace);
        golden::check(&format!("tests/golden/{name}.transcript"), &without_clock(&text));
    }
}

/// Days and times as the Agency writes them become `DAY` and `CLOCK`, folders set aside `_MILLIS`.
fn without_clock(text: &str) -> String {
    let shape = |word: &str, like: &str| {
        word.len() == like.len()
            && word.chars().zip(like.chars()).all(|(found, wanted)| match wanted {
                '0' => found.is_ascii_digit(),
                other => found == other,
            })
    };
    let word = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ';', ':', ')']);
        let named = match bare {
            _ if bare.starts_with("http://127.0.0.1:") => "GATEWAY",
            _ if shape(bare, "00/00/0000") || shape(bare, "0000-00-00") => "DAY",
            _ if shape(bare, "00:00:00") => "CLOCK",
            _ => return word.to_owned(),
        };
        format!("{named}{}", &word[bare.len()..])
    };
    let line = |line: &str| {
        let words = line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let words = without_millis(&words);
        // Three years have one leap day or none.
        let words = after(&words, "scade tra ", "DAYS", |c| c.is_ascii_digit());
        let of_ours = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        after(&words, "senza-protocollo-", "DAY-HEX", |c| of_ours(c) || c == '-')
    };
    let mut steady: Vec<String> = text.lines().map(line).collect();
    steady.push(String::new());
    steady.join("\n")
}

/// Puts a name in the place of what follows a text.
fn after(line: &str, text: &str, name: &str, differs: impl Fn(char) -> bool) -> String {
    let mut parts = line.split(text);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&differs);
        steady.push_str(&format!("{text}{name}{rest}"));
    }
    steady
}

/// `ambiente_1763775000123` becomes `ambiente_MILLIS`.
fn without_millis(line: &str) -> String {
    let mut parts = line.split('_');
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        steady.push('_');
        steady.push_str(if digits >= 13 { "MILLIS" } else { &part[..digits] });
        steady.push_str(&part[digits..]);
    }
    steady
}
