//! What other implementations than the ones in use say: the `aes`, `aes-gcm` and `aes-kw` crates where AWS-LC
//! does the work, with the modes of NIST SP 800-38A spelt out; AWS-LC and the `sha` crates for codes and digests.

use super::*;
use ::aes_gcm::AesGcm;
use ::aes_gcm::aead::consts::{U1, U12, U16, U60};
use ::aes_gcm::aead::{Aead, Payload};
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_kw::{KwAes128, KwAes192, KwAes256, KwpAes128, KwpAes192, KwpAes256};
use cryptoki_sys::*;

/// The ciphertext of data that the mechanism takes.
pub fn encrypt(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, data: &[u8]) -> Vec<u8> {
    match (id, params) {
        (CKM_AES_ECB, Params::None) => data.chunks(16).flat_map(|b| block(key, b)).collect(),
        (CKM_AES_CBC, Params::Iv(iv)) => cbc(key, iv, data),
        (CKM_AES_CBC_PAD, Params::Iv(iv)) => cbc(key, iv, &padded(data, 16)),
        (CKM_AES_CTR, Params::Ctr { block, .. }) => ctr(key, block, data),
        (CKM_AES_GCM, Params::Gcm { iv, aad, tag_bits }) => gcm(key, iv, aad, data, *tag_bits as usize / 8),
        (CKM_AES_KEY_WRAP, Params::None) => kw(key, data),
        (CKM_AES_KEY_WRAP_PKCS7, Params::None) => kw(key, &padded(data, 8)),
        (CKM_AES_KEY_WRAP_KWP, _) => kwp(key, data),
        _ => panic!("no second opinion on {id:#x} with {params:?}"),
    }
}

fn block(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut block = aes::Block::try_from(data).unwrap();
    match key.len() {
        16 => aes::Aes128Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
        24 => aes::Aes192Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
        _ => aes::Aes256Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
    }
    block.to_vec()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

fn cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Vec<u8> {
    let mut chain = iv.to_vec();
    let mut output = Vec::new();
    for plain in data.chunks(16) {
        chain = block(key, &xor(plain, &chain));
        output.extend_from_slice(&chain);
    }
    output
}

fn ctr(key: &[u8], first: &[u8; 16], data: &[u8]) -> Vec<u8> {
    let mut counter = u128::from_be_bytes(*first);
    let mut output = Vec::new();
    for plain in data.chunks(16) {
        output.extend(xor(plain, &block(key, &counter.to_be_bytes())));
        counter = counter.wrapping_add(1);
    }
    output
}

fn padded(data: &[u8], size: usize) -> Vec<u8> {
    let fill = size - data.len() % size;
    [data, &vec![fill as u8; fill]].concat()
}

fn gcm(key: &[u8], iv: &[u8], aad: &[u8], data: &[u8], tag_bytes: usize) -> Vec<u8> {
    macro_rules! seal {
        ($($aes:ident, $key:literal, $size:ident, $iv:literal);*) => {
            match (key.len(), iv.len()) {
                $(($key, $iv) => AesGcm::<aes::$aes, $size>::new_from_slice(key)
                    .unwrap()
                    .encrypt(iv.try_into().unwrap(), Payload { msg: data, aad })
                    .unwrap(),)*
                sizes => panic!("no second opinion on {sizes:?}"),
            }
        };
    }
    let mut sealed = seal!(
        Aes128, 16, U1, 1; Aes128, 16, U12, 12; Aes128, 16, U16, 16; Aes128, 16, U60, 60;
        Aes192, 24, U1, 1; Aes192, 24, U12, 12; Aes192, 24, U16, 16; Aes192, 24, U60, 60;
        Aes256, 32, U1, 1; Aes256, 32, U12, 12; Aes256, 32, U16, 16; Aes256, 32, U60, 60
    );
    sealed.truncate(data.len() + tag_bytes);
    sealed
}

fn kw(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut output = vec![0; data.len() + 8];
    match key.len() {
        16 => KwAes128::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
        24 => KwAes192::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
        _ => KwAes256::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
    }
    .unwrap();
    output
}

fn kwp(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut output = vec![0; data.len().next_multiple_of(8) + 8];
    match key.len() {
        16 => KwpAes128::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
        24 => KwpAes192::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
        _ => KwpAes256::new_from_slice(key).unwrap().wrap_key(data, &mut output).map(drop),
    }
    .unwrap();
    output
}

/// The digest that the mechanism, or the one under its HMAC, works with.
fn message_digest(id: CK_MECHANISM_TYPE) -> Option<openssl::hash::MessageDigest> {
    use openssl::hash::MessageDigest as Md;
    Some(match id {
        CKM_SHA_1 | CKM_SHA_1_HMAC => Md::sha1(),
        CKM_SHA224 | CKM_SHA224_HMAC => Md::sha224(),
        CKM_SHA256 | CKM_SHA256_HMAC => Md::sha256(),
        CKM_SHA384 | CKM_SHA384_HMAC => Md::sha384(),
        CKM_SHA512 | CKM_SHA512_HMAC => Md::sha512(),
        CKM_SHA512_224 | CKM_SHA512_224_HMAC => Md::from_name("sha512-224")?,
        CKM_SHA512_256 | CKM_SHA512_256_HMAC => Md::from_name("sha512-256")?,
        CKM_SHA3_224 | CKM_SHA3_224_HMAC => Md::sha3_224(),
        CKM_SHA3_256 | CKM_SHA3_256_HMAC => Md::sha3_256(),
        CKM_SHA3_384 | CKM_SHA3_384_HMAC => Md::sha3_384(),
        CKM_SHA3_512 | CKM_SHA3_512_HMAC => Md::sha3_512(),
        _ => return None,
    })
}

pub fn digest(id: CK_MECHANISM_TYPE, data: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    match id {
        CKM_SHA_1 => sha1::Sha1::digest(data).to_vec(),
        CKM_SHA224 => sha2::Sha224::digest(data).to_vec(),
        CKM_SHA256 => sha2::Sha256::digest(data).to_vec(),
        CKM_SHA384 => sha2::Sha384::digest(data).to_vec(),
        CKM_SHA512 => sha2::Sha512::digest(data).to_vec(),
        CKM_SHA3_224 => sha3::Sha3_224::digest(data).to_vec(),
        CKM_SHA3_256 => sha3::Sha3_256::digest(data).to_vec(),
        CKM_SHA3_384 => sha3::Sha3_384::digest(data).to_vec(),
        CKM_SHA3_512 => sha3::Sha3_512::digest(data).to_vec(),
        _ => openssl::hash::hash(message_digest(id).expect("a digest"), data).unwrap().to_vec(),
    }
}

/// The HMAC; `None` for CMAC, on which only the vectors have an opinion.
pub fn mac(id: CK_MECHANISM_TYPE, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let key = openssl::pkey::PKey::hmac(key).unwrap();
    let mut signer = openssl::sign::Signer::new(message_digest(id)?, &key).unwrap();
    Some(signer.sign_oneshot_to_vec(data).unwrap())
}
