//! M7M files: one p7m and its mark in a MIME message (a format of the Camere di commercio).
//!
//! UNVERIFIED: no description and no sample are public. What is read here is what programs that
//! handle such files show: `Mime-Version` at the first byte, `multipart/mixed`, header lines that
//! end with LF or CRLF in one file, exactly one p7m (binary, base64 or PEM) and one timestamp
//! reply. The imprint of the mark covers exactly the bytes of the p7m part, without the line end
//! before the boundary: no MIME library may decode it.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_ber::Header;
use ceralacca_ber::tag::SEQUENCE;
use ceralacca_signing::DigestAlgorithm;
use serde::Serialize;

use crate::section::Section;

/// The two parts of an M7M file.
#[derive(Clone, Debug)]
pub struct M7m {
    /// The p7m part as it is written: the bytes that the mark covers.
    pub p7m: Section,
    /// The mark's part as it is written: DER or base64.
    pub mark: Vec<u8>,
}

/// Why a file is not an M7M that can be read.
#[derive(Debug)]
pub enum M7mError {
    /// The disk refused.
    Io(io::Error),
    /// The message is not what the format asks for.
    Fault(M7mFault),
}

/// What is wrong with an M7M.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum M7mFault {
    /// The headers do not end within 64 KiB.
    EndlessHeaders,
    /// A header line without a colon.
    HeaderLine,
    /// Not `multipart/mixed` with a boundary of 1 to 70 characters.
    NoBoundary,
    /// The closing boundary is missing: the file was cut.
    NoEnd,
    /// More boundary lines than any honest file has.
    TooManyParts,
    /// Not exactly one p7m and one mark.
    Parts {
        /// Parts that say they are a p7m.
        p7m: usize,
        /// Parts that say they are a timestamp reply.
        marks: usize,
        /// Content types of the other parts.
        others: Vec<String>,
    },
    /// The mark's part is longer than 2 MiB.
    MarkTooLarge,
}

impl From<io::Error> for M7mError {
    fn from(error: io::Error) -> M7mError {
        M7mError::Io(error)
    }
}

impl From<M7mFault> for M7mError {
    fn from(fault: M7mFault) -> M7mError {
        M7mError::Fault(fault)
    }
}

