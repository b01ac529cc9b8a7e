//! RSA without padding (RFC 8017 sec. 5), and with that of PKCS #1 v1.5 (sec. 7.2, 8.2) where what is padded is no secret.
//!
//! Called by: mechanism. Private operations are blinded and checked against faults by AWS-LC, and take the same time
//! for any input below the modulus.

use super::fault;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::bn::{BigNum, BigNumRef};
use openssl::pkey::{Private, Public};
use openssl::rsa::{Padding, Rsa};

/// The public half of RSA.
pub struct PublicRsa(Rsa<Public>);

/// The private half of RSA.
pub struct PrivateRsa(Rsa<Private>);

impl PublicRsa {
    /// `None`: not an RSA key.
    pub fn new(key: &PublicKey) -> Option<Self> {
        key.0.rsa().ok().map(Self)
    }

    /// The length of the modulus.
    pub fn bytes(&self) -> usize {
        self.0.size() as usize
    }

    /// RSAEP, RSAVP1 (RFC 8017 sec. 5.1.1 and 5.2.2). Both have `bytes` bytes. `false`: the input is no number
    /// below the modulus.
    pub fn transform(&self, input: &[u8], output: &mut [u8]) -> Result<bool, Error> {
        match is_below(input, self.0.n())? {
            true => self.0.public_encrypt(input, output, Padding::NONE).map(|_| true).map_err(fault),
            false => Ok(false),
        }
    }

    /// RSAES-PKCS1-v1_5 (RFC 8017 sec. 7.2.1). `data` has at most `bytes` - 11 bytes, `output` has `bytes`.
    pub fn encrypt_pkcs1(&self, data: &[u8], output: &mut [u8]) -> Result<(), Error> {
        self.0.public_encrypt(data, output, Padding::PKCS1).map(drop).map_err(fault)
    }

    /// The data in a signature of PKCS #1 v1.5: how many bytes of `output`, which has `bytes`. `None`: it is none.
    pub fn recover_pkcs1(&self, signature: &[u8], output: &mut [u8]) -> Option<usize> {
        self.0.public_decrypt(signature, output, Padding::PKCS1).ok()
    }
}

impl PrivateRsa {
    /// `None`: not an RSA key.
    pub fn new(key: &PrivateKey) -> Option<Self> {
        key.0.rsa().ok().map(Self)
    }

    /// The length of the modulus.
    pub fn bytes(&self) -> usize {
        self.0.size() as usize
    }

    /// RSADP, RSASP1 (RFC 8017 sec. 5.1.2 and 5.2.1). As `PublicRsa::transform`.
    pub fn transform(&self, input: &[u8], output: &mut [u8]) -> Result<bool, Error> {
        let modulus = self.0.n();
        if !is_below(input, modulus)? {
            return Ok(false);
        }
        if is_its_own_root(input, modulus)? {
            output.copy_from_slice(input);
            return Ok(true);
        }
        self.0.private_decrypt(input, output, Padding::NONE).map(|_| true).map_err(fault)
    }
}

fn is_below(input: &[u8], modulus: &BigNumRef) -> Result<bool, Error> {
    Ok(&*BigNum::from_slice(input).map_err(fault)? < modulus)
}

/// 0, 1 and the modulus less 1, which stay what they are under any exponent of a key, and which AWS-LC refuses.
fn is_its_own_root(input: &[u8], modulus: &BigNumRef) -> Result<bool, Error> {
    let mut next = BigNum::from_slice(input).map_err(fault)?;
    if next.num_bits() <= 1 {
        return Ok(true);
    }
    next.add_word(1).map_err(fault)?;
    Ok(&*next == modulus)
}
