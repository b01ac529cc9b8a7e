//! Why a piece of work did not succeed on an HSM, by what is to be done about it.

use super::HsmFailure;
use cryptoki::error::{Error, RvError};
use vhsm_keystore::{Fault, HsmError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fail {
    /// This is the answer.
    Settled(HsmFailure),
    /// This HSM has no such key.
    NoKey,
    /// A handle names no object any more: it is to be looked for again.
    NoObject,
    /// The session or the HSM is at fault: another does it.
    Hsm(String),
    /// The HSM or the request is at fault: the HSM has to show it.
    Doubtful(String),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        let of_request = match &error {
            Error::Pkcs11(code, _) => of_request(*code),
            _ => None,
        };
        match (Fault::of(&error), of_request) {
            (Fault::Refused(told), Some(failure)) => Fail::Settled(failure(told.to_string())),
            (Fault::Refused(HsmError::Mismatch), _) => Fail::Settled(HsmFailure::Mismatch),
            (Fault::Refused(told), _) => Fail::Settled(HsmFailure::Failed(told.to_string())),
            (Fault::NoObject, _) => Fail::NoObject,
            (Fault::Gone(text) | Fault::Broken(text), _) => Fail::Hsm(text),
            (Fault::Doubtful(text), _) => Fail::Doubtful(text),
            (fault @ Fault::Full, _) => Fail::Hsm(fault.to_string()),
        }
    }
}

fn of_request(code: RvError) -> Option<fn(String) -> HsmFailure> {
    match code {
        RvError::KeyFunctionNotPermitted | RvError::KeyTypeInconsistent => Some(HsmFailure::NotPermitted),
        RvError::DataLenRange | RvError::KeySizeRange | RvError::MechanismInvalid => {
            Some(HsmFailure::Unsupported)
        }
        _ => None,
    }
}
