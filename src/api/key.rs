//! Key management (PKCS#11 3.0 sec. 5.18).

use super::{Trace, bad, call, mechanism_row, params, raw};
use crate::mechanism::Direction;
use crate::session::{NotDerived, Outcome};
use cryptoki_sys::*;

pub unsafe extern "C" fn C_GenerateKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_GenerateKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its mechanism, template and place for a handle.
        let (mechanism, template, place) = unsafe {
            (
                raw::mechanism(mechanism)?,
                raw::template(template, count, &arena)?,
                raw::place(key, "phKey is null")?,
            )
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.generate.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        *place = session.generate_key(row, &params, &template)?;
        Ok(())
    })
}

pub unsafe extern "C" fn C_GenerateKeyPair(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    public_template: CK_ATTRIBUTE_PTR,
    public_count: CK_ULONG,
    private_template: CK_ATTRIBUTE_PTR,
    private_count: CK_ULONG,
    public_key: CK_OBJECT_HANDLE_PTR,
    private_key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_GenerateKeyPair", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its mechanism, templates and places for handles.
        let (mechanism, public, private) = unsafe {
            let public = raw::template(public_template, public_count, &arena)?;
            (raw::mechanism(mechanism)?, public, raw::template(private_template, private_count, &arena)?)
        };
        // SAFETY: as above; the caller may give one place for both, so each is made when it is written to.
        unsafe {
            raw::place(public_key, "phPublicKey is null")?;
            raw::place(private_key, "phPrivateKey is null")?;
        }
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.generate_pair.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        let pair = session.generate_key_pair(row, &params, &public, &private)?;
        // SAFETY: as above.
        unsafe {
            *raw::place(public_key, "phPublicKey is null")? = pair.0;
            *raw::place(private_key, "phPrivateKey is null")? = pair.1;
        }
        Ok(())
    })
}

pub unsafe extern "C" fn C_DeriveKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    base_key: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_DeriveKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its mechanism, template and place for a handle.
        let (mechanism, template, place) = unsafe {
            (
                raw::mechanism(mechanism)?,
                raw::template(template, count, &arena)?,
                raw::place(key, "phKey is null")?,
            )
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.derive.is_some())?;
        // SAFETY: as above.
        let (params, further) = unsafe {
            (params::parse(row.params, &mechanism)?, params::further_keys(row.params, &mechanism, &arena)?)
        };
        match session.derive_key(row, &params, base_key, &template, &further.templates) {
            Ok(handles) => {
                *place = handles[0];
                // SAFETY: as above.
                handles[1..].iter().enumerate().for_each(|(n, handle)| unsafe { further.write(n, *handle) });
                Ok(())
            }
            Err(NotDerived { error, further: number }) => {
                // SAFETY: as above.
                number.into_iter().for_each(|n| unsafe { further.write(n, CK_INVALID_HANDLE) });
                Err(error)
            }
        }
    })
}

pub unsafe extern "C" fn C_WrapKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: CK_BYTE_PTR,
    wrapped_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_WrapKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its mechanism and its parameter.
        let mechanism = unsafe { raw::mechanism(mechanism) }?;
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.wrap.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        // SAFETY: as above.
        let write_iv = unsafe { params::iv_place(row, Direction::Encrypt, &mechanism) }?;
        // SAFETY: the caller's promise about its buffer.
        unsafe {
            raw::with_output(wrapped, wrapped_bytes, |output| {
                session.wrap_key(row, &params, (wrapping_key, key), output?, write_iv).map(Outcome::Written)
            })
        }
    })
}

pub unsafe extern "C" fn C_UnwrapKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: CK_BYTE_PTR,
    wrapped_bytes: CK_ULONG,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_UnwrapKey", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        if wrapped.is_null() {
            return Err(bad("the wrapped key is null"));
        }
        // SAFETY: the caller's promise about its mechanism, buffer, template and place for a handle.
        let (mechanism, wrapped, template, place) = unsafe {
            (
                raw::mechanism(mechanism)?,
                raw::bytes(wrapped, wrapped_bytes, "the wrapped key is null")?,
                raw::template(template, count, &arena)?,
                raw::place(key, "phKey is null")?,
            )
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, |row| row.wrap.is_some())?;
        // SAFETY: as above.
        let params = unsafe { params::parse(row.params, &mechanism) }?;
        *place = session.unwrap_key(row, &params, unwrapping_key, wrapped, &template)?;
        Ok(())
    })
}
