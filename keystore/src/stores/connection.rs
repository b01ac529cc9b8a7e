//! The way to the HSMs of a key, and how what goes wrong there is told.

use super::keep::Look;
use crate::error::{Exception, KmsError};
use crate::hsm::{Connection, HsmError};
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::keys;
use crate::records::store::{ConnectionErrorCode, StoreRecord};
use std::sync::Arc;
use std::time::Duration;
use vhsm_store::ClaimKind;

/// Under what the default key store's connection is kept: no custom key store has such an id.
const DEFAULT_STORE: &str = "default";
/// Who opens the default key store's connection.
const DEFAULT_CLAIM: &[u8] = b"kms: default key store";
/// How long one waits for another that opens it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an operation that finds no working HSM looks for those that are active by then.
const LOOKS: usize = 32;
/// And how often it does so without finding one that works, though some are said to be active.
const LOOKS_IN_VAIN: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

const UNREACHABLE: &str = "KMS cannot communicate with the CloudHSM cluster of this custom key store. Verify that the \
                           cluster is active and has at least one active HSM; where it was so only for a moment, try again.";
const LOCKED_OUT: &str = "KMS cannot communicate with the CloudHSM cluster because the user kmsuser is locked out. \
                          Disconnect the custom key store, change kmsuser's password in the cluster, tell it by \
                          UpdateCustomKeyStore, and connect again.";
const REFUSED: &str = "KMS cannot communicate with the CloudHSM cluster because it cannot log in as the user kmsuser. \
                       Disconnect the custom key store, change kmsuser's password in the cluster, tell it by \
                       UpdateCustomKeyStore, and connect again.";
const NO_KEY: &str = "KMS cannot find the key material of this KMS key in the CloudHSM cluster. Restore it from a backup \
                      of the cluster.";

/// What an operation wants of HSMs: decides the exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Uses a KMS key. All failures behind a custom key store are KMSInvalidStateException (reference sec. 3).
    Cryptography,
    /// CreateKey and GenerateRandom, whose key store the caller names: CustomKeyStoreInvalidStateException.
    Management,
}

/// HSMs that an operation may use: those of a custom key store, or (`None`) of the default key store.
pub(crate) struct Link<'a> {
    kms: &'a Kms,
    connection: Arc<Connection>,
    store: Option<&'a StoreId>,
    purpose: Purpose,
}

impl Link<'_> {
    /// Asks the HSMs, and tells what went wrong as the exception that the purpose wants. Where none works, but the cluster
    /// has some that are active by now, it asks those: HSMs may fail and come back in turn faster than one can look at them.
    /// `Mismatch` is InvalidCiphertextException.
    pub fn run<T>(&self, ask: impl Fn(&Connection) -> Result<T, HsmError>) -> Result<T, KmsError> {
        let (mut looks, mut in_vain) = (0, 0);
        let answer = loop {
            let answer = ask(&self.connection);
            if !matches!(answer, Err(HsmError::NoHsm(_))) || looks == LOOKS {
                break answer;
            }
            looks += 1;
            match self.kms.look_again(self.store, &self.connection) {
                Look::Working => {}
                Look::NoneActive => break answer,
                Look::NoneWorking if in_vain == LOOKS_IN_VAIN => break answer,
                Look::NoneWorking => {
                    in_vain += 1;
                    std::thread::sleep(BETWEEN_LOOKS);
                }
            }
        };
        answer.map_err(|error| exception(error, self.store, self.purpose))
    }
}

