//! Systems without a way for a process to confine itself that this program knows.

use super::Confinement;
use crate::connection::Grants;
use crate::image::Found;

pub(super) fn confinement() -> Confinement {
    Confinement { files: None, system_calls: false }
}

pub(super) fn confine(_: &Grants, _: &Found) -> Result<(), String> {
    Ok(())
}
