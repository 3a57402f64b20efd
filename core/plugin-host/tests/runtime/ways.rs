//! Where plugins run: what a good one gets, and that no bad one takes the host down.

use super::*;

pub(crate) const CASES: &[Case] = &[
    ("a_good_plugin_is_called_in_both_places", good),
    ("large_values_go_through", large),
    ("calls_come_from_any_thread", threads),
    ("structures_may_be_larger", larger),
    ("what_is_no_plugin_is_refused_with_a_reason", refused),
    ("a_changed_library_is_the_old_one", swapped),
    ("crashes_are_told_apart", crashes),
    ("memory_is_limited", memory),
    ("panics_are_told_from_crashes", panics),
    ("time_is_limited", time),
    ("waiting_for_the_operator_is_no_time", operator),
    ("an_idle_worker_is_not_woken", idle),
    ("the_contract_is_held", contract),
    ("garbage_is_garbage", garbage),
    ("errors_hold_no_secret", secrets),
    ("files_are_confined", files),
    ("network_is_confined", network),
    ("processes_are_confined", processes),
    ("the_environment_is_what_was_granted", environment),
    ("ends_are_orderly", endings),
    ("a_worker_does_not_outlive_the_program", orphan),
    ("a_worker_outlives_the_thread_that_started_it", starter),
];

fn good(workshop: &Workshop) {
    for in_process in [false, true] {
        let mut plugin = running(workshop, &Place { in_process, ..place() });
        let (arguments, mut operator) = (b"\x82\x01\x02", Operator::default());
        for _ in 0..100 {
            assert_eq!(plugin.call("echo", arguments, &mut operator), Ok((0, arguments.to_vec())));
        }
        assert_eq!(call(&mut plugin, "tell"), Ok("0 -5".to_owned()));
        plugin.call("tell", b"\x80", &mut operator).unwrap();
        assert_eq!(operator.seen, ["told one of two"]);
        assert_eq!(plugin.abi(), (1, 0));
        assert_eq!(plugin.process().is_none(), in_process);
        assert_eq!(plugin.close(), Ok(()));
    }
}

