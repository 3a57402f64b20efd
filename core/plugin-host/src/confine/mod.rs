//! What a worker may reach beyond its own memory, where the operating system can say so.

use std::fmt;

use crate::connection::Grants;
use crate::image::Found;

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod system_calls;

#[cfg(target_os = "linux")]
use linux as here;
#[cfg(not(target_os = "linux"))]
use other as here;

/// What this machine can keep a worker from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Files, and connections to ports: the version of Landlock's interface.
    pub files: Option<i32>,
    /// System calls, network among them.
    pub system_calls: bool,
}

/// What this machine can keep a worker from. Plugins run where it can do less; this says so.
pub fn confinement() -> Confinement {
    here::confinement()
}

/// Confines this process, for good.
pub(crate) fn confine(grants: &Grants, image: &Found) -> Result<(), String> {
    here::confine(grants, image)
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.files, self.system_calls) {
            (Some(version), true) => {
                write!(f, "files by Landlock {version}, network and system calls by seccomp")
            }
            (Some(version), false) => write!(
                f,
                "files by Landlock {version}; this system has no seccomp: network and system calls \
                 are not confined"
            ),
            (None, true) => write!(
                f,
                "network and system calls by seccomp; this system has no Landlock: files are not \
                 confined"
            ),
            (None, false) => write!(
                f,
                "this system has neither Landlock nor seccomp: plugins are limited in time, and \
                 not confined"
            ),
        }
    }
}
