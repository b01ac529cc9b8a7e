//! The key that a mechanism works with, opened.

use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, MechanismError};
use crate::object::Secret;

/// A key as session found it in an object. Which kind it is, the row's key types and the call decide: of a pair,
/// the public key verifies, encrypts, wraps and encapsulates, the private key does the rest.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// The value of a secret key.
    Secret(&'a Secret),
    Public(&'a PublicKey),
    Private(&'a PrivateKey),
}

impl<'a> Key<'a> {
    /// Errors: `KeyType`.
    pub fn secret(self) -> Result<&'a Secret, Error> {
        match self {
            Key::Secret(secret) => Ok(secret),
            _ => Err(MechanismError::KeyType.into()),
        }
    }

    /// Errors: `KeyType`.
    pub fn public(self) -> Result<&'a PublicKey, Error> {
        match self {
            Key::Public(key) => Ok(key),
            _ => Err(MechanismError::KeyType.into()),
        }
    }

    /// Errors: `KeyType`.
    pub fn private(self) -> Result<&'a PrivateKey, Error> {
        match self {
            Key::Private(key) => Ok(key),
            _ => Err(MechanismError::KeyType.into()),
        }
    }
}

impl<'a> From<&'a Secret> for Key<'a> {
    fn from(secret: &'a Secret) -> Self {
        Key::Secret(secret)
    }
}