fn large(workshop: &Workshop) {
    let value: Vec<u8> = (0..40 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    for in_process in [false, true] {
        let mut plugin = running(workshop, &Place { in_process, ..place() });
        for length in [0, 1, 65_531, 65_536, 1 << 20, 40 << 20] {
            let (status, back) =
                plugin.call("echo", &value[..length], &mut Operator::default()).unwrap();
            assert!(status == 0 && back == value[..length], "{length} bytes");
        }
        assert_eq!(call(&mut plugin, "null bytes"), Ok("0 -5".to_owned()));
        assert_eq!(call(&mut plugin, "huge"), Ok("0 -4".to_owned()));
        assert_eq!(call(&mut plugin, "no such call"), Ok("0 -5".to_owned()));
    }
}

fn threads(workshop: &Workshop) {
    for in_process in [false, true] {
        let plugin = shared(running(workshop, &Place { in_process, ..place() }));
        let calls = (0..8).map(|_| {
            let plugin = Arc::clone(&plugin);
            std::thread::spawn(move || call(&mut plugin.lock().unwrap(), "echo").unwrap())
        });
        calls.collect::<Vec<_>>().into_iter().for_each(|thread| {
            assert_eq!(thread.join().unwrap(), "0 \u{fffd}");
        });
    }
}

fn larger(workshop: &Workshop) {
    for in_process in [false, true] {
        let place = Place { larger: true, in_process, ..place() };
        let mut plugin = running(workshop, &place);
        assert!(call(&mut plugin, "echo").is_ok());
        let longer = start(&workshop.trial(&["LONGER_ENTRY"]), &place);
        assert!(call(&mut longer.unwrap(), "echo").is_ok());
    }
    // As much as `invoke` needs is enough; destroy is not called then.
    let mut least = start(&workshop.trial(&["PLUGIN_SIZE=24", "DESTROY_DIES"]), &place()).unwrap();
    assert!(call(&mut least, "echo").is_ok());
    assert_eq!(least.close(), Ok(()));
}

fn refused(workshop: &Workshop) {
    let text = workshop.folder.path().join("libtext.so");
    std::fs::write(&text, "no library").unwrap();
    for in_process in [false, true] {
        let place = Place { in_process, ..place() };
        let reason = |definitions: &[&str]| {
            start(&workshop.trial(definitions), &place).err().expect("it is refused")
        };
        assert_eq!(reason(&["NO_ENTRY"]), r#"{"unloadable":"no_entry"}"#);
        assert_eq!(reason(&["MAGIC=7"]), r#"{"unloadable":{"wrong_magic":{"found":7}}}"#);
        let wrong = |major: u16, minor: u16| {
            format!(r#"{{"unloadable":{{"wrong_abi":{{"major":{major},"minor":{minor}}}}}}}"#)
        };
        assert_eq!(reason(&["MAJOR=2"]), wrong(2, 0));
        assert_eq!(reason(&["MINOR=9"]), wrong(1, 9));
        let small = |structure: &str, found: u32| {
            let about = format!(r#""structure":"{structure}","found":{found},"least":24"#);
            format!(r#"{{"unloadable":{{"too_small":{{{about}}}}}}}"#)
        };
        assert_eq!(reason(&["ENTRY_SIZE=16"]), small("entry", 16));
        assert_eq!(reason(&["ENTRY_SIZE=0"]), small("entry", 0));
        assert_eq!(reason(&["PLUGIN_SIZE=16"]), small("plugin", 16));
        assert_eq!(
            reason(&["PLUGIN_SIZE=4096"]),
            r#"{"unloadable":{"too_large":{"found":4096,"room":40}}}"#
        );
        assert_eq!(reason(&["NO_INVOKE"]), r#"{"unloadable":{"no_function":{"name":"invoke"}}}"#);
        let create = reason(&["CREATE_FAILS"]);
        assert!(
            create.starts_with(r#"{"unloadable":{"create_failed":{"code":-1,"reason":{"status":2"#)
        );
        let text = start(&text, &place).err().unwrap();
        assert!(text.starts_with(r#"{"unloadable":{"not_a_library""#), "{text}");
        assert!(!text.contains("/proc"), "{text}");
    }
    let folder = start(workshop.folder.path(), &place()).err().unwrap();
    assert!(folder.contains("unreadable"), "{folder}");
    // Constructors run confined, before anything else of the library.
    start(&workshop.trial(&["CONSTRUCTOR_READS"]), &place()).expect("it was kept from reading");
    assert!(
        start(
            &workshop.trial(&["CREATE_LOOPS"]),
            &Place { timeout: Duration::from_millis(300), ..place() }
        )
        .err()
        .unwrap()
        .contains("timed_out")
    );
}

fn swapped(workshop: &Workshop) {
    let library = workshop.folder.path().join("libswapped.so");
    std::fs::copy(workshop.trial(&[]), &library).unwrap();
    let mut plugin = start(&library, &place()).unwrap();
    std::fs::write(&library, "something else").unwrap();
    assert!(call(&mut plugin, "echo").is_ok());
    // Where programs in memory are refused, the file itself is what a confined worker may read.
    let mut plugin = start(&workshop.trial(&[]), &Place { file_itself: true, ..place() }).unwrap();
    assert!(call(&mut plugin, "echo").is_ok());
    assert_eq!(call(&mut plugin, "read passwd"), Ok(format!("0 {}", libc::EACCES)));
}

fn crashes(workshop: &Workshop) {
    let place = place();
    let died = |name: &str| fate(workshop, &place, name);
    let null = died("null");
    assert!(null.contains("signal 11 (SIGSEGV)"), "{null}");
    assert!(null.contains("about to [31m write") && !null.contains('\u{1b}'), "{null}");
    assert!(died("abort").contains("signal 6 (SIGABRT)"));
    assert!(died("exit").contains(r#"{"died":{"how":"exit code 0""#));
    assert!(died("exit 3").contains(r#"{"died":{"how":"exit code 3""#));
}

fn memory(workshop: &Workshop) {
    let limit = 256 << 20;
    let fate = fate(workshop, &Place { memory: limit, ..place() }, "memory");
    assert_eq!(fate, format!(r#"{{"out_of_memory":{{"limit":{limit}}}}}"#));
}

fn panics(workshop: &Workshop) {
    let library = rust_trial(workshop);
    let fate = |name: &str| call(&mut start(&library, &place()).unwrap(), name).unwrap_err();
    assert_eq!(fate("panic"), r#""panicked""#);
    assert_eq!(fate("memory"), format!(r#"{{"out_of_memory":{{"limit":{}}}}}"#, 1 << 30));
}

fn time(workshop: &Workshop) {
    for name in ["loop", "hide"] {
        let timeout = Duration::from_millis(800);
        let mut plugin = running(workshop, &Place { timeout, ..place() });
        call(&mut plugin, "echo").unwrap();
        let begun = Instant::now();
        let fate = call(&mut plugin, name).unwrap_err();
        let took = begun.elapsed();
        assert_eq!(fate, r#"{"timed_out":{"after":{"secs":0,"nanos":800000000}}}"#, "{name}");
        // How much longer depends on how busy the machine is; that it ends at all is what counts.
        assert!(took >= timeout, "{name} took {took:?}");
    }
    // Many short calls are no long one.
    let timeout = Duration::from_secs(2);
    let mut plugin = running(workshop, &Place { timeout, ..place() });
    for _ in 0..5 {
        call(&mut plugin, "echo").unwrap();
        std::thread::sleep(timeout / 4);
    }
}

fn operator(workshop: &Workshop) {
    let timeout = Duration::from_secs(2);
    for in_process in [false, true] {
        let mut plugin = running(workshop, &Place { timeout, in_process, ..place() });
        let secret = Some("segreto-1234".to_owned());
        let mut operator = Operator {
            secret,
            thinks: if in_process { Duration::ZERO } else { 2 * timeout },
            seen: Vec::new(),
        };
        let answer = plugin.call("secret", b"\x80", &mut operator).unwrap();
        assert_eq!(answer, (0, b"-4 0 12 -5".to_vec()));
        assert_eq!(operator.seen, ["asked pin", "asked pin"]);
        assert_eq!(call(&mut plugin, "secret"), Ok("0 -6 -6 0 -5".to_owned()));
    }
    for name in ["secrets without end", "lines without end"] {
        let endless = fate(workshop, &place(), name);
        assert!(endless.contains("without end"), "{endless}");
    }
}

fn idle(workshop: &Workshop) {
    let timeout = Duration::from_secs(1);
    let mut plugin = running(workshop, &Place { timeout, ..place() });
    call(&mut plugin, "echo").unwrap();
    let wakes = || -> u64 {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let watchdogs = threads.filter_map(|thread| {
            let name = std::fs::read_to_string(thread.path().join("comm")).ok()?;
            let status = std::fs::read_to_string(thread.path().join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
            (name.trim() == "plugin-watchdog")
                .then(|| line.split_whitespace().last()?.parse::<u64>().ok())?
        });
        watchdogs.sum()
    };
    eventually("the watchdog sleeps", || {
        let before = wakes();
        std::thread::park_timeout(4 * timeout);
        wakes() == before
    });
    let parked = wakes();
    std::thread::park_timeout(5 * timeout);
    assert_eq!(wakes(), parked, "nobody wakes it");
    call(&mut plugin, "echo").unwrap();
}

fn contract(workshop: &Workshop) {
    assert_eq!(fate(workshop, &place(), "twice"), r#""replied_twice""#);
    assert_eq!(fate(workshop, &place(), "thread"), r#""wrong_thread""#);
    for in_process in [false, true] {
        let place = Place { in_process, ..place() };
        let mut plugin = running(workshop, &place);
        assert_eq!(call(&mut plugin, "never").unwrap_err(), r#"{"never_replied":{"code":0}}"#);
        assert_eq!(call(&mut plugin, "failed").unwrap_err(), r#"{"never_replied":{"code":-1}}"#);
        assert!(call(&mut plugin, "echo").is_ok(), "that broke nothing");
        call(&mut plugin, "prepare late").unwrap();
        assert_eq!(call(&mut plugin, "late").unwrap_err(), r#""replied_late""#);
        assert_eq!(call(&mut plugin, "echo").unwrap_err(), r#""replied_late""#);
        assert_eq!(plugin.close().unwrap_err(), r#""replied_late""#);
    }
}

fn garbage(workshop: &Workshop) {
    let fate = fate(workshop, &place(), "garbage");
    assert!(fate.starts_with(r#"{"garbled""#), "{fate}");
    // What is printed is not garbage, however much there is.
    let mut plugin = running(workshop, &place());
    assert_eq!(call(&mut plugin, "flood").unwrap_err(), r#"{"never_replied":{"code":-1}}"#);
    assert!(call(&mut plugin, "echo").is_ok());
}

fn secrets(workshop: &Workshop) {
    let mut plugin = running(workshop, &place());
    let mut operator = Operator { secret: Some("segreto-1234".to_owned()), ..Operator::default() };
    plugin.call("secret", b"\x80", &mut operator).unwrap();
    let null = call(&mut plugin, "null").unwrap_err();
    assert!(null.contains("the PIN is [secret]"), "{null}");
}

fn files(workshop: &Workshop) {
    let mut plugin = running(workshop, &place());
    assert_eq!(call(&mut plugin, "read passwd"), Ok(format!("0 {}", libc::EACCES)));
    assert_eq!(call(&mut plugin, "write tmp"), Ok(format!("0 {}", libc::EACCES)));
    let granted = tempfile::tempdir().unwrap();
    let (read, write) = (granted.path().join("read"), granted.path().join("write"));
    std::fs::write(&read, "").unwrap();
    std::fs::write(&write, "").unwrap();
    let place = Place {
        read: vec!["/etc/passwd".into(), read.clone()],
        write: vec![write.clone(), granted.path().join("not there")],
        ..place()
    };
    let mut plugin = running(workshop, &place);
    assert_eq!(call(&mut plugin, "read passwd"), Ok("0 0".to_owned()));
    let mut open = |path: &Path| {
        let path = path.as_os_str().as_encoded_bytes();
        plugin.call("open", path, &mut Operator::default()).unwrap().1
    };
    assert_eq!(open(&read), libc::EACCES.to_string().as_bytes(), "reading is not writing");
    assert_eq!(open(&write), b"0");
}

fn network(workshop: &Workshop) {
    let inet = fate(workshop, &place(), "inet");
    assert!(inet.starts_with(r#"{"not_granted""#), "{inet}");
    let refused = Ok(format!("0 {}", libc::EACCES));
    assert_eq!(call(&mut running(workshop, &place()), "unix"), refused);
    let mut plugin = running(workshop, &Place { network: true, ..place() });
    assert_eq!(call(&mut plugin, "inet"), Ok("0 0".to_owned()));
    assert_eq!(call(&mut plugin, "connect"), Ok(format!("0 {}", libc::ECONNREFUSED)));
    assert_eq!(call(&mut plugin, "unix"), refused, "the network is not the machine's sockets");
    let local = Place { local_sockets: true, network: true, ..place() };
    let mut plugin = running(workshop, &local);
    assert_eq!(call(&mut plugin, "unix"), Ok("0 0".to_owned()));
    let packet = fate(workshop, &local, "packet");
    assert!(packet.starts_with(r#"{"not_granted""#), "{packet}");
}

fn processes(workshop: &Workshop) {
    let mut plugin = running(workshop, &place());
    let refused = Ok(format!("0 {}", libc::EPERM));
    for name in ["fork", "clone", "kill parent", "limit"] {
        assert_eq!(call(&mut plugin, name), refused, "{name}");
    }
    assert_eq!(call(&mut plugin, "threads"), Ok("0 0".to_owned()));
    // Standard input, output and errors, the two pipes and the library.
    assert_eq!(call(&mut plugin, "descriptors"), Ok("0 6".to_owned()));
    let execve = fate(workshop, &place(), "execve");
    assert!(execve.starts_with(r#"{"not_granted""#), "{execve}");
}

fn environment(workshop: &Workshop) {
    let environment = vec![("SOFTHSM2_CONF".to_owned(), "/there".to_owned())];
    let mut plugin = running(workshop, &Place { environment, ..place() });
    assert_eq!(call(&mut plugin, "environment"), Ok("0 SOFTHSM2_CONF=/there;".to_owned()));
}

fn endings(workshop: &Workshop) {
    let dies = start(&workshop.trial(&["DESTROY_DIES"]), &place()).unwrap();
    assert!(dies.close().unwrap_err().contains("SIGABRT"));
    let loops = start(
        &workshop.trial(&["DESTROY_LOOPS"]),
        &Place { timeout: Duration::from_secs(1), ..place() },
    );
    assert!(loops.unwrap().close().unwrap_err().contains("timed_out"));
}

fn orphan(workshop: &Workshop) {
    // A host of its own that starts a worker which never ends, and is killed.
    let mut host = Command::new(std::env::current_exe().unwrap())
        .arg(HOST_THAT_WAITS)
        .env("TRIAL", workshop.trial(&[]))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = host.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
    let worker: u32 = line.trim().parse().unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    eventually("the worker ends", || {
        let state = std::fs::read_to_string(format!("/proc/{worker}/stat"));
        state.is_err() || state.is_ok_and(|state| state.contains(") Z "))
    });
}

/// The host of [`orphan`]: says its worker's number and hangs in a call.
pub(crate) fn waiting_host() {
    let library = std::env::var_os("TRIAL").expect("only started by the case above");
    let mut plugin = start(Path::new(&library), &place()).unwrap();
    println!("{}", plugin.process().unwrap());
    let _ = call(&mut plugin, "loop");
}

fn starter(workshop: &Workshop) {
    let library = workshop.trial(&[]);
    let started = std::thread::spawn(move || start(&library, &place()).unwrap());
    let mut plugin = started.join().unwrap();
    for _ in 0..50 {
        assert!(call(&mut plugin, "echo").is_ok());
        std::thread::yield_now();
    }
}
