//! The C reader and writer of CBOR agree with the kernel's, and survive hostile bytes.
//!
//! Compilers are called only when `CERALACCA_JUDGES` is set (see `tests/run`).

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ceralacca_plugin_sdk::{Handle, Value, cbor};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// `tests/transcode.c`, compiled in one language and running.
struct Transcoder {
    process: Child,
}

/// What it made of one frame.
#[derive(Debug, PartialEq)]
struct Transcoded {
    read: bool,
    passed: bool,
    written: Vec<u8>,
}

impl Transcoder {
    /// The sanitizers stop it at the first byte that is read or written where it must not be.
    fn start(folder: &Path, compiler: &str, options: &[&str]) -> Transcoder {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = folder.join(format!("transcode-{compiler}"));
        let output = Command::new(compiler)
            .args(options)
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1"])
            .args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"])
            .arg("-I")
            .arg(crate_folder.join("include"))
            .arg(crate_folder.join("tests/transcode.c"))
            .arg("-o")
            .arg(&program)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let process =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Transcoder { process }
    }

    fn transcode(&mut self, bytes: &[u8]) -> Transcoded {
        let stdin = self.process.stdin.as_mut().unwrap();
        stdin.write_all(&u32::try_from(bytes.len()).unwrap().to_ne_bytes()).unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
        let stdout = self.process.stdout.as_mut().unwrap();
        let mut head = [0; 6];
        stdout.read_exact(&mut head).expect("the program goes on, whatever it is given");
        let length = u32::from_ne_bytes(head[2..].try_into().unwrap());
        let mut written = vec![0; length as usize];
        stdout.read_exact(&mut written).unwrap();
        Transcoded { read: head[0] == 1, passed: head[1] == 1, written }
    }
}

impl Drop for Transcoder {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let ended = self.process.wait().unwrap();
        assert!(ended.success() || std::thread::panicking(), "{ended}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300_i64..300).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        ".{0,300}".prop_map(Value::Str),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 64, 30, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..30).prop_map(Value::List),
            proptest::collection::btree_map(".*", inner.clone(), 0..8).prop_map(Value::Map),
            ("[a-z]+", inner)
                .prop_map(|(kind, id)| Value::Handle(Handle { kind, id: Box::new(id) })),
        ]
    })
}

fn in_both_languages(judge: impl Fn(&mut Transcoder)) {
    if std::env::var_os("CERALACCA_JUDGES").is_none() {
        println!("not judged: CBOR in C: tests/run calls other people's tools");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (compiler, options) in [("cc", &["-std=c99"][..]), ("c++", &["-xc++", "-std=c++17"])] {
        judge(&mut Transcoder::start(folder.path(), compiler, options));
    }
}

#[test]
fn every_value_comes_back_byte_for_byte() {
    in_both_languages(|transcoder| {
        let transcoder = std::cell::RefCell::new(transcoder);
        let same = |value: Value| {
            let bytes = cbor::encode(&value);
            let transcoded = transcoder.borrow_mut().transcode(&bytes);
            prop_assert_eq!(transcoded, Transcoded { read: true, passed: true, written: bytes });
            Ok(())
        };
        TestRunner::deterministic().run(&any_value(), same).unwrap();
    });
}

#[test]
fn what_is_changed_at_random_is_refused_or_means_the_same_to_both() {
    in_both_languages(|transcoder| {
        let transcoder = std::cell::RefCell::new(transcoder);
        let changed = (any_value(), any::<proptest::sample::Index>(), any::<u8>(), 0_u8..4);
        let judged = |(value, at, byte, how): (Value, proptest::sample::Index, u8, u8)| {
            let mut bytes = cbor::encode(&value);
            let at = at.index(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ => bytes[at] = byte,
            }
            let transcoded = transcoder.borrow_mut().transcode(&bytes);
            prop_assert_eq!(transcoded.read, transcoded.passed);
            if let (true, Some(value)) = (transcoded.read, cbor::decode(&bytes)) {
                let again = cbor::decode(&transcoded.written);
                prop_assert_eq!(again.map(|it| cbor::encode(&it)), Some(cbor::encode(&value)));
            }
            Ok(())
        };
        TestRunner::deterministic().run(&changed, judged).unwrap();
    });
}

#[test]
fn hostile_bytes_are_refused() {
    let deep = [vec![0x81; 200], vec![0x00]].concat();
    let hostile: [(&str, &[u8]); 14] = [
        ("nothing", b""),
        ("a list longer than what follows", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("bytes longer than what follows", b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("a map longer than what follows", b"\xba\xff\xff\xff\xff"),
        ("a number beyond 64 bits with sign", b"\x1b\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("no definite length", b"\x9f\x00\xff"),
        ("a float of 32 bits", b"\xfa\x00\x00\x00\x00"),
        ("undefined", b"\xf7"),
        ("another tag", b"\xc0\x60"),
        ("a handle without bytes", b"\xd8\x1b\x82\x61\x61\x00"),
        ("text that is no UTF-8", b"\x62\xc3\x28"),
        ("a surrogate", b"\x63\xed\xa0\x80"),
        ("a key that is no text", b"\xa1\x00\x00"),
        ("deeper than anybody needs", &deep),
    ];
    in_both_languages(|transcoder| {
        for (what, bytes) in hostile {
            let transcoded = transcoder.transcode(bytes);
            assert!(!transcoded.read && !transcoded.passed, "{what}: {transcoded:?}");
            assert_eq!(cbor::decode(bytes), None, "{what}");
        }
    });
}
