//! Asymmetric keys as AWS-LC holds them: parsed, checked, ready for any number of operations.
//!
//! Called by: object (which makes them from attributes), mechanism (which works with them). A key may be used by
//! many threads at once, and a clone is the same key; AWS-LC wipes private parts when it frees them.

use super::{fault, lattice};
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
        match self.0.private_key_to_pkcs8() {
            Ok(der) => Ok(Zeroizing::new(der)),
            Err(error) => lattice::to_pkcs8(self).ok_or_else(|| fault(error)),
        }
    }

    /// `None` if the bytes are no PKCS #8 of a key that AWS-LC knows. The zeros may follow that fill wrapped data up to
    /// whole blocks, and nothing else.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let der = without_filling(der)?;
        lattice::from_pkcs8(der).or_else(|| PKey::private_key_from_pkcs8(der).ok().map(Self))
    }
}

/// The SEQUENCE that the bytes begin with. `None`: they do not, or more than zeros follow, or more than fill a block.
fn without_filling(der: &[u8]) -> Option<&[u8]> {
    const MOST: usize = 15;
    let (head, length) = match *der {
        [0x30, length @ 0..=0x7f, ..] => (2, usize::from(length)),
        [0x30, 0x81, length, ..] => (3, usize::from(length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    let (der, filling) = der.split_at_checked(head + length)?;
    (filling.len() <= MOST && filling.iter().all(|byte| *byte == 0)).then_some(der)
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
