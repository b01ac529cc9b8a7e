//! Message-based encryption and decryption (PKCS#11 3.0 sec. 5.9 and 5.11).

use super::params::message::{self, Part, Places};
use super::start::{Kind, start};
use super::{Trace, bad, call, raw};
use crate::error::{Error, MechanismError};
use crate::mechanism::Direction::{self, Decrypt, Encrypt};
use crate::mechanism::Mechanism;
use crate::session::{Made, Operations, Outcome, Session};
use cryptoki_sys::*;

/// A parameter of the message with its length.
type Parameter = (CK_VOID_PTR, CK_ULONG);
type Input = (CK_BYTE_PTR, CK_ULONG);
type Room = (CK_BYTE_PTR, CK_ULONG_PTR);

/// A null mechanism ends the process and the message in it.
///
/// # Safety
/// As `raw::mechanism`.
unsafe fn init(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let (message_encrypt, message_decrypt) = (direction == Encrypt, direction == Decrypt);
    let ends = Operations { message_encrypt, message_decrypt, ..Operations::default() };
    let kind = Kind { does: |row| row.message.is_some(), ends };
    let begin = |session: &Session, row: &'static Mechanism, mechanism: &CK_MECHANISM| {
        // Every message brings its own parameter; one that comes here is only looked at for its length.
        let wanted = row.message.map_or(0, message::bytes);
        if mechanism.ulParameterLen != 0
            && (mechanism.pParameter.is_null() || mechanism.ulParameterLen != wanted as CK_ULONG)
        {
            return Err(MechanismError::Params("this is no message's parameter").into());
        }
        session.message_init(direction, row, key)
    };
    // SAFETY: the caller's promise about its mechanism.
    unsafe { start(function, kind, session, mechanism, begin) }
}

/// # Safety
/// As `message::parse`, `raw::bytes` and `raw::with_io`.
unsafe fn one_shot(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    parameter: Parameter,
    aad: Input,
    io: (Input, Room),
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        with_message(function, session, io, |session, io, places| {
            let aad = raw::bytes(aad.0, aad.1, "the associated data are null");
            let given = |shape| message::parse(shape, direction, Part::Last, parameter, places);
            session.message_one_shot(direction, given, aad, io)
        })
    }
}

/// # Safety
/// As `message::parse` and `raw::bytes`.
unsafe fn begin(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    parameter: Parameter,
    aad: Input,
) -> CK_RV {
    call(function, Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let mut places = Places::none();
        // SAFETY: the caller's promise about its parameter and its data.
        unsafe {
            let aad = raw::bytes(aad.0, aad.1, "the associated data are null");
            let given = |shape| message::parse(shape, direction, Part::NotLast, parameter, &mut places);
            let made = session.message_begin(direction, given, aad)?;
            places.write(&made);
        }
        Ok(())
    })
}

/// # Safety
/// As `message::parse` and `raw::with_io`.
unsafe fn next(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    parameter: Parameter,
    io: (Input, Room),
    flags: CK_FLAGS,
) -> CK_RV {
    let last = flags & CKF_END_OF_MESSAGE != 0;
    // SAFETY: the caller's promise, passed on.
    unsafe {
        with_message(function, session, io, |session, io, places| {
            let io = if flags & !CKF_END_OF_MESSAGE == 0 { io } else { Err(bad("there is no such flag")) };
            let part = if last { Part::Last } else { Part::NotLast };
            let given = |shape| message::parse(shape, direction, part, parameter, places);
            session.message_next(direction, given, io, last)
        })
    }
}

fn finish(function: &'static str, direction: Direction, session: CK_SESSION_HANDLE) -> CK_RV {
    call(function, Trace::session(session), |library, _| library.session(session)?.message_final(direction))
}

/// Runs a call that gives data, and writes back the nonce and the tag that were made.
///
/// # Safety
/// As `raw::with_io`; the places are writable.
unsafe fn with_message(
    function: &'static str,
    session: CK_SESSION_HANDLE,
    ((input, input_bytes), (output, output_bytes)): (Input, Room),
    body: impl FnOnce(
        &Session,
        Result<(&[u8], crate::session::Output<'_>), Error>,
        &mut Places,
    ) -> Result<(Outcome, Made), Error>,
) -> CK_RV {
    call(function, Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let (mut places, mut written) = (Places::none(), Made::default());
        // SAFETY: the caller's promise about its buffers and its parameter.
        unsafe {
            raw::with_io((input, input_bytes), output, output_bytes, |io| {
                let (outcome, made) = body(&session, io, &mut places)?;
                written = made;
                Ok(outcome)
            })?;
            places.write(&written);
        }
        Ok(())
    })
}

macro_rules! message_functions {
    ($direction:ident: $init:ident $one_shot:ident $begin:ident $next:ident $finish:ident) => {
        pub unsafe extern "C" fn $init(
            session: CK_SESSION_HANDLE,
            mechanism: CK_MECHANISM_PTR,
            key: CK_OBJECT_HANDLE,
        ) -> CK_RV {
            // SAFETY: the caller's promise, passed on.
            unsafe { init(stringify!($init), $direction, session, mechanism, key) }
        }

        pub unsafe extern "C" fn $one_shot(
            session: CK_SESSION_HANDLE,
            parameter: CK_VOID_PTR,
            parameter_bytes: CK_ULONG,
            aad: CK_BYTE_PTR,
            aad_bytes: CK_ULONG,
            input: CK_BYTE_PTR,
            input_bytes: CK_ULONG,
            output: CK_BYTE_PTR,
            output_bytes: CK_ULONG_PTR,
        ) -> CK_RV {
            let (parameter, aad) = ((parameter, parameter_bytes), (aad, aad_bytes));
            let io = ((input, input_bytes), (output, output_bytes));
            // SAFETY: the caller's promise, passed on.
            unsafe { one_shot(stringify!($one_shot), $direction, session, parameter, aad, io) }
        }

        pub unsafe extern "C" fn $begin(
            session: CK_SESSION_HANDLE,
            parameter: CK_VOID_PTR,
            parameter_bytes: CK_ULONG,
            aad: CK_BYTE_PTR,
            aad_bytes: CK_ULONG,
        ) -> CK_RV {
            let (parameter, aad) = ((parameter, parameter_bytes), (aad, aad_bytes));
            // SAFETY: the caller's promise, passed on.
            unsafe { begin(stringify!($begin), $direction, session, parameter, aad) }
        }

        pub unsafe extern "C" fn $next(
            session: CK_SESSION_HANDLE,
            parameter: CK_VOID_PTR,
            parameter_bytes: CK_ULONG,
            input: CK_BYTE_PTR,
            input_bytes: CK_ULONG,
            output: CK_BYTE_PTR,
            output_bytes: CK_ULONG_PTR,
            flags: CK_FLAGS,
        ) -> CK_RV {
            let io = ((input, input_bytes), (output, output_bytes));
            // SAFETY: the caller's promise, passed on.
            unsafe { next(stringify!($next), $direction, session, (parameter, parameter_bytes), io, flags) }
        }

        pub unsafe extern "C" fn $finish(session: CK_SESSION_HANDLE) -> CK_RV {
            finish(stringify!($finish), $direction, session)
        }
    };
}

message_functions! {
    Encrypt: C_MessageEncryptInit C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal
}
message_functions! {
    Decrypt: C_MessageDecryptInit C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal
}
