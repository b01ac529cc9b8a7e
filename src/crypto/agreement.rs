//! Key agreement: Diffie-Hellman on the short Weierstrass curves (NIST SP 800-56A sec. 5.7.1.2) and on Curve25519
//! (RFC 7748), and the key derivation functions that X9.63 and SP 800-56C put behind it.
//!
//! Called by: mechanism.

use super::curve25519::{self, Form};
use super::digest::Hash;
use super::ec;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::error::ErrorStack;
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

/// The order in which a function that makes keys hashes the shared secret and its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// ANSI X9.63 sec. 5.6.3, SEC 1 sec. 3.6.1
    Behind,
    /// NIST SP 800-56A sec. 5.8.1.1, now SP 800-56C sec. 4.1
    Before,
}

/// Why there is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPeer {
    /// Not as long as one, wrapped or not; or the own key agrees with none.
    Form,
    /// It is no point of the curve.
    Invalid,
}

/// The other party's public key, on the curve of one's own: bare or in an OCTET STRING.
pub fn peer(own: &PrivateKey, given: &[u8]) -> Result<PublicKey, NoPeer> {
    if let Some(curve) = ec::private_curve(own) {
        let point = ec::octets_of_point(curve, given).ok_or(NoPeer::Form)?;
        return ec::public(curve, point).ok_or(NoPeer::Invalid);
    }
    if curve25519::private_bytes(Form::Montgomery, own).is_none() {
        return Err(NoPeer::Form);
    }
    let bytes = curve25519::octets_of_point(given).ok_or(NoPeer::Form)?;
    curve25519::public(Form::Montgomery, bytes).ok_or(NoPeer::Invalid)
}

/// The x-coordinate of the shared point. `None`: the keys are not of one curve, or the secret would be all zeros.
pub fn shared_secret(own: &PrivateKey, peer: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    let agreed = agree(own, peer).ok();
    if agreed.is_none() {
        // What is left of AWS-LC's reasons.
        drop(ErrorStack::get());
    }
    agreed
}

fn agree(own: &PrivateKey, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let mut ctx = PkeyCtx::new(&own.0)?;
    ctx.derive_init()?;
    ctx.derive_set_peer(&peer.0)?;
    let mut secret = Zeroizing::new(vec![0; ctx.derive(None)?]);
    let written = ctx.derive(Some(&mut secret))?;
    secret.truncate(written);
    Ok(secret)
}

/// Fills `output` with what the hash makes of the secret, a counter from 1 and the shared information.
pub fn derive<H: Hash>(counter: Counter, secret: &[u8], info: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let mut block = Zeroizing::new(vec![0; H::BYTES]);
    for (number, part) in (1u32..).zip(output.chunks_mut(H::BYTES)) {
        let mut hash = H::new()?;
        let number = number.to_be_bytes();
        let head = match counter {
            Counter::Behind => [secret, &number],
            Counter::Before => [&number, secret],
        };
        for piece in head.into_iter().chain([info]) {
            hash.update(piece)?;
        }
        hash.finish(&mut block)?;
        part.copy_from_slice(&block[..part.len()]);
    }
    Ok(())
}
