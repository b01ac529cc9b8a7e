//! What an answer of a module means for the session and the HSM it came from: one table of CKR codes.

use super::error::HsmError;
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

/// A call that failed, by what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The session, or the HSM behind it, is gone: nothing was done. Another session or HSM does it.
    Gone(String),
    /// As `Gone`, but it may have been done.
    Broken(String),
    /// As `Broken`, but the request may be at fault and not the HSM: that is for the HSM to show.
    Doubtful(String),
    /// The HSM has no session left.
    Full,
    /// A handle names no object any more.
    NoObject,
    /// This is the answer.
    Refused(HsmError),
}

impl Fault {
    /// Of any call, but for those below.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => meaning(*code, *function),
            other => Fault::Refused(HsmError::Failed(other.to_string())),
        }
    }

    /// Whether another session or HSM may do better.
    pub fn is_the_hsms(&self) -> bool {
        matches!(self, Fault::Gone(_) | Fault::Broken(_) | Fault::Doubtful(_))
    }

    /// Of C_Login. A PIN that cannot be one is a wrong one.
    pub fn of_login(error: &Error) -> Self {
        match code(error) {
            Some(RvError::PinLenRange | RvError::PinInvalid) => Fault::Refused(HsmError::WrongPassword),
            _ => Self::of(error),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Gone(text) | Fault::Broken(text) | Fault::Doubtful(text) => f.write_str(text),
            Fault::Full => HsmError::NoSession.fmt(f),
            Fault::NoObject => HsmError::NoKey.fmt(f),
            Fault::Refused(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

pub(super) fn code(error: &Error) -> Option<RvError> {
    match error {
        Error::Pkcs11(code, _) => Some(*code),
        _ => None,
    }
}

fn meaning(code: RvError, function: Function) -> Fault {
    let text = || told(code, function);
    match code {
        // PKCS#11 3.1 sec. 5.1: true before the function began.
        RvError::CryptokiNotInitialized
        | RvError::OperationActive
        | RvError::OperationNotInitialized
        | RvError::SessionHandleInvalid
        | RvError::SlotIdInvalid
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::UserNotLoggedIn => Fault::Gone(text()),
        // Came true while it was under way.
        RvError::DeviceError | RvError::DeviceRemoved | RvError::SessionClosed => Fault::Broken(text()),
        RvError::DeviceMemory
        | RvError::FunctionCanceled
        | RvError::FunctionFailed
        | RvError::GeneralError
        | RvError::VendorDefined(_)
        | RvError::UnknownErrorCode(_) => Fault::Doubtful(text()),
        RvError::SessionCount => Fault::Full,
        RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid => Fault::NoObject,
        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange => Fault::Refused(HsmError::Mismatch),
        RvError::PinIncorrect => Fault::Refused(HsmError::WrongPassword),
        RvError::PinLocked => Fault::Refused(HsmError::LockedOut),
        RvError::UserAnotherAlreadyLoggedIn | RvError::UserTooManyTypes => Fault::Refused(HsmError::LoggedIn),
        _ => Fault::Refused(HsmError::Failed(text())),
    }
}

/// `C_Encrypt: CKR_DEVICE_ERROR`
pub(super) fn told(code: RvError, function: Function) -> String {
    let code = match code {
        RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => format!("{code:#x}"),
        code => format!("{code:?}").chars().fold("CKR".to_owned(), |mut name, letter| {
            if letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
            name
        }),
    };
    format!("C_{function:?}: {code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_by_their_names() {
        assert_eq!(told(RvError::DeviceError, Function::Encrypt), "C_Encrypt: CKR_DEVICE_ERROR");
        assert_eq!(
            told(RvError::SessionHandleInvalid, Function::GenerateRandom),
            "C_GenerateRandom: CKR_SESSION_HANDLE_INVALID"
        );
        assert_eq!(told(RvError::VendorDefined(0x8000_0001), Function::Login), "C_Login: 0x80000001");
    }

    #[test]
    fn the_same_code_means_what_its_function_lets_it_mean() {
        let length = |function| Error::Pkcs11(RvError::PinLenRange, function);
        assert_eq!(Fault::of_login(&length(Function::Login)), Fault::Refused(HsmError::WrongPassword));
        let told = "C_SetPIN: CKR_PIN_LEN_RANGE".to_owned();
        assert_eq!(Fault::of(&length(Function::SetPIN)), Fault::Refused(HsmError::Failed(told)));
    }
}
