//! Deliver once, collect receipts: the seam to the Agency and what scripts do through it.
//!
//! [`Agency`] is the one seam to the outside. A document is delivered through the outbox: its bytes
//! are stored, an attempt is marked on disk, then it is sent, then the acknowledgement is kept.
//! Where a mark is found without an acknowledgement, nothing is sent before the Agency was asked.

mod agency;
mod ca;
mod channel;
mod error;
pub mod esito;
mod explain;
mod explain_revocation;
mod explain_sealed;
mod file_name;
mod folder_facts;
pub mod hand_over;
mod hand_over_error;
mod kept_file;
mod not_openable;
mod open_receipts;
pub mod outbox;
mod portal;
mod primitives;
mod protocollo;
pub mod receipt;
mod receipt_list;
mod receipt_text;
mod records;
pub mod register;
mod register_read;
mod register_row;
pub mod register_table;
mod revocation;
mod revocation_guard;
mod revocation_others;
mod right_key;
mod seal;
mod sealed_receipt;
mod signed_by_agency;
mod submit;

pub use agency::{Agency, Delivery, Failure};
pub use ca::PinnedCa;
pub use channel::{FetchChannel, SendChannel};
pub use error::SubmissionError;
pub use esito::{Esito, ReadByPerson, read_by_person};
pub use file_name::is_file_name;
pub use hand_over_error::HandOverError;
pub use kept_file::KeptFile;
pub use not_openable::NotOpenable;
pub use open_receipts::{Collected, NotOpened, OpenOptions};
pub use portal::{Portal, PortalId};
pub use primitives::namespace;
pub use protocollo::{NotAProtocollo, Protocollo, input_types};
pub use receipt::{Receipt, ReceiptId};
pub use receipt_list::ReceiptOptions;
pub use receipt_text::ReceiptText;
pub use records::{
    Access, Acknowledgement, AttachmentRecord, Counts, Outgoing, ReceiptFilter, ReceiptRecord,
    Rejection, Revocation, RevocationRequested, Search, Stato, printable,
};
pub use register::{Register, RegisterFilter};
pub use revocation::{Busta, REVOCATIONS, Revoca, RevocaId, RevocaOptions, RevocationMark};
pub use revocation_others::revoked_by;
pub use seal::{LARGEST_CHECKED, LARGEST_UNCHECKED, envelope};
pub use sealed_receipt::OpenedReceipt;
pub use signed_by_agency::signed_by_agency;
pub use submit::{Submission, SubmissionId};