impl Kms {
    /// The open connection of a custom key store, or (`None`) of the default one, which is opened on its first use.
    /// Whether a custom key store is CONNECTED is the caller's to know. Errors: there is no connection now, in the
    /// exception of the purpose; `UnsupportedOperation`: there is no default key store here.
    pub(crate) fn connection_of<'a>(
        &'a self,
        store: Option<&'a StoreId>,
        purpose: Purpose,
    ) -> Result<Link<'a>, KmsError> {
        let connection = match store {
            Some(id) => self.connections.of(id).ok_or_else(|| self.no_connection(id)),
            None => match self.connections.of(&default_store()) {
                Some(connection) => Ok(connection),
                None => self.open_default()?,
            },
        };
        let connection = connection.map_err(|error| exception(error, store, purpose))?;
        Ok(Link { kms: self, connection, store, purpose })
    }

    /// Why a custom key store has no connection.
    fn no_connection(&self, id: &StoreId) -> HsmError {
        let record = self.view(|view| view.get::<StoreRecord>(keys::store(id)));
        match record.ok().flatten().and_then(|record| record.value.error_code) {
            Some(ConnectionErrorCode::UserLockedOut) => HsmError::LockedOut,
            Some(ConnectionErrorCode::InvalidCredentials | ConnectionErrorCode::UserNotFound) => {
                HsmError::WrongPassword
            }
            _ => HsmError::NoHsm("the key store has no connection now".into()),
        }
    }

    /// Opens the default key store's connection, one caller at a time.
    fn open_default(&self) -> Result<Result<Arc<Connection>, HsmError>, KmsError> {
        let id = default_store();
        let Some(_opening) = self.store.claim_within(DEFAULT_CLAIM, ClaimKind::Exclusive, DEFAULT_TIMEOUT)?
        else {
            return Ok(Err(HsmError::NoHsm("another caller is still opening the connection".into())));
        };
        if let Some(connection) = self.connections.of(&id) {
            return Ok(Ok(connection));
        }
        let Some(cluster) = self.directory.default_cluster()? else {
            let message = "This service has no default key store: keys of origin AWS_KMS are not supported.";
            return Err(KmsError::new(Exception::UnsupportedOperation, message));
        };
        let pin = self.directory.pin(&cluster.user, &cluster.password);
        Ok(self.connections.open(&cluster.facts.active_slots(), &pin).inspect(|connection| {
            self.connections.put(&id, Arc::clone(connection));
        }))
    }
}

pub(super) fn default_store() -> StoreId {
    StoreId(DEFAULT_STORE.into())
}

fn exception(error: HsmError, store: Option<&StoreId>, purpose: Purpose) -> KmsError {
    let detail = error.to_string();
    let unusable = match (store, purpose) {
        (Some(_), Purpose::Cryptography) => Exception::KmsInvalidState,
        (Some(_), Purpose::Management) => Exception::CustomKeyStoreInvalidState,
        (None, Purpose::Cryptography) => Exception::KeyUnavailable,
        (None, Purpose::Management) => Exception::DependencyTimeout,
    };
    let message = match error {
        HsmError::Mismatch => {
            let message = "The ciphertext or the encryption context is not what KMS answered or was given.";
            return KmsError::new(Exception::InvalidCiphertext, message);
        }
        HsmError::NoSession | HsmError::Failed(_) => return KmsError::internal(detail),
        _ if store.is_none() => "The key store of this key cannot be used now; try again.",
        HsmError::NoHsm(_) | HsmError::LoggedIn => UNREACHABLE,
        HsmError::LockedOut => LOCKED_OUT,
        HsmError::WrongPassword => REFUSED,
        HsmError::NoKey => NO_KEY,
    };
    KmsError::new(unusable, message).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_behind_a_custom_key_store_is_an_invalid_state() {
        let store = StoreId::random();
        let told = |error: HsmError, purpose| exception(error, Some(&store), purpose).exception;
        for error in [
            HsmError::NoHsm("gone".into()),
            HsmError::NoKey,
            HsmError::WrongPassword,
            HsmError::LockedOut,
            HsmError::LoggedIn,
        ] {
            assert_eq!(told(error.clone(), Purpose::Cryptography), Exception::KmsInvalidState, "{error}");
            assert_eq!(told(error, Purpose::Management), Exception::CustomKeyStoreInvalidState);
        }
        assert_eq!(told(HsmError::NoSession, Purpose::Cryptography), Exception::KmsInternal);
        assert_eq!(told(HsmError::Failed("CKR".into()), Purpose::Management), Exception::KmsInternal);
        assert_eq!(told(HsmError::Mismatch, Purpose::Cryptography), Exception::InvalidCiphertext);
    }

    #[test]
    fn what_fails_behind_the_default_key_store_is_a_fault() {
        for purpose in [Purpose::Cryptography, Purpose::Management] {
            let error = exception(HsmError::NoHsm("gone".into()), None, purpose);
            assert!(error.exception.is_fault(), "{error}");
        }
    }

    #[test]
    fn causes_are_for_the_log_alone() {
        let error = exception(HsmError::NoHsm("CKR_DEVICE_ERROR".into()), None, Purpose::Cryptography);
        assert!(!error.message.contains("CKR"), "{error}");
        assert!(error.detail.is_some_and(|detail| detail.contains("CKR_DEVICE_ERROR")));
        let locked = exception(HsmError::LockedOut, Some(&StoreId::random()), Purpose::Cryptography);
        assert!(locked.message.contains("kmsuser is locked out"), "{locked}");
    }
}
