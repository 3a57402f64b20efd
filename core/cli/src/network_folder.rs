//! Whether a folder is on another computer: then the operating system does not tell of what others
//! change there.

use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file;

/// The kind of filesystem, `cifs`, when it is one that lies on another computer or is kept by another
/// program; only Linux can be asked.
pub(crate) fn kind(folder: &Path) -> Option<String> {
    let mounts = regular_file::read(Path::new("/proc/self/mountinfo"), 16 << 20).ok()?;
    let folder = folder.canonicalize().ok()?;
    kind_in(&String::from_utf8_lossy(&mounts), &folder)
}

/// proc_pid_mountinfo(5): the fifth field is where it is mounted, the first one after ` - ` its kind.
/// Of several that hold the folder the deepest counts, and of those the last.
fn kind_in(mounts: &str, folder: &Path) -> Option<String> {
    let parsed = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let place = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        folder.starts_with(&place).then_some((place, after.split(' ').next()?))
    });
    let (_, kind) = parsed.max_by_key(|(place, _)| place.components().count())?;
    let remote = REMOTE.contains(&kind) || kind.starts_with("fuse.");
    remote.then(|| kind.to_owned())
}

/// Space, tab, line end and backslash are written as `\040`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

const REMOTE: [&str; 16] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "ncpfs",
    "coda",
    "glusterfs",
    "lustre",
    "vboxsf",
    "virtiofs",
    "prl_fs",
    "fuse",
];

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 25 0:35 / /srv/studio rw - nfs4 server:/studio rw
41 25 0:36 / /mnt/Dati\\040comuni rw shared:5 - cifs //server/dati rw
42 41 8:2 / /mnt/Dati\\040comuni/locale rw - ext4 /dev/sdb1 rw
43 25 0:40 / /home/a/remoto rw - fuse.sshfs a@b: rw
44 25 8:17 / /media/chiavetta rw - fuseblk /dev/sdc1 rw
45 25 0:50 / /media/chiavetta rw - 9p C: rw
damaged
";

    #[test]
    fn the_deepest_and_last_mount_counts() {
        for (folder, expected) in [
            ("/home/b/Documenti/ricezione", None),
            ("/srv/studio/Documenti/ricezione", Some("nfs4")),
            ("/srv/studiolo", None),
            ("/mnt/Dati comuni/ricezione", Some("cifs")),
            ("/mnt/Dati comuni/locale/ricezione", None),
            ("/home/a/remoto/x", Some("fuse.sshfs")),
            ("/media/chiavetta", Some("9p")),
        ] {
            assert_eq!(kind_in(MOUNTS, Path::new(folder)).as_deref(), expected, "{folder}");
        }
        assert_eq!(kind_in("", Path::new("/")), None);
        assert_eq!(unescaped("a\\134b\\x"), "a\\b\\x");
        assert_eq!(kind(Path::new("/nowhere/at all")), None);
    }
}
