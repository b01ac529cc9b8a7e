//! Authenticated key wrapping (PKCS#11 3.2 sec. 5.18.5 and 5.18.7).

use super::params::message::{self, Part, Places};
use super::{Trace, bad, call, mechanism_row, raw};
use crate::mechanism::Direction::{Decrypt, Encrypt};
use crate::mechanism::Mechanism;
use crate::session::Made;
use cryptoki_sys::*;

fn wraps(row: &Mechanism) -> bool {
    row.wrap.is_some() && row.message.is_some()
}

pub unsafe extern "C" fn C_WrapKeyAuthenticated(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    aad: CK_BYTE_PTR,
    aad_bytes: CK_ULONG,
    wrapped: CK_BYTE_PTR,
    wrapped_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_WrapKeyAuthenticated", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its mechanism and its data.
        let (mechanism, aad) = unsafe {
            (raw::mechanism(mechanism)?, raw::bytes(aad, aad_bytes, "the associated data are null")?)
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, wraps)?;
        let parameter = (mechanism.pParameter, mechanism.ulParameterLen);
        let (mut places, mut written) = (Places::none(), Made::default());
        // SAFETY: the caller's promise about its parameter and its buffer.
        unsafe {
            raw::with_output(wrapped, wrapped_bytes, |output| {
                let given = |shape| message::parse(shape, Encrypt, Part::Last, parameter, &mut places);
                let keys = (wrapping_key, key);
                let (outcome, made) = session.wrap_key_authenticated(row, given, aad, keys, output?)?;
                written = made;
                Ok(outcome)
            })?;
            places.write(&written);
        }
        Ok(())
    })
}

pub unsafe extern "C" fn C_UnwrapKeyAuthenticated(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: CK_BYTE_PTR,
    wrapped_bytes: CK_ULONG,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    aad: CK_BYTE_PTR,
    aad_bytes: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_UnwrapKeyAuthenticated", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        if wrapped.is_null() {
            return Err(bad("the wrapped key is null"));
        }
        // SAFETY: the caller's promise about its mechanism, buffers, template and place for a handle.
        let (mechanism, wrapped, template, aad, place) = unsafe {
            (
                raw::mechanism(mechanism)?,
                raw::bytes(wrapped, wrapped_bytes, "the wrapped key is null")?,
                raw::template(template, count, &arena)?,
                raw::bytes(aad, aad_bytes, "the associated data are null")?,
                raw::place(key, "phKey is null")?,
            )
        };
        let row = mechanism_row(library, mechanism.mechanism, trace, wraps)?;
        let (parameter, mut places) = ((mechanism.pParameter, mechanism.ulParameterLen), Places::none());
        // SAFETY: the caller's promise about its parameter.
        let given = |shape| unsafe { message::parse(shape, Decrypt, Part::Last, parameter, &mut places) };
        *place = session.unwrap_key_authenticated(row, given, aad, unwrapping_key, wrapped, &template)?;
        Ok(())
    })
}
