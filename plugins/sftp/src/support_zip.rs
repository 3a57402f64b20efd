//! The zip inside a support: written small, read with limits on everything that it claims.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Files in an outcome.
pub(crate) const MOST_FILES: usize = 64;
/// Bytes of all files of an outcome, unpacked.
pub(crate) const LARGEST_UNPACKED: u64 = 32 << 20;
/// How many times larger than its packed form a file may become, beyond [`FREE_OF_RATIO`].
pub(crate) const LARGEST_RATIO: u64 = 200;
/// Bytes up to which nobody asks for the ratio: a page of blanks packs well.
const FREE_OF_RATIO: u64 = 1 << 20;

/// A zip of these files, in their order; the same files give the same bytes.
///
/// # Errors
/// In a few words, what cannot be packed.
pub(crate) fn pack(files: &[(&str, &[u8])]) -> Result<Vec<u8>, String> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o644);
    for (name, bytes) in files {
        zip.start_file(*name, options).map_err(|error| error.to_string())?;
        zip.write_all(bytes).map_err(|error| error.to_string())?;
    }
    Ok(zip.finish().map_err(|error| error.to_string())?.into_inner())
}

/// The files of a zip by their names. Sizes are counted as the bytes come, not as the zip says.
///
/// # Errors
/// In a few words, what speaks against it.
pub(crate) fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    if zip.has_duplicate_names() {
        return Err("two files of one name".to_owned());
    }
    if zip.len() > MOST_FILES {
        return Err(format!("{} files, of {MOST_FILES} at most", zip.len()));
    }
    let mut files = BTreeMap::new();
    let mut left = LARGEST_UNPACKED;
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).map_err(|error| error.to_string())?;
        let name = file.name().map_err(|error| error.to_string())?.into_owned();
        if !is_plain(&name) || !file.is_file() || file.is_symlink() {
            return Err(format!("{name:?} is no plain file name"));
        }
        let packed = file.compressed_size().min(bytes.len() as u64);
        let limit = left.min(packed.saturating_mul(LARGEST_RATIO).max(FREE_OF_RATIO));
        let mut content = Vec::new();
        let read = file.by_ref().take(limit + 1).read_to_end(&mut content);
        read.map_err(|error| format!("{name}: {error}"))?;
        let length = content.len() as u64;
        if length > limit {
            return Err(format!("{name} unpacks to more than {limit} bytes"));
        }
        left -= length;
        let same = files.keys().any(|other: &String| other.eq_ignore_ascii_case(&name));
        if same {
            return Err(format!("two files {name}"));
        }
        files.insert(name, content);
    }
    Ok(files)
}

/// Whether a text is a file name and nothing else: no path, not hidden, nothing forbidden.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with(['.', ' '])
        && !name.ends_with(['.', ' '])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || " ._-()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let files: [(&str, &[u8]); 2] = [("a.ccf", b"x"), ("invio.json", b"{}")];
        let packed = pack(&files).unwrap();
        assert_eq!(packed, pack(&files).unwrap(), "nothing in it depends on the time");
        let unpacked = unpack(&packed).unwrap();
        assert_eq!(unpacked["a.ccf"], b"x");
        assert_eq!(unpacked.len(), 2);
    }

    #[test]
    fn paths_hidden_files_and_folders_are_refused() {
        for name in ["../a", "/a", "a/b", "a\\b", ".a", "c:a", "a/"] {
            let packed = pack(&[(name, b"x")]).unwrap();
            assert!(unpack(&packed).is_err(), "{name}");
        }
        let twice = pack(&[("a", b"x"), ("A", b"y")]).unwrap();
        assert!(unpack(&twice).is_err());
    }

    #[test]
    fn a_link_is_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("a", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        assert!(unpack(&zip.finish().unwrap().into_inner()).is_err());
    }

    #[test]
    fn counts_sizes_and_ratios_have_limits() {
        let names: Vec<String> = (0..=MOST_FILES).map(|number| format!("f{number}")).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b"x"[..])).collect();
        assert!(unpack(&pack(&many).unwrap()).unwrap_err().contains("at most"));
        let blank = vec![0; (FREE_OF_RATIO + 1) as usize];
        let bomb = pack(&[("a", &blank)]).unwrap();
        assert!((bomb.len() as u64) * LARGEST_RATIO < FREE_OF_RATIO);
        assert!(unpack(&bomb).unwrap_err().contains("more than"));
        // Each of them below the ratio, all together too large.
        let noise: Vec<u8> = (0..9_000_000_u64).map(|at| ((at * at) >> 7) as u8).collect();
        let large: Vec<(&str, &[u8])> = ["a", "b", "c", "d"].map(|name| (name, &*noise)).into();
        assert!(unpack(&pack(&large).unwrap()).unwrap_err().contains("more than"));
    }

    #[test]
    fn damage_never_panics() {
        let packed = pack(&[("a.ccf", b"some content"), ("b", b"more")]).unwrap();
        for cut in 0..packed.len() {
            assert!(unpack(&packed[..cut]).is_err());
        }
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0xff;
            let _ = unpack(&damaged);
        }
    }
}
