//! Who can write where plugins are loaded from: nobody but the user of this process and root.
//!
//! The workspace itself may belong to a group: who shares it can change its scripts and settings, too.

use std::path::Path;

use ceralacca_kernel::Error;

/// What is not checked on this system, for the list of plugins; `None` where everything is.
pub fn permissions_statement() -> Option<&'static str> {
    (!cfg!(unix)).then_some("on this system it is not checked who can write to plugins")
}

/// Refuses `path` when others can write to it, or to a folder above it up to `top`, which contains
/// it. A file reached by a symbolic link is refused elsewhere, so what is looked at is what is read.
#[cfg(unix)]
pub(crate) fn check(path: &Path, top: &Path) -> Result<(), Error> {
    let inside = path.ancestors().take_while(|one| one.starts_with(top));
    inside.into_iter().try_for_each(|one| check_one(one, if one == top { 0o002 } else { 0o022 }))
}

/// Nothing is checked, as [`permissions_statement`] says.
#[cfg(not(unix))]
pub(crate) fn check(_path: &Path, _top: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
fn check_one(path: &Path, writers: u32) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;

    use crate::error::PluginError;

    let metadata = path.metadata().map_err(|error| PluginError::unreadable(path, &error))?;
    let mode = metadata.mode() & 0o7777;
    if mode & writers != 0 {
        let mode = format!("{mode:04o}");
        return Err(PluginError::WritableByOthers { path: path.to_owned(), mode }.into());
    }
    let owner = metadata.uid();
    if owner != 0 && owner != user::effective() {
        return Err(PluginError::ForeignOwner { path: path.to_owned(), owner }.into());
    }
    Ok(())
}

#[cfg(unix)]
mod user {
    #![allow(unsafe_code, reason = "the standard library does not say who the user is")]

    pub(super) fn effective() -> u32 {
        // SAFETY: geteuid takes nothing, cannot fail and touches no memory.
        unsafe { libc::geteuid() }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_can_write_to_is_refused_and_named() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("plugins/a");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.json");
        fs::write(&file, "{}").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let plugins = top.path().join("plugins");
        let all = [(top.path(), 0o700), (&plugins, 0o755), (&folder, 0o755), (&file, 0o644)];
        all.iter().for_each(|(path, mode)| set(path, *mode));
        check(&file, top.path()).unwrap();
        for (path, mode) in all {
            for wider in [0o020, 0o002] {
                set(path, mode | wider);
                if path == top.path() && wider == 0o020 {
                    check(&file, top.path()).unwrap();
                    set(path, mode);
                    continue;
                }
                let error = check(&file, top.path()).unwrap_err();
                assert_eq!(error.code(), "plugin.writable_by_others");
                let next = format!("chmod go-w {}", path.display());
                assert_eq!(error.report().next, next);
                set(path, mode);
            }
        }
    }
}
