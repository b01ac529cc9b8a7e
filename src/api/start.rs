//! What all C_xxxInit have in common: the session, a null mechanism that ends the operation, the mechanism's row.

use super::{Trace, call, mechanism_row, raw};
use crate::error::Error;
use crate::mechanism::Mechanism;
use crate::session::{Operations, Session};
use cryptoki_sys::*;

/// Which kind of operation a C_xxxInit starts.
pub struct Kind {
    /// Whether a mechanism does it at all.
    pub does: fn(&Mechanism) -> bool,
    /// What a null mechanism ends (PKCS#11 3.0 sec. 5.2), active or not.
    pub ends: Operations,
}

/// Starts an operation: `begin` parses the parameter, and passes on. Errors: CKR_MECHANISM_INVALID, those of `begin`.
///
/// # Safety
/// As `raw::mechanism`.
#[inline]
pub unsafe fn start(
    function: &'static str,
    kind: Kind,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    begin: impl FnOnce(&Session, &'static Mechanism, &CK_MECHANISM) -> Result<(), Error>,
) -> CK_RV {
    call(function, Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        if mechanism.is_null() {
            session.cancel(kind.ends);
            return Ok(());
        }
        // SAFETY: the caller's promise about its mechanism.
        let mechanism = unsafe { raw::mechanism(mechanism) }?;
        let row = mechanism_row(library, mechanism.mechanism, trace, kind.does)?;
        begin(&session, row, &mechanism)
    })
}
