//! Asymmetric keys as AWS-LC holds them: parsed, checked, ready for any number of operations.
//!
//! Called by: object (which makes them from attributes), mechanism (which works with them). A key may be used by
//! many threads at once; AWS-LC wipes private parts when it frees them.

use openssl::pkey::{PKey, Private, Public};

/// The public half of a pair.
pub struct PublicKey(pub(super) PKey<Public>);

/// A private key, with its public half.
pub struct PrivateKey(pub(super) PKey<Private>);

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
