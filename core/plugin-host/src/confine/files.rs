//! Files and ports that a worker may reach, by Landlock.
#![allow(unsafe_code, reason = "a descriptor that the worker inherited")]

use std::os::fd::BorrowedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::connection::Grants;
use crate::image::Found;

/// Everything that the crate knows; a kernel that knows less confines less.
const KNOWN: ABI = ABI::V7;

/// Where libraries that a plugin needs are found.
const LIBRARIES: [&str; 12] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/nix/store",
    "/gnu/store",
];

/// What the resolver and TLS read.
const FOR_NETWORK: [&str; 12] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/etc/pki",
    // What /etc/ssl points to.
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// Devices without a content of their own.
const DEVICES: [&str; 3] = ["/dev/urandom", "/dev/random", "/dev/zero"];

pub(super) fn confine(grants: &Grants, image: &Found, version: i32) -> Result<(), String> {
    let status = restrict(grants, image).map_err(|error| error.to_string())?;
    if status == RulesetStatus::NotEnforced {
        return Err(format!("the kernel offers version {version} and confines nothing"));
    }
    Ok(())
}

fn restrict(grants: &Grants, image: &Found) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::from_read(KNOWN);
    let all = AccessFs::from_all(KNOWN);
    let mut ruleset = Ruleset::default().handle_access(all)?;
    if !grants.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(KNOWN))?;
    }
    ruleset = ruleset.scope(Scope::Signal)?;
    if !grants.local_sockets {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
    }
    let mut created = ruleset.create()?;
    created = allow(created, LIBRARIES.iter().map(Path::new), read)?;
    created = allow(created, DEVICES.iter().map(Path::new), read)?;
    created = allow(created, [Path::new("/dev/null")], read | AccessFs::WriteFile)?;
    if grants.network {
        created = allow(created, FOR_NETWORK.iter().map(Path::new), read)?;
    }
    created = allow(created, grants.read.iter().map(AsRef::as_ref), read)?;
    created = allow(created, grants.write.iter().map(AsRef::as_ref), all)?;
    if let Found::Descriptor { number, sealed: false } = image {
        // SAFETY: the program passed this descriptor on, and it stays open.
        let file = unsafe { BorrowedFd::borrow_raw(*number) };
        created = created.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
    }
    Ok(created.restrict_self()?.ruleset)
}

/// Allows what is there of the paths. What is not there cannot be granted, and is not made either.
fn allow<'a>(
    mut created: RulesetCreated,
    paths: impl IntoIterator<Item = &'a Path>,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for path in paths {
        let Ok(found) = PathFd::new(path) else { continue };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
        created = created.add_rule(PathBeneath::new(found, access))?;
    }
    Ok(created)
}
