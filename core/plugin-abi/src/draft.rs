//! Extensions that may still change or go: `plugins/sdk/include/ceralacca_plugin_draft.h`.
//!
//! A plugin that uses one must do without it when `get_extension` gives null. When a draft is settled
//! it moves to the stable header under a name without `draft`.

use crate::{Bytes, Host};

/// `get_extension`: pages for the operator, [`DraftShowExtension`].
pub const EXTENSION_DRAFT_SHOW: &str = "ceralacca.draft.show/0";

/// Pages for the operator, such as a Riepilogo.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DraftShowExtension {
    /// `sizeof` this structure on the host's side.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The plugin calls it during `invoke`, on its thread. It shows a page: a CBOR array of the title
    /// and of `[label, text]` for each line. Only for primitives that touch `asks`.
    pub show: Option<unsafe extern "C" fn(host: *const Host, call: u64, page: Bytes) -> i32>,
}