/// Finds the parts of an M7M; the p7m is not loaded.
pub fn read(file: &Section) -> Result<M7m, M7mError> {
    let (headers, body) = read_headers(file)?;
    let content_type = ContentType::of(&headers);
    let boundary = content_type.boundary.filter(|_| content_type.name == "multipart/mixed");
    let boundary = boundary.ok_or(M7mFault::NoBoundary)?;
    let body = file.part(body, u64::MAX);
    let (mut p7m, mut marks, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts(&body, &boundary)? {
        let (headers, start) = read_headers(&part)?;
        let content = part.part(start, u64::MAX);
        let name = ContentType::of(&headers).name;
        match name.as_str() {
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => p7m.push(content),
            "application/timestamp-reply" | "application/timestamp" => marks.push(content),
            _ => others.push(name),
        }
    }
    match (p7m.len(), marks.len(), others.is_empty()) {
        (1, 1, true) => {}
        (p7m, marks, _) => return Err(M7mFault::Parts { p7m, marks, others }.into()),
    }
    let mark = marks[0].load(MAX_MARK)?.ok_or(M7mFault::MarkTooLarge)?;
    Ok(M7m { p7m: p7m.remove(0), mark })
}

/// Writes an M7M: the p7m as it is, and the TSR (DER) in base64 lines of 76 characters.
///
/// The same p7m, TSR and name give the same bytes. `name` is the p7m's, for the headers.
pub fn write(p7m: &Section, tsr: &[u8], name: &str, out: &mut dyn Write) -> io::Result<()> {
    let boundary = free_boundary(p7m)?;
    let plain = |one: char| one.is_ascii_alphanumeric() || "._-+ ".contains(one);
    let name: String = name.chars().map(|one| if plain(one) { one } else { '_' }).collect();
    write!(
        out,
        "Mime-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: application/pkcs7-mime; smime-type=signed-data; name=\"{name}\"\r\n\
         Content-Transfer-Encoding: binary\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\
         \r\n"
    )?;
    io::copy(&mut p7m.from_start(), out)?;
    write!(
        out,
        "\r\n\
         --{boundary}\r\n\
         Content-Type: application/timestamp-reply; name=\"{name}.tsr\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}.tsr\"\r\n\
         \r\n"
    )?;
    for line in STANDARD.encode(tsr).as_bytes().chunks(76) {
        out.write_all(line)?;
        out.write_all(b"\r\n")?;
    }
    write!(out, "--{boundary}--\r\n")
}

/// A boundary made from the p7m's digest that does not occur in it.
fn free_boundary(p7m: &Section) -> io::Result<String> {
    let mut digest = DigestAlgorithm::Sha256.digest_reader(p7m.from_start())?;
    loop {
        let boundary = format!("----ceralacca-{}", hex::encode(&digest[..16]));
        if offsets(p7m, boundary.as_bytes(), 1)?.is_empty() {
            return Ok(boundary);
        }
        digest = DigestAlgorithm::Sha256.digest(&digest);
    }
}

/// Header names in lower case with their unfolded values, and where the body begins.
fn read_headers(file: &Section) -> Result<(Vec<(String, String)>, u64), M7mError> {
    let head = file.head(MAX_HEADERS)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut position = 0;
    loop {
        let rest = &head[position..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(M7mFault::EndlessHeaders.into());
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        position += end + 1;
        if line.is_empty() {
            return Ok((headers, position as u64));
        }
        let text = String::from_utf8_lossy(line);
        if let Some((_, value)) = headers.last_mut().filter(|_| text.starts_with([' ', '\t'])) {
            value.push_str(&text);
            continue;
        }
        let (name, value) = text.split_once(':').ok_or(M7mFault::HeaderLine)?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// `Content-Type` as far as it matters here (RFC 2045 §5.1).
struct ContentType {
    name: String,
    boundary: Option<String>,
}

impl ContentType {
    fn of(headers: &[(String, String)]) -> ContentType {
        let value = headers.iter().find(|(name, _)| name == "content-type");
        let value = value.map_or("", |(_, value)| value.as_str());
        let (name, mut rest) = value.split_once(';').unwrap_or((value, ""));
        let mut boundary = None;
        while let Some((attribute, after)) = rest.split_once('=') {
            let (value, next) = parameter(after);
            if attribute.trim().eq_ignore_ascii_case("boundary") && boundary.is_none() {
                boundary = Some(value);
            }
            rest = next;
        }
        let allowed = |text: &String| {
            (1..=70).contains(&text.len())
                && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
                && !text.ends_with(' ')
        };
        let name = name.trim().to_ascii_lowercase();
        ContentType { name, boundary: boundary.filter(allowed) }
    }
}

/// The value of a parameter, quoted or not, and what comes after its semicolon.
fn parameter(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, one) in quoted.char_indices() {
        match one {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => {
                let rest = &quoted[at + 1..];
                return (value, rest.split_once(';').map_or("", |(_, rest)| rest));
            }
            _ => {
                value.push(one);
                escaped = false;
            }
        }
    }
    (value, "")
}

/// What lies between the boundary lines (RFC 2046 §5.1.1), each with its own headers.
fn parts(body: &Section, boundary: &str) -> Result<Vec<Section>, M7mError> {
    let delimiter = format!("\n--{boundary}");
    let mut lines = offsets(body, delimiter.as_bytes(), MAX_CANDIDATES)?;
    if lines.len() == MAX_CANDIDATES {
        return Err(M7mFault::TooManyParts.into());
    }
    // Where each boundary line itself begins; the first may stand at the very beginning.
    lines.iter_mut().for_each(|line| *line += 1);
    if body.head(delimiter.len() - 1)? == delimiter.as_bytes()[1..] {
        lines.insert(0, 0);
    }
    let (mut parts, mut start) = (Vec::new(), None);
    for line in lines {
        let Some(rest) = rest_of_line(body, line, delimiter.len() as u64 - 1)? else { continue };
        if let Some(start) = start {
            parts.push(before_line_end(body, start, line)?);
        }
        if rest.closing {
            return Ok(parts);
        }
        if parts.len() == MAX_PARTS {
            return Err(M7mFault::TooManyParts.into());
        }
        start = Some(rest.next_line);
    }
    Err(M7mFault::NoEnd.into())
}

struct Rest {
    closing: bool,
    next_line: u64,
}

/// What follows the boundary on its line; `None` when the line is longer than a boundary.
fn rest_of_line(body: &Section, line: u64, length: u64) -> io::Result<Option<Rest>> {
    let after = body.part(line + length, MAX_PADDING).head(MAX_PADDING as usize)?;
    let closing = after.starts_with(b"--");
    let skipped = if closing { 2 } else { 0 };
    let blank = after[skipped..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let next = match &after[skipped + blank..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        [b'\r'] | [] if closing && after.len() < MAX_PADDING as usize => 0,
        _ => return Ok(None),
    };
    let next_line = line + length + (skipped + blank + next) as u64;
    Ok(Some(Rest { closing, next_line }))
}

/// The bytes from `start` to the boundary line, without the line end before it.
fn before_line_end(body: &Section, start: u64, line: u64) -> Result<Section, M7mError> {
    let mut end = line.saturating_sub(1).max(start);
    if end > start && body.part(end - 1, 1).head(1)? == b"\r" {
        end -= 1;
        let part = body.part(start, end - start);
        let (_, content) = read_headers(&part)?;
        // A lone LF after DER that happens to end with the byte of a CR.
        if announced_length(&part.part(content, 16))? == Some(end + 1 - start - content) {
            end += 1;
        }
    }
    Ok(body.part(start, end - start))
}

/// The length of the DER element at the beginning, as its header announces it.
fn announced_length(content: &Section) -> io::Result<Option<u64>> {
    let head = content.head(16)?;
    let header = Header::read(&head).ok().filter(|header| header.tag == SEQUENCE);
    Ok(header.and_then(|header| Some(header.length? + header.size as u64)))
}

/// Where `wanted` occurs, at most `limit` times.
fn offsets(file: &Section, wanted: &[u8], limit: usize) -> io::Result<Vec<u64>> {
    let (mut found, mut buffer, mut begin) = (Vec::new(), Vec::new(), 0);
    let mut source = file.from_start();
    loop {
        let taken = Read::by_ref(&mut source).take(PIECE).read_to_end(&mut buffer)?;
        let mut from = 0;
        while let Some(at) = buffer[from..].iter().position(|byte| *byte == wanted[0]) {
            let at = from + at;
            if buffer[at..].starts_with(wanted) {
                found.push(begin + at as u64);
                if found.len() == limit {
                    return Ok(found);
                }
            }
            from = at + 1;
        }
        if taken == 0 {
            return Ok(found);
        }
        // What may be the beginning of an occurrence is looked at again with what follows.
        let done = buffer.len().saturating_sub(wanted.len() - 1);
        buffer.drain(..done);
        begin += done as u64;
    }
}

const MAX_HEADERS: usize = 64 << 10;
const MAX_MARK: u64 = 2 << 20;
const MAX_PARTS: usize = 16;
const MAX_CANDIDATES: usize = 1024;
const MAX_PADDING: u64 = 128;
const PIECE: u64 = 256 << 10;

#[cfg(test)]
#[path = "m7m_tests.rs"]
mod tests;
