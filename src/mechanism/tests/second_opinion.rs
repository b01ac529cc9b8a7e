//! What other implementations than the ones in use say: the `aes`, `aes-gcm` and `aes-kw` crates where AWS-LC
//! does the work, with the modes of NIST SP 800-38A spelt out; AWS-LC and the `sha` crates for codes and digests.

use super::*;
use crate::profile::vendor::*;
use ::aes_gcm::AesGcm;
use ::aes_gcm::aead::consts::{U1, U4, U7, U8, U12, U13, U16, U60};
use ::aes_gcm::aead::{Aead, Payload};
use ::ccm::Ccm;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_kw::{KwAes128, KwAes192, KwAes256, KwpAes128, KwpAes192, KwpAes256};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use cryptoki_sys::*;

/// The ciphertext of data that the mechanism takes.
pub fn encrypt(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, data: &[u8]) -> Vec<u8> {
    match (id, params) {
        (CKM_AES_ECB, Params::None) => data.chunks(16).flat_map(|b| block(key, b)).collect(),
        (CKM_AES_CBC, Params::Iv(iv)) => cbc(key, iv, data),
        (CKM_AES_CBC_PAD, Params::Iv(iv)) => cbc(key, iv, &padded(data, 16)),
        (CKM_AES_CTR, Params::Ctr { block, .. }) => ctr(key, block, data),
        (CKM_AES_GCM, Params::Gcm { iv, aad, tag_bits }) => gcm(key, iv, aad, data, *tag_bits as usize / 8),
        (CKM_AES_OFB | CKM_AES_CFB8 | CKM_AES_CFB128, Params::Iv(iv)) => feedback(id, key, iv, data),
        (CKM_AES_XTS, Params::Iv(number)) => xts(key, number, data),
        (CKM_AES_CCM, Params::Ccm { nonce, aad, code_bytes, .. }) => {
            ccm(key, nonce, aad, data, *code_bytes as usize)
        }
        (CKM_CHACHA20, Params::ChaCha20 { first_block, nonce }) => chacha20(key, *first_block, nonce, data),
        (CKM_CHACHA20_POLY1305, Params::ChaCha20Poly1305 { nonce, aad }) => poly1305(key, nonce, aad, data),
        (CKM_DES_ECB | CKM_DES3_ECB, Params::None) => data.chunks(8).flat_map(|b| block(key, b)).collect(),
        (CKM_DES_CBC | CKM_DES3_CBC, Params::Iv(iv)) => cbc(key, iv, data),
        (CKM_DES_CBC_PAD | CKM_DES3_CBC_PAD, Params::Iv(iv)) => cbc(key, iv, &padded(data, 8)),
        (CKM_CLOUDHSM_AES_GCM, Params::Gcm { iv, aad, tag_bits }) => {
            [iv.to_vec(), gcm(key, iv, aad, data, *tag_bits as usize / 8)].concat()
        }
        (CKM_AES_KEY_WRAP, Params::None) => kw(key, data),
        (CKM_AES_KEY_WRAP_PKCS7, Params::None) => kw(key, &padded(data, 8)),
        (CKM_AES_KEY_WRAP_KWP, _) => kwp(key, data),
        _ => panic!("no second opinion on {id:#x} with {params:?}"),
    }
}

/// One block of AES, or of DES where the block has 8 bytes.
fn block(key: &[u8], data: &[u8]) -> Vec<u8> {
    if data.len() == 8 {
        return des_block(key, data);
    }
    let mut block = aes::Block::try_from(data).unwrap();
    match key.len() {
        16 => aes::Aes128Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
        24 => aes::Aes192Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
        _ => aes::Aes256Enc::new_from_slice(key).unwrap().encrypt_block(&mut block),
    }
    block.to_vec()
}

fn des_block(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut block = data.try_into().unwrap();
    match key.len() {
        8 => ::des::Des::new_from_slice(key).unwrap().encrypt_block(&mut block),
        16 => ::des::TdesEde2::new_from_slice(key).unwrap().encrypt_block(&mut block),
        _ => ::des::TdesEde3::new_from_slice(key).unwrap().encrypt_block(&mut block),
    }
    block.to_vec()
}

/// NIST SP 800-38A sec. 6.3 and 6.4: each step's key stream is a block of what went before.
fn feedback(id: CK_MECHANISM_TYPE, key: &[u8], iv: &[u8], data: &[u8]) -> Vec<u8> {
    let mut shift = iv.to_vec();
    let mut output = Vec::new();
    for plain in data.chunks(if id == CKM_AES_CFB8 { 1 } else { 16 }) {
        let stream = block(key, &shift);
        let sealed = xor(plain, &stream);
        shift.extend(if id == CKM_AES_OFB { &stream } else { &sealed });
        shift.drain(..shift.len() - 16);
        output.extend(sealed);
    }
    output
}

