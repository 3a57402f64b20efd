//! M7M files built here, because no public sample exists, and what hostile ones do.

use proptest::prelude::*;

use super::*;

const P7M: &[u8] = b"\x30\x05\x02\x03a\r\n";

fn read_bytes(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>), M7mFault> {
    match read(&Section::of_bytes(bytes).unwrap()) {
        Ok(m7m) => Ok((m7m.p7m.load(1 << 20).unwrap().unwrap(), m7m.mark)),
        Err(M7mError::Fault(fault)) => Err(fault),
        Err(M7mError::Io(error)) => panic!("{error}"),
    }
}

/// With line ends as given: of the first header, of the other lines, before boundaries.
fn built(first: &str, other: &str, before: &str, p7m: &[u8]) -> Vec<u8> {
    let mut file = format!(
        "Mime-Version: 1.0{first}Content-Type: multipart/mixed;{other}\
         \tboundary=\"=_a \\\"b\"{first}{other}--=_a \"b{other}\
         Content-Type: application/pkcs7-mime;smime-type=signed-data{first}\
         Content-Transfer-Encoding: binary{other}{first}"
    )
    .into_bytes();
    file.extend_from_slice(p7m);
    let rest = format!(
        "{before}--=_a \"b  {first}content-type: APPLICATION/timestamp-reply{first}{other}\
         TUFFQg=={before}--=_a \"b--{other}"
    );
    file.extend_from_slice(rest.as_bytes());
    file
}

#[test]
fn line_ends_may_be_mixed() {
    for first in ["\n", "\r\n"] {
        for other in ["\n", "\r\n"] {
            for p7m in [P7M, b"", b"\x30\x80\n\n--=_a\r\n\0\0", b"\x30\x02\r\r"] {
                let file = built(first, other, "\r\n", p7m);
                assert_eq!(read_bytes(&file).unwrap(), (p7m.to_vec(), b"TUFFQg==".to_vec()));
            }
            // A lone LF before the boundary, after DER whose last byte is that of a CR.
            let p7m = b"\x30\x03\x02\x01\r";
            assert_eq!(read_bytes(&built(first, other, "\n", p7m)).unwrap().0, p7m);
        }
    }
}

#[test]
fn what_is_written_is_read() {
    for p7m in [P7M.to_vec(), vec![b'-'; 700_000], vec![b'\n'; 300_000]] {
        let (section, tsr) = (Section::of_bytes(&p7m).unwrap(), vec![0x30; 1000]);
        let (mut out, mut again) = (Vec::new(), Vec::new());
        write(&section, &tsr, "perché \"no\"\r\nX: y.p7m", &mut out).unwrap();
        write(&section, &tsr, "perché \"no\"\r\nX: y.p7m", &mut again).unwrap();
        assert_eq!(out, again);
        let (read, mark) = read_bytes(&out).unwrap();
        assert!(read == p7m);
        let mark: Vec<u8> = mark.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        assert_eq!(STANDARD.decode(mark).unwrap(), tsr);
    }
}

#[test]
fn a_boundary_never_occurs_in_the_p7m() {
    let mut p7m = b"x".to_vec();
    let boundary = free_boundary(&Section::of_bytes(&p7m).unwrap()).unwrap();
    p7m.extend_from_slice(boundary.as_bytes());
    let section = Section::of_bytes(&p7m).unwrap();
    let free = free_boundary(&section).unwrap();
    assert!(free != boundary && offsets(&section, free.as_bytes(), 1).unwrap().is_empty());
}

#[test]
fn occurrences_across_pieces_are_found() {
    let mut bytes = vec![b'-'; PIECE as usize * 2];
    for at in [0, PIECE as usize - 3, PIECE as usize * 2 - 6] {
        bytes[at..at + 6].copy_from_slice(b"\n--abc");
    }
    let section = Section::of_bytes(&bytes).unwrap();
    assert_eq!(offsets(&section, b"\n--abc", 9).unwrap(), [0, PIECE - 3, PIECE * 2 - 6]);
}

#[test]
fn parts_must_be_one_p7m_and_one_mark() {
    let part = |kind: &str| format!("--b\r\nContent-Type: {kind}\r\n\r\nx\r\n");
    let (p7m, mark) = (part("application/pkcs7-mime"), part("application/timestamp"));
    let message = |parts: &[&str]| {
        let head = "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
        format!("{head}{}--b--", parts.concat()).into_bytes()
    };
    let others = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(read_bytes(&message(&[&p7m, &mark])).is_ok());
    assert!(read_bytes(&message(&[&mark, &p7m])).is_ok());
    for (parts, p7ms, marks, other) in [
        (vec![&*p7m, &p7m, &mark], 2, 1, others(&[])),
        (vec![&*p7m, &mark, &mark], 1, 2, others(&[])),
        (vec![&*p7m], 1, 0, others(&[])),
        (vec![], 0, 0, others(&[])),
        (vec![&*p7m, &mark, "--b\n\nx\n"], 1, 1, others(&[""])),
    ] {
        let fault = M7mFault::Parts { p7m: p7ms, marks, others: other };
        assert_eq!(read_bytes(&message(&parts)), Err(fault));
    }
    let many = vec![&*p7m; 20];
    assert_eq!(read_bytes(&message(&many)), Err(M7mFault::TooManyParts));
}

#[test]
fn faults_are_named() {
    let long = [b"Mime-Version: 1.0\nX: ".to_vec(), vec![b'a'; 1 << 20]].concat();
    let candidates = [b"Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n".to_vec()]
        .concat()
        .into_iter()
        .chain(b"\n--bx".repeat(5000))
        .collect::<Vec<u8>>();
    let cut = "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n\ny";
    for (bytes, fault) in [
        (&long[..], M7mFault::EndlessHeaders),
        (b"Mime-Version: 1.0\n\n", M7mFault::NoBoundary),
        (
            b"Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"\"\n\n",
            M7mFault::NoBoundary,
        ),
        (b"Mime-Version: 1.0\nContent-Type: text/plain; boundary=b\n\n", M7mFault::NoBoundary),
        (b"Mime-Version: 1.0\nno colon\n\n", M7mFault::HeaderLine),
        (cut.as_bytes(), M7mFault::NoEnd),
        (&candidates, M7mFault::TooManyParts),
    ] {
        assert_eq!(read_bytes(bytes), Err(fault));
    }
}

#[test]
fn a_cut_file_is_never_read_as_whole() {
    let whole = built("\n", "\r\n", "\r\n", P7M);
    for cut in 0..whole.len() - 2 {
        assert!(read_bytes(&whole[..cut]).is_err(), "{cut}");
    }
}

proptest! {
    #[test]
    fn damage_never_panics(at in 0usize..220, byte in any::<u8>()) {
        let mut file = built("\n", "\r\n", "\r\n", P7M);
        let at = at % file.len();
        file[at] = byte;
        let _ = read_bytes(&file);
    }
}
