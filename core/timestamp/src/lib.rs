//! RFC 3161 timestamps and the files that hold them.
//!
//! [`Mark`] is a TSR or TST that was read, by content. [`TimestampAuthority`] is the seam to who
//! makes them; an answer is checked by [`check_response`] before it is used, and [`Purchase`] sees
//! to it that a mark, which costs money, is bought once for a file.

mod authority;
mod check;
mod error;
mod explain;
#[cfg(test)]
mod fixtures;
mod gen_time;
mod handle;
mod mark;
mod message_imprint;
mod primitives;
mod purchase;
mod report;
mod request;
mod response;
mod signature_mark;
mod tst_info;

pub use authority::{TimestampAuthority, TsaChannel};
pub use check::{check_response, require_sound};
pub use error::TimestampError;
pub use gen_time::GenTime;
pub use handle::{MarkFile, MarkId, RequestOptions};
pub use mark::{Formato, LARGEST_MARK, Mark, TST_INFO};
pub use message_imprint::MessageImprint;
pub use primitives::namespace;
pub use purchase::Purchase;
pub use request::TimestampRequest;
pub use response::TimestampResponse;
pub use tst_info::{Accuracy, TstInfo};
