//! ceralacca: a scripting host for filing with the Agenzia delle Entrate.
//!
//! This facade re-exports the paved path; `ARCHITECTURE.md` is the map of what lies beside it.
//!
//! - [`kernel`]: values, secrets, primitives, workflows, runs, errors. Start at
//!   [`kernel::Run::start`] and follow a call through [`kernel::Caller::call`].
//! - [`ber`]: BER from outside, within limits.
//! - [`identity`]: codice fiscale, sede, account, and the rules of the secrets.
//! - [`journal`]: the append-only, hash-chained journal of runs.
//! - [`keystore`]: keys, requests, certificates and their containers.
//! - [`environment`]: the folder of a security environment, and its life.
//! - [`archive`]: the index of a digital archive.
//! - [`signing`]: CMS signatures, CAdES, trust, reports of questions and answers.
//! - [`timestamp`]: RFC 3161 marks.
//! - [`inspect`]: any signed, marked or sealed file, opened by its content.
//! - [`xml`]: the communication of the impronta and its control.
//! - [`submission`]: the seam to the Agency, and delivering once.
//! - [`hand_off`]: the Agency by way of a person.
//! - [`net`]: the HTTP client of a gateway.
//! - [`plugin_host`]: plugins of vendors, found, pinned, confined and called.
//! - [`sandbox`]: a pretend Agency.
//! - [`engine_rhai`], [`engine_lua`]: the two script front-ends.

pub use ceralacca_archive as archive;
pub use ceralacca_ber as ber;
pub use ceralacca_engine_lua as engine_lua;
pub use ceralacca_engine_rhai as engine_rhai;
pub use ceralacca_environment as environment;
pub use ceralacca_hand_off as hand_off;
pub use ceralacca_identity as identity;
pub use ceralacca_inspect as inspect;
pub use ceralacca_journal as journal;
pub use ceralacca_kernel as kernel;
pub use ceralacca_keystore as keystore;
pub use ceralacca_net as net;
pub use ceralacca_plugin_host as plugin_host;
pub use ceralacca_sandbox as sandbox;
pub use ceralacca_signing as signing;
pub use ceralacca_submission as submission;
pub use ceralacca_timestamp as timestamp;
pub use ceralacca_xml as xml;
