//! General-purpose functions (PKCS#11 3.0 sec. 5.4).

use super::{LIBRARY, Trace, bad, call_alone, configured, fork, functions, raw, rv_name, signals};
use crate::config::Config;
use crate::error::{CallError, Error};
use crate::library::Library;
use crate::log::{Level, Line, Logger};
use cryptoki_sys::*;
use std::panic::catch_unwind;
use std::sync::Arc;

/// The version of Cryptoki that C_GetInfo tells.
pub const CRYPTOKI_VERSION: CK_VERSION = CK_VERSION { major: 3, minor: 2 };

/// The same where newer interfaces are not told.
pub const OLD_VERSION: CK_VERSION = CK_VERSION { major: 2, minor: 40 };

pub unsafe extern "C" fn C_Initialize(arguments: CK_VOID_PTR) -> CK_RV {
    let started = catch_unwind(|| {
        let _life = fork::life();
        fork::leave_parent_behind();
        if LIBRARY.load().is_some() {
            return Err(CallError::AlreadyInitialized.into());
        }
        // SAFETY: the caller passes null or a CK_C_INITIALIZE_ARGS.
        let arguments = unsafe { arguments.cast::<CK_C_INITIALIZE_ARGS>().as_ref() };
        check_arguments(arguments)?;
        fork::register();
        let config = configured().map_or_else(Config::load, Ok)?;
        let known = functions();
        config.check_fault_functions(known.iter().map(|function| function.name))?;
        let log = config.open_log()?;
        LIBRARY.store(Some(Arc::new(start(config, log, arguments)?)));
        Ok(())
    });
    match started {
        Ok(Ok(())) => {
            log_start(None);
            CKR_OK
        }
        Ok(Err(error)) => {
            log_start(Some(&error));
            error.rv()
        }
        Err(_) => CKR_GENERAL_ERROR,
    }
}

/// Errors: `NeedToCreateThreads` where the store needs them and the caller forbids them.
fn start(config: Config, log: Logger, arguments: Option<&CK_C_INITIALIZE_ARGS>) -> Result<Library, Error> {
    if !config.needs_threads() {
        return Library::start(config, log);
    }
    if arguments.is_some_and(|a| a.flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS != 0) {
        return Err(CallError::NeedToCreateThreads.into());
    }
    signals::blocked(|| Library::start(config, log))
}

/// PKCS#11 3.0 sec. 5.4.1: pReserved is null; the mutex functions are all there or none; without
/// CKF_OS_LOCKING_OK a caller that gives its own wants only them used, which this library cannot.
fn check_arguments(arguments: Option<&CK_C_INITIALIZE_ARGS>) -> Result<(), Error> {
    let Some(a) = arguments else { return Ok(()) };
    if !a.pReserved.is_null() {
        return Err(bad("pReserved is not null"));
    }
    let given =
        [a.CreateMutex.is_some(), a.DestroyMutex.is_some(), a.LockMutex.is_some(), a.UnlockMutex.is_some()];
    let count = given.iter().filter(|g| **g).count();
    if count != 0 && count != given.len() {
        return Err(bad("some of the mutex functions are null"));
    }
    if count != 0 && a.flags & CKF_OS_LOCKING_OK == 0 {
        return Err(CallError::CantLock.into());
    }
    Ok(())
}

/// A start that failed is always told, unless the log is off: a return value alone cannot name the cause.
fn log_start(error: Option<&Error>) {
    let level = match error {
        None => Level::Debug,
        Some(Error::Call(_)) => Level::Info,
        Some(_) => Level::Error,
    };
    let reason = error.map(ToString::to_string);
    let rv = rv_name(error.map_or(CKR_OK, Error::rv));
    let line = Line { function: "C_Initialize", rv: &rv, reason: reason.as_deref(), ..Line::default() };
    let write = |log: &Logger| log.write(level, &line);
    match LIBRARY.load().as_deref() {
        Some(library) => write(&library.log),
        None => write(&log_of_failed_start()),
    }
}

fn log_of_failed_start() -> Logger {
    let opened = configured().and_then(|config| config.open_log().ok());
    opened.unwrap_or_else(Config::log_of_failed_start)
}

pub unsafe extern "C" fn C_Finalize(reserved: CK_VOID_PTR) -> CK_RV {
    if !reserved.is_null() {
        return call_alone("C_Finalize", Trace::none(), |_, _| Err(bad("pReserved is not null")));
    }
    let _life = fork::life();
    call_alone("C_Finalize", Trace::none(), |library, _| {
        LIBRARY.store(None);
        library.finish();
        Ok(())
    })
}

pub unsafe extern "C" fn C_GetInfo(info: CK_INFO_PTR) -> CK_RV {
    call_alone("C_GetInfo", Trace::none(), |library, _| {
        // SAFETY: the caller passes null or a place for a CK_INFO.
        *unsafe { raw::place(info, "pInfo is null") }? = CK_INFO {
            cryptokiVersion: if library.active.rules.new_interfaces { CRYPTOKI_VERSION } else { OLD_VERSION },
            manufacturerID: raw::padded("vhsm"),
            flags: 0,
            libraryDescription: raw::padded("virtual AWS CloudHSM"),
            libraryVersion: library_version(),
        };
        Ok(())
    })
}

/// The crate's version, as a CK_VERSION.
pub fn library_version() -> CK_VERSION {
    // Else the mark, which nobody needs at run time, would not be in the file.
    std::hint::black_box(crate::VERSION_MARK);
    let part = |text: &str| text.parse().unwrap_or(0);
    CK_VERSION { major: part(env!("CARGO_PKG_VERSION_MAJOR")), minor: part(env!("CARGO_PKG_VERSION_MINOR")) }
}

pub unsafe extern "C" fn C_GetFunctionStatus(session: CK_SESSION_HANDLE) -> CK_RV {
    call_alone("C_GetFunctionStatus", Trace::session(session), |_, _| Err(CallError::NotParallel.into()))
}

pub unsafe extern "C" fn C_CancelFunction(session: CK_SESSION_HANDLE) -> CK_RV {
    call_alone("C_CancelFunction", Trace::session(session), |_, _| Err(CallError::NotParallel.into()))
}
