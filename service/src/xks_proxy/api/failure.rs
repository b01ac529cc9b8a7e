//! What is answered where an HSM did not do its work (reference/xks-proxy.md sec. 8). What the module said is for the access log: the
//! answer tells KMS's side no more than it can act on.

use super::error::{ErrorName, ProxyError};
use crate::xks_proxy::hsms::HsmFailure;

/// What was asked of the HSM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    Describing,
    Encrypting,
    Decrypting,
}

pub fn answer(failure: &HsmFailure, doing: Doing) -> ProxyError {
    let (name, message) = name_and_message(failure, doing);
    ProxyError::new(name, message).with_detail(failure.to_string())
}

fn name_and_message(failure: &HsmFailure, doing: Doing) -> (ErrorName, &'static str) {
    match failure {
        HsmFailure::NoKey => (ErrorName::KeyNotFound, "The external key does not exist."),
        HsmFailure::NotUnique(_) => {
            (ErrorName::KeyNotFound, "More than one key has this external key id: it names none of them.")
        }
        HsmFailure::NotPermitted(_) => {
            (ErrorName::InvalidKeyUsage, "The external key does not allow this operation.")
        }
        HsmFailure::Mismatch if doing == Doing::Decrypting => (
            ErrorName::InvalidCiphertext,
            "The ciphertext, or what it was authenticated with, is not what Encrypt answered, or is another key's.",
        ),
        // The trial after an encryption: what would have gone out could not be decrypted.
        HsmFailure::Mismatch => {
            (ErrorName::Internal, "The HSM made a ciphertext that it does not decrypt: it was thrown away.")
        }
        HsmFailure::Unsupported(_) => {
            (ErrorName::UnsupportedOperation, "The HSM does not support this, or not for so many bytes.")
        }
        HsmFailure::Busy => (ErrorName::Throttling, "All HSMs are busy: try again later."),
        HsmFailure::TimedOut(_) => (ErrorName::DependencyTimeout, "The HSM did not answer in time."),
        // Not a timeout: "failure of the backing key manager" is InternalException, and to KMS too it means that the key
        // manager cannot be reached.
        HsmFailure::Unavailable(_) => (ErrorName::Internal, "No HSM works."),
        HsmFailure::Failed(_) => (ErrorName::Internal, "The HSM failed: the access log tells how."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_name_and_tells_nothing_of_the_module() {
        let said = || "C_Encrypt: CKR_SECRET".to_owned();
        let (describing, encrypting, decrypting) = (Doing::Describing, Doing::Encrypting, Doing::Decrypting);
        for (failure, doing, wanted) in [
            (HsmFailure::NoKey, describing, ErrorName::KeyNotFound),
            (HsmFailure::NotUnique(2), describing, ErrorName::KeyNotFound),
            (HsmFailure::NotPermitted(said()), encrypting, ErrorName::InvalidKeyUsage),
            (HsmFailure::Mismatch, decrypting, ErrorName::InvalidCiphertext),
            (HsmFailure::Mismatch, encrypting, ErrorName::Internal),
            (HsmFailure::Unsupported(said()), encrypting, ErrorName::UnsupportedOperation),
            (HsmFailure::Busy, encrypting, ErrorName::Throttling),
            (HsmFailure::TimedOut(said()), encrypting, ErrorName::DependencyTimeout),
            (HsmFailure::Unavailable(said()), encrypting, ErrorName::Internal),
            (HsmFailure::Failed(said()), decrypting, ErrorName::Internal),
        ] {
            let error = answer(&failure, doing);
            assert_eq!(error.name, wanted, "{failure:?}");
            assert_eq!(error.detail, Some(failure.to_string()));
            assert!(!error.message.contains("CKR"), "{}", error.message);
        }
    }
}