/// IEEE 1619-2018 sec. 5.3: blocks between two masks, and the last two share their ciphertext.
fn xts(key: &[u8], number: &[u8], data: &[u8]) -> Vec<u8> {
    let (data_key, tweak_key) = key.split_at(key.len() / 2);
    let mut mask = u128::from_le_bytes(block(tweak_key, number).try_into().unwrap());
    let mut output: Vec<u8> = Vec::new();
    for plain in data.chunks(16) {
        let place = mask.to_le_bytes();
        let sealed = |plain: &[u8]| xor(&block(data_key, &xor(plain, &place)), &place);
        if plain.len() == 16 {
            output.extend(sealed(plain));
        } else {
            let last = output.split_off(output.len() - 16);
            let (stolen, rest) = last.split_at(plain.len());
            output.extend(sealed(&[plain, rest].concat()));
            output.extend(stolen);
        }
        mask = mask << 1 ^ if mask >> 127 == 1 { 0x87 } else { 0 };
    }
    output
}

fn ccm(key: &[u8], nonce: &[u8], aad: &[u8], data: &[u8], code_bytes: usize) -> Vec<u8> {
    macro_rules! seal {
        ($($aes:ident, $key:literal, $code:ident, $code_bytes:literal, $size:ident, $nonce:literal);*) => {
            match (key.len(), code_bytes, nonce.len()) {
                $(($key, $code_bytes, $nonce) => Ccm::<aes::$aes, $code, $size>::new_from_slice(key)
                    .unwrap()
                    .encrypt(nonce.try_into().unwrap(), Payload { msg: data, aad })
                    .unwrap(),)*
                sizes => panic!("no second opinion on {sizes:?}"),
            }
        };
    }
    seal!(
        Aes128, 16, U16, 16, U12, 12; Aes128, 16, U8, 8, U13, 13; Aes128, 16, U4, 4, U7, 7;
        Aes192, 24, U16, 16, U12, 12; Aes192, 24, U8, 8, U13, 13; Aes192, 24, U4, 4, U7, 7;
        Aes256, 32, U16, 16, U12, 12; Aes256, 32, U8, 8, U13, 13; Aes256, 32, U4, 4, U7, 7
    )
}

/// From AWS-LC's ChaCha20-Poly1305, whose data begins at block 1 of its key stream. The original's counter is that
/// of RFC 8439 with the first word of its nonce.
fn chacha20(key: &[u8], first_block: u64, nonce: &[u8], data: &[u8]) -> Vec<u8> {
    let above = (first_block >> 32) as u32;
    let nonce = if nonce.len() == 8 { [&above.to_le_bytes(), nonce].concat() } else { nonce.to_vec() };
    let skipped = match first_block as u32 {
        // The block before the data makes Poly1305's key: what is encrypted there is none of it.
        0 => panic!("no second opinion on block 0"),
        block => (block as usize - 1) * 64,
    };
    let cipher = openssl::symm::Cipher::chacha20_poly1305();
    let whole = [&vec![0; skipped], data].concat();
    let sealed = openssl::symm::encrypt_aead(cipher, key, Some(&nonce), &[], &whole, &mut [0; 16]).unwrap();
    sealed[skipped..].to_vec()
}

fn poly1305(key: &[u8], nonce: &[u8], aad: &[u8], data: &[u8]) -> Vec<u8> {
    let data = Payload { msg: data, aad };
    match nonce.len() {
        12 => ChaCha20Poly1305::new_from_slice(key).unwrap().encrypt(nonce.try_into().unwrap(), data),
        _ => XChaCha20Poly1305::new_from_slice(key).unwrap().encrypt(nonce.try_into().unwrap(), data),
    }
    .unwrap()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

fn cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Vec<u8> {
    let mut chain = iv.to_vec();
    let mut output = Vec::new();
    for plain in data.chunks(iv.len()) {
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
        CKM_MD5_HMAC => Md::md5(),
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
        CKM_MD5 => md5::Md5::digest(data).to_vec(),
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

/// The HMAC or half the CBC-MAC; `None` for CMAC, on which only the vectors have an opinion.
pub fn mac(id: CK_MECHANISM_TYPE, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    if id == CKM_AES_MAC {
        let blocks = data.chunks(16).map(|part| [part, &vec![0; 16 - part.len()]].concat());
        let last = blocks.fold(vec![0; 16], |chain, plain| block(key, &xor(&plain, &chain)));
        return Some(last[..8].to_vec());
    }
    let key = openssl::pkey::PKey::hmac(key).unwrap();
    let mut signer = openssl::sign::Signer::new(message_digest(id)?, &key).unwrap();
    Some(signer.sign_oneshot_to_vec(data).unwrap())
}
