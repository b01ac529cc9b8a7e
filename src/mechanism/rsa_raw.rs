//! CKM_RSA_X_509 as a signature, and signatures that their data is recovered from (PKCS#11 3.2, RSA).
//!
//! Raw data are a number below the modulus: zeros come before what is shorter. They are given in one part.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::rsa_cipher::zeros_before;
use super::{Key, Params, Recover, Recovery, Sign};
use crate::crypto::mac::equal;
use crate::crypto::padding::PKCS1_BYTES;
use crate::crypto::rsa_raw::{PrivateRsa, PublicRsa};
use crate::crypto::rsa_sign::{Scheme, Signer};
use crate::error::{Error, MechanismError};
use zeroize::Zeroizing;

enum Half {
    Sign(PrivateRsa),
    Verify(PublicRsa),
}

struct RawSign {
    half: Half,
    /// As a number as long as the modulus.
    data: Option<Zeroizing<Vec<u8>>>,
}

/// CKM_RSA_X_509
pub fn sign(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    no_iv(params)?;
    let half = match key {
        Key::Private(key) => PrivateRsa::new(key).map(Half::Sign),
        Key::Public(key) => PublicRsa::new(key).map(Half::Verify),
        Key::Secret(_) => None,
    };
    Ok(Box::new(RawSign { half: half.ok_or(MechanismError::KeyType)?, data: None }))
}

impl Sign for RawSign {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        no_iv(params)?;
        self.data = None;
        Ok(true)
    }

    fn output_len(&self) -> usize {
        match &self.half {
            Half::Sign(rsa) => rsa.bytes(),
            Half::Verify(rsa) => rsa.bytes(),
        }
    }

    fn update(&mut self, _data: &[u8]) -> Result<(), Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        let modulus_bytes = self.output_len();
        if data.len() > modulus_bytes {
            return Err(MechanismError::DataLen { bytes: data.len() }.into());
        }
        self.data = Some(zeros_before(data, modulus_bytes));
        Ok(())
    }

    /// Errors: `DataInvalid`, where the data are no number below the modulus.
    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let needed = self.output_len();
        let output = exact(output, needed)?;
        let Half::Sign(rsa) = &self.half else { return Err(MechanismError::KeyType.into()) };
        let data = self.data.take().ok_or(MechanismError::SinglePart)?;
        match rsa.transform(&data, output)? {
            true => Ok(needed),
            false => Err(MechanismError::DataInvalid.into()),
        }
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != self.output_len() {
            return Err(MechanismError::SignatureLen { bytes: signature.len() }.into());
        }
        let Half::Verify(rsa) = &self.half else { return Err(MechanismError::KeyType.into()) };
        let data = self.data.take().ok_or(MechanismError::SinglePart)?;
        let mut signed = vec![0; rsa.bytes()];
        match rsa.transform(signature, &mut signed)? && equal(&signed, &data) {
            true => Ok(()),
            false => Err(MechanismError::SignatureInvalid.into()),
        }
    }
}

enum Recovering {
    SignPkcs1(Signer),
    SignRaw(PrivateRsa),
    VerifyPkcs1(PublicRsa),
    VerifyRaw(PublicRsa),
}

/// CKM_RSA_PKCS
pub fn recover_pkcs1(key: Key<'_>, params: &Params, half: Recovery) -> Result<Box<dyn Recover>, Error> {
    no_iv(params)?;
    let engine = match half {
        Recovery::Sign => Signer::new(key.private()?, Scheme::Pkcs1)?.map(Recovering::SignPkcs1),
        Recovery::Verify => PublicRsa::new(key.public()?).map(Recovering::VerifyPkcs1),
    };
    Ok(Box::new(engine.ok_or(MechanismError::KeyType)?))
}

/// CKM_RSA_X_509
pub fn recover(key: Key<'_>, params: &Params, half: Recovery) -> Result<Box<dyn Recover>, Error> {
    no_iv(params)?;
    let engine = match half {
        Recovery::Sign => PrivateRsa::new(key.private()?).map(Recovering::SignRaw),
        Recovery::Verify => PublicRsa::new(key.public()?).map(Recovering::VerifyRaw),
    };
    Ok(Box::new(engine.ok_or(MechanismError::KeyType)?))
}

impl Recover for Recovering {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        no_iv(params)?;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        let data = MechanismError::DataLen { bytes: input_bytes };
        let signature = MechanismError::SignatureLen { bytes: input_bytes };
        match self {
            Self::SignPkcs1(signer) if input_bytes + PKCS1_BYTES <= signer.bytes() => Ok(signer.bytes()),
            Self::SignRaw(rsa) if input_bytes <= rsa.bytes() => Ok(rsa.bytes()),
            Self::SignPkcs1(_) | Self::SignRaw(_) => Err(data.into()),
            Self::VerifyPkcs1(rsa) if input_bytes == rsa.bytes() => Ok(rsa.bytes() - PKCS1_BYTES),
            Self::VerifyRaw(rsa) if input_bytes == rsa.bytes() => Ok(rsa.bytes()),
            Self::VerifyPkcs1(_) | Self::VerifyRaw(_) => Err(signature.into()),
        }
    }

    /// Errors: `DataInvalid` too, where raw data are no number below the modulus.
    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let most = self.one_shot_len(input.len())?;
        match self {
            Self::SignPkcs1(signer) => signer.sign(input, exact(output, most)?)?,
            Self::SignRaw(rsa) => {
                if !rsa.transform(&zeros_before(input, most), exact(output, most)?)? {
                    return Err(MechanismError::DataInvalid.into());
                }
            }
            Self::VerifyPkcs1(rsa) => {
                let mut data = vec![0; rsa.bytes()];
                let bytes = rsa.recover_pkcs1(input, &mut data).ok_or(MechanismError::SignatureInvalid)?;
                exact(output, bytes)?.copy_from_slice(&data[..bytes]);
                return Ok(bytes);
            }
            Self::VerifyRaw(rsa) => {
                if !rsa.transform(input, exact(output, most)?)? {
                    return Err(MechanismError::SignatureInvalid.into());
                }
            }
        }
        Ok(most)
    }
}
