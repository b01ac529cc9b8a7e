//! The C interface: the only place with raw pointers and, but for it, no unsafe code.
//!
//! One file per chapter of the specification. Every function goes through `call`: the guard that finds the
//! current library, catches panics, maps errors to CK_RV, and writes the log line.

#![allow(non_snake_case)]

mod cipher;
mod decrypt;
mod digest;
mod dual;
mod encrypt;
mod exports;
mod fork;
mod general;
mod kem;
mod key;
mod message_cipher;
mod message_sign;
mod names;
mod object;
mod params;
mod random;
mod raw;
mod recover;
mod session;
mod sign;
mod signals;
mod slot;
mod start;
mod unsupported;
mod verify_signature;
mod wrap_messages;

pub use crate::rv::{rv_name, rv_of};
pub use exports::{FunctionRow, functions};

use crate::config::Config;
use crate::error::{CallError, Error, MechanismError};
use crate::library::{Concerns, Library};
use crate::log::{Level, Line};
use crate::mechanism::Mechanism;
use arc_swap::ArcSwapOption;
use cryptoki_sys::*;
use once_cell::sync::Lazy;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// The current run of the library: the one global beside the fork handlers'.
static LIBRARY: Lazy<ArcSwapOption<Library>> = Lazy::new(ArcSwapOption::empty);

/// What a program that has this library within gave it in place of environment and file.
static CONFIGURED: Lazy<ArcSwapOption<Config>> = Lazy::new(ArcSwapOption::empty);

/// From now on C_Initialize takes this configuration, and reads neither environment nor file: for a program that has
/// the library within itself and calls it by C_GetFunctionList. A run that has begun stays as it is.
pub fn configure(config: Config) {
    CONFIGURED.store(Some(Arc::new(config)));
}

fn configured() -> Option<Config> {
    CONFIGURED.load().as_deref().cloned()
}

/// What the log line says beside the outcome; a call fills in what it knows.
#[derive(Default)]
struct Trace {
    session: Option<u64>,
    slot: Option<u64>,
    mechanism: Option<CK_MECHANISM_TYPE>,
    /// Of data that the call is given.
    bytes: u64,
}

impl Trace {
    fn none() -> Self {
        Self::default()
    }

    fn session(session: CK_SESSION_HANDLE) -> Self {
        Self { session: Some(session), ..Self::default() }
    }

    fn data(session: CK_SESSION_HANDLE, bytes: CK_ULONG) -> Self {
        Self { session: Some(session), bytes, ..Self::default() }
    }

    fn slot(slot: CK_SLOT_ID) -> Self {
        Self { slot: Some(slot), ..Self::default() }
    }
}

/// The entry guard of calls that concern slots, sessions and objects: they see the newest state of the store, and meet
/// what a fault plan has for them.
#[inline]
fn call(
    function: &'static str,
    trace: Trace,
    body: impl FnOnce(&Library, &mut Trace) -> Result<(), Error>,
) -> CK_RV {
    call_alone(function, trace, |library, trace| {
        library
            .enter(function, &Concerns { session: trace.session, slot: trace.slot, bytes: trace.bytes })?;
        body(library, trace)
    })
}

/// The entry guard. A panic never crosses the C boundary: the session's operations are dropped, and the call
/// answers CKR_GENERAL_ERROR.
#[inline]
fn call_alone(
    function: &'static str,
    mut trace: Trace,
    body: impl FnOnce(&Library, &mut Trace) -> Result<(), Error>,
) -> CK_RV {
    let current = LIBRARY.load();
    let Some(library) = current.as_deref().filter(|_| !fork::is_child()) else {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    };
    let started = library.log.wants(Level::Info).then(Instant::now);
    let result = if !library.active.has_function(function) {
        Err(CallError::NotSupported.into())
    } else {
        let result = catch_unwind(AssertUnwindSafe(|| body(library, &mut trace))).unwrap_or_else(|_| {
            trace.session.into_iter().for_each(|session| library.abandon(session));
            Err(Error::Internal("the call panicked".into()))
        });
        // What a call meets whose HSM is lost while it runs are consequences: it tells their cause.
        result.map_err(|error| library.cause(trace.session, error))
    };
    match result {
        Ok(()) => {
            if library.log.wants(Level::Debug) {
                log_call(library, function, &trace, started, None);
            }
            CKR_OK
        }
        Err(error) => {
            if library.log.wants(if error.is_internal() { Level::Error } else { Level::Info }) {
                log_call(library, function, &trace, started, Some(&error));
            }
            error.rv()
        }
    }
}

#[cold]
fn log_call(
    library: &Library,
    function: &str,
    trace: &Trace,
    started: Option<Instant>,
    error: Option<&Error>,
) {
    let level = match error {
        None => Level::Debug,
        Some(error) if error.is_internal() => Level::Error,
        Some(_) => Level::Info,
    };
    let (slot, last) = trace.session.map_or((None, None), |s| library.describe_session(s));
    let named = trace.mechanism.map(names::mechanism_name);
    let reason = error.map(ToString::to_string);
    library.log.write(
        level,
        &Line {
            function,
            slot: trace.slot.or(slot),
            session: trace.session,
            mechanism: named.as_deref().or(last),
            rv: &rv_name(error.map_or(CKR_OK, Error::rv)),
            microseconds: started.map(|s| s.elapsed().as_micros()),
            reason: reason.as_deref(),
        },
    );
}

/// A row of the mechanism table by its number, if the mechanism does what the call is about: a parameter is
/// looked at only then. Errors: CKR_MECHANISM_INVALID.
fn mechanism_row(
    library: &Library,
    id: CK_MECHANISM_TYPE,
    trace: &mut Trace,
    does: fn(&Mechanism) -> bool,
) -> Result<&'static Mechanism, Error> {
    trace.mechanism = Some(id);
    library.mechanisms.find(id).filter(|row| does(row)).ok_or_else(|| MechanismError::Invalid(id).into())
}

/// Shorthand for a null or otherwise unusable argument.
fn bad(what: &'static str) -> Error {
    CallError::Arguments(what).into()
}
