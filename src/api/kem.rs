//! Key encapsulation (PKCS#11 3.2 sec. 5.18.8 and 5.18.9).

use super::{Trace, bad, call, mechanism_row, params, raw};
use crate::session::{Encapsulated, Outcome};
use cryptoki_sys::*;

pub unsafe extern "C" fn C_EncapsulateKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    public_key: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_bytes: CK_ULONG_PTR,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_EncapsulateKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its mechanism and its template.
        let (mechanism, template) =
            unsafe { (raw::mechanism(mechanism)?, raw::template(template, count, &arena)?) };
        if key.is_null() && !ciphertext.is_null() {
            return Err(bad("phKey is null"));
        }
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.kem.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        // SAFETY: the caller's promise about its buffer and its place for a handle.
        unsafe {
            raw::with_output(ciphertext, ciphertext_bytes, |output| {
                match session.encapsulate_key(row, &params, public_key, &template, output?)? {
                    Encapsulated::Size(bytes) => Ok(Outcome::Size(bytes)),
                    Encapsulated::Key { written, handle } => {
                        *raw::place(key, "phKey is null")? = handle;
                        Ok(Outcome::Written(written))
                    }
                }
            })
        }
    })
}

pub unsafe extern "C" fn C_DecapsulateKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    private_key: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_bytes: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_DecapsulateKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        if ciphertext.is_null() {
            return Err(bad("the ciphertext is null"));
        }
        // SAFETY: the caller's promise about its mechanism, buffer, template and place for a handle.
        let (mechanism, template, ciphertext, place) = unsafe {
            (
                raw::mechanism(mechanism)?,
                raw::template(template, count, &arena)?,
                raw::bytes(ciphertext, ciphertext_bytes, "the ciphertext is null")?,
                raw::place(key, "phKey is null")?,
            )
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.kem.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        *place = session.decapsulate_key(row, &params, private_key, &template, ciphertext)?;
        Ok(())
    })
}
