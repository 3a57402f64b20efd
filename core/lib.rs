//! ceralacca: a scripting host for filing with the Agenzia delle Entrate.
//!
//! This facade re-exports the paved path; `ARCHITECTURE.md` is the map of what lies beside it.
//!
//! - [`kernel`]: values, secrets, primitives, workflows, runs, errors. Start at
//!   [`kernel::Run::start`] and follow a call through [`kernel::Caller::call`].
//! - [`identity`]: codice fiscale, sede, account, and the rules of the secrets.
//! - [`journal`]: the append-only, hash-chained journal of runs.
//! - [`keystore`]: keys, requests, certificates and their containers.
//! - [`submission`]: the seam to the Agency, and delivering once.
//! - [`net`]: the HTTP client of a gateway.
//! - [`sandbox`]: a pretend Agency.
//! - [`engine_rhai`], [`engine_lua`]: the two script front-ends.

pub use ceralacca_engine_lua as engine_lua;
pub use ceralacca_engine_rhai as engine_rhai;
pub use ceralacca_identity as identity;
pub use ceralacca_journal as journal;
pub use ceralacca_kernel as kernel;
pub use ceralacca_keystore as keystore;
pub use ceralacca_net as net;
pub use ceralacca_sandbox as sandbox;
pub use ceralacca_submission as submission;
