//! RSA encryption: CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP and CKM_RSA_X_509 (PKCS#11 3.2, RSA). There are no parts.
//!
//! Whatever is wrong with a ciphertext of the right length is one error, found in one way: the time tells no more than
//! the error does. Data that are recovered lie in memory that is wiped.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Cipher, Direction, Key, Params};
use crate::crypto::padding::{PKCS1_BYTES, pkcs1_data_start};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::crypto::rsa_oaep::Oaep;
use crate::crypto::rsa_raw::{PrivateRsa, PublicRsa};
use crate::error::{Error, MechanismError};
use zeroize::Zeroizing;

enum Padding {
    Pkcs1,
    Oaep(Oaep),
    /// The data are a number; zeros come before what is shorter than the modulus.
    None,
}

enum Half {
    Encrypt(PublicKey, PublicRsa),
    Decrypt(PrivateKey, PrivateRsa),
}

struct RsaCipher {
    half: Half,
    padding: Padding,
    /// The padding of these parameters; errors: `Params`.
    parse: fn(&Params) -> Result<Padding, Error>,
}

/// CKM_RSA_PKCS
pub fn pkcs1(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(key, params, direction, |params| no_iv(params).map(|()| Padding::Pkcs1))
}

/// CKM_RSA_PKCS_OAEP
pub fn oaep(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(key, params, direction, |params| match params {
        Params::Oaep(oaep) => Ok(Padding::Oaep(oaep.clone())),
        _ => Err(MechanismError::Params("CK_RSA_PKCS_OAEP_PARAMS are needed").into()),
    })
}

/// CKM_RSA_X_509
pub fn raw(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(key, params, direction, |params| no_iv(params).map(|()| Padding::None))
}

fn cipher(
    key: Key<'_>,
    params: &Params,
    direction: Direction,
    parse: fn(&Params) -> Result<Padding, Error>,
) -> Result<Box<dyn Cipher>, Error> {
    let padding = parse(params)?;
    let half = match direction {
        Direction::Encrypt => {
            let key = key.public()?;
            PublicRsa::new(key).map(|rsa| Half::Encrypt(key.clone(), rsa))
        }
        Direction::Decrypt => {
            let key = key.private()?;
            PrivateRsa::new(key).map(|rsa| Half::Decrypt(key.clone(), rsa))
        }
    };
    let cipher = RsaCipher { half: half.ok_or(MechanismError::KeyType)?, padding, parse };
    cipher.must_have_room()?;
    Ok(Box::new(cipher))
}

impl RsaCipher {
    fn modulus_bytes(&self) -> usize {
        match &self.half {
            Half::Encrypt(_, rsa) => rsa.bytes(),
            Half::Decrypt(_, rsa) => rsa.bytes(),
        }
    }

    /// The most data that the padding leaves room for.
    fn most_bytes(&self) -> Option<usize> {
        match &self.padding {
            Padding::Pkcs1 => self.modulus_bytes().checked_sub(PKCS1_BYTES),
            Padding::Oaep(oaep) => oaep.most_bytes(self.modulus_bytes()),
            Padding::None => Some(self.modulus_bytes()),
        }
    }

    /// Errors: `KeySize`, where the modulus is too short for two digests of OAEP.
    fn must_have_room(&self) -> Result<(), Error> {
        match self.most_bytes() {
            Some(_) => Ok(()),
            None => Err(MechanismError::KeySize { bytes: self.modulus_bytes() }.into()),
        }
    }

    /// Errors: `DataInvalid`, where unpadded data are no number below the modulus.
    fn encrypt(&self, key: &PublicKey, rsa: &PublicRsa, data: &[u8], output: &mut [u8]) -> Result<(), Error> {
        match &self.padding {
            Padding::Pkcs1 => rsa.encrypt_pkcs1(data, output),
            Padding::Oaep(oaep) => oaep.encrypt(key, data, output),
            Padding::None => match rsa.transform(&zeros_before(data, rsa.bytes()), output)? {
                true => Ok(()),
                false => Err(MechanismError::DataInvalid.into()),
            },
        }
    }

    /// Errors: `EncryptedDataInvalid`, `BufferTooSmall`.
    fn decrypt(
        &self,
        key: &PrivateKey,
        rsa: &PrivateRsa,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Error> {
        let mut block = Zeroizing::new(vec![0; rsa.bytes()]);
        let data = match &self.padding {
            Padding::Oaep(oaep) => oaep.decrypt(key, input, &mut block)?.map(|bytes| 0..bytes),
            padding if rsa.transform(input, &mut block)? => match padding {
                Padding::None => Some(0..block.len()),
                _ => pkcs1_data_start(&block).map(|start| start..block.len()),
            },
            _ => None,
        };
        let data = &block[data.ok_or(MechanismError::EncryptedDataInvalid)?];
        exact(output, data.len())?.copy_from_slice(data);
        Ok(data.len())
    }
}

/// Data as a number as long as the modulus.
pub(super) fn zeros_before(data: &[u8], modulus_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut number = Zeroizing::new(vec![0; modulus_bytes]);
    number[modulus_bytes - data.len()..].copy_from_slice(data);
    number
}

impl Cipher for RsaCipher {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.padding = (self.parse)(params)?;
        self.must_have_room()?;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        let (modulus, most) = (self.modulus_bytes(), self.most_bytes().unwrap_or_default());
        match self.half {
            Half::Encrypt(..) if input_bytes <= most => Ok(modulus),
            Half::Encrypt(..) => Err(MechanismError::DataLen { bytes: input_bytes }.into()),
            Half::Decrypt(..) if input_bytes == modulus => Ok(most),
            Half::Decrypt(..) => Err(MechanismError::EncryptedDataLen { bytes: input_bytes }.into()),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let most = self.one_shot_len(input.len())?;
        match &self.half {
            Half::Encrypt(key, rsa) => {
                self.encrypt(key, rsa, input, exact(output, most)?)?;
                Ok(most)
            }
            Half::Decrypt(key, rsa) => self.decrypt(key, rsa, input, output),
        }
    }

    fn update_len(&self, _input_bytes: usize) -> Result<usize, Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize, Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn finish_len(&self) -> Result<usize, Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        Err(MechanismError::SinglePart.into())
    }
}
