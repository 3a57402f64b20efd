//! BER as it comes from outside (X.690 §8): one header parser and one table of limits.
//!
//! [`Element`] and [`Elements`] read what is in memory, [`Stream`] what streams by, in constant
//! memory; [`to_der`] rewrites BER for the `der` crate. The three agree on every input, but that
//! [`Stream`] refuses tag numbers above 30 and [`to_der`] also looks into definite lengths.

mod der;
mod element;
mod header;
pub mod limits;
mod stream;
pub mod tag;

use std::fmt;

pub use der::{is_der, to_der};
pub use element::{Element, Elements};
pub use header::{Header, encode, encode_header};
pub use stream::{Stream, StreamError};

/// What is wrong with the bytes.
pub type Reason = &'static str;

/// Why bytes are not BER within the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BerError {
    /// The input ends inside an element.
    Truncated,
    /// A tag, a length or a nesting that BER does not allow or this program does not follow.
    Malformed(Reason),
}

impl fmt::Display for BerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Reason::from(*self))
    }
}

impl From<BerError> for Reason {
    fn from(error: BerError) -> Reason {
        match error {
            BerError::Truncated => "an element that does not end",
            BerError::Malformed(reason) => reason,
        }
    }
}
