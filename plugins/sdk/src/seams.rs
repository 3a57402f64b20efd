//! The operations of the seams, declared so that they are served like primitives.

use ceralacca_kernel::{Effect, Form, Param, ParamSchema, Primitive, Touch, schemars};

/// The declaration of an operation such as `signer/sign`.
pub(crate) fn operation(name: &str) -> Option<&'static Primitive> {
    let (seam, operation) = name.split_once('/')?;
    OPERATIONS.iter().find(|known| known.namespace == seam && known.name == operation)
}

/// Every operation of every seam, and whether it may be repeated.
static OPERATIONS: [Primitive; 12] = [
    declared("signer", "open", Effect::Recorded),
    declared("signer", "sign", Effect::Recorded),
    declared("agency", "submit", Effect::Once),
    declared("agency", "find_submissions", Effect::Recorded),
    declared("agency", "receipts", Effect::Recorded),
    declared("agency", "receipt", Effect::Recorded),
    declared("agency", "attachment", Effect::Recorded),
    declared("agency", "revoke", Effect::Once),
    declared("agency", "find_revocation", Effect::Recorded),
    declared("agency", "ca_certificates", Effect::Recorded),
    declared("agency", "crl", Effect::Recorded),
    declared("check", "control", Effect::Recorded),
];

const fn declared(seam: &'static str, operation: &'static str, effect: Effect) -> Primitive {
    Primitive {
        namespace: seam,
        name: operation,
        doc: "An operation of a seam.",
        form: Form::Function,
        kind: None,
        params: &[],
        returns: Param {
            name: "returns",
            rust_type: "Value",
            schema: ParamSchema::Typed(schemars::Schema::default),
        },
        since: "0.1.0",
        effect,
        touches: &[
            Touch::Reads,
            Touch::Writes,
            Touch::Signs,
            Touch::Asks,
            Touch::Sends,
            Touch::Fetches,
        ],
        // `Plugin::seam` serves it; as a primitive it is never called.
        invoke: |_, _| unreachable!("operations of seams are no primitives"),
        reconcile: None,
    }
}
