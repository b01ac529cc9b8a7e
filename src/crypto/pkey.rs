//! Asymmetric keys as AWS-LC holds them: parsed, checked, ready for any number of operations.
//!
//! Called by: object (which makes them from attributes), mechanism (which works with them). A key may be used by
//! many threads at once, and a clone is the same key; AWS-LC wipes private parts when it frees them.

use super::fault;
use crate::error::Error;
use openssl::pkey::{PKey, Private, Public};
use zeroize::Zeroizing;

/// The public half of a pair.
#[derive(Clone)]
pub struct PublicKey(pub(super) PKey<Public>);

/// A private key, with its public half.
#[derive(Clone)]
pub struct PrivateKey(pub(super) PKey<Private>);

impl PublicKey {
    /// The SubjectPublicKeyInfo of RFC 5280 sec. 4.1, in DER.
    pub fn to_spki(&self) -> Result<Vec<u8>, Error> {
        self.0.public_key_to_der().map_err(fault)
    }

    /// The size that the key is known by: of RSA's modulus, of a curve's order.
    pub fn bits(&self) -> usize {
        self.0.bits() as usize
    }

    /// `None` if the bytes are no SubjectPublicKeyInfo of a key that AWS-LC knows, or more than it.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        let key = PKey::public_key_from_der(der).ok()?;
        Some(Self(key))
    }
}

impl PrivateKey {
    /// As `PublicKey::to_spki`, of the public half.
    pub fn to_spki(&self) -> Result<Vec<u8>, Error> {
        self.0.public_key_to_der().map_err(fault)
    }

    /// As `PublicKey::bits`.
    pub fn bits(&self) -> usize {
        self.0.bits() as usize
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey, Error> {
        PKey::public_key_from_der(&self.to_spki()?).map(PublicKey).map_err(fault)
    }

    /// PKCS #8 (RFC 5208), in DER.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.0.private_key_to_pkcs8().map(Zeroizing::new).map_err(fault)
    }

    /// `None` if the bytes are no PKCS #8 of a key that AWS-LC knows.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        PKey::private_key_from_pkcs8(der).ok().map(Self)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?}, {} bits)", self.0.id(), self.0.bits())
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?}, {} bits)", self.0.id(), self.0.bits())
    }
}
