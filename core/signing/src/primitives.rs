//! What scripts can call in the namespace `signing`.

use ceralacca_kernel::Document;
use ceralacca_keystore::SignerHandle;

use crate::documents::{self, CadesOptions};

ceralacca_kernel::primitives! {
    /// Signatures of documents: CAdES, as Italian law asks for them.
    namespace signing;

    /// Signs a document: CAdES B-B with SHA-256, document and signature in one `.p7m` file. With
    /// `detached` the document stays outside. The file is written beside the document when that is
    /// in the document archive, else in `firmati/<run>/`.
    ///
    /// ```rhai
    /// let signed = signing::cades(index, signer);
    /// ```
    function cades(
        document: Document, signer: SignerHandle, options: Option<CadesOptions>,
    ) -> Document
        [since "0.2.0", recorded, touches(Reads, Writes, Signs)] = documents::cades;

    /// Signs many documents, on all cores; gives them in the same order.
    ///
    /// ```rhai
    /// let signed = signing::cades_all([index], signer);
    /// ```
    function cades_all(
        documents: Vec<Document>, signer: SignerHandle, options: Option<CadesOptions>,
    ) -> Vec<Document>
        [since "0.2.0", recorded, touches(Reads, Writes, Signs)] = documents::cades_all;
}
