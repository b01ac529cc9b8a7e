//! The same work on AWS-LC without PKCS#11: contexts are reused, and only given a new IV. What a module can reach.

use crate::Failure;
use crate::clock::measure;
use crate::module::Buffers;
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::md_ctx::MdCtx;
use openssl::nid::Nid;
use openssl::rand::rand_bytes;
use openssl::rsa::{Padding, Rsa};

pub fn measure_all() {
    gcm("gcm-32", 32);
    gcm("gcm-4096", 4096);
    gcm("gcm-1M", 1 << 20);
    measure("cbc-4096", || {
        let (mut context, mut data, mut iv) = (keyed(Cipher::aes_256_cbc())?, Buffers::new(4096), [0; 16]);
        Ok(move |call: u64| {
            iv[..8].copy_from_slice(&call.to_le_bytes());
            encrypt(&mut context, &iv, &mut data, None)
        })
    });
    let key = Rsa::generate(2048);
    measure("rsa2048-sign", || {
        let (key, mut data) = (key.clone().map_err(failure)?, Buffers::for_signature());
        Ok(move |_| {
            key.private_encrypt(&data.input, &mut data.output, Padding::PKCS1).map(drop).map_err(failure)
        })
    });
    let key = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).and_then(|group| EcKey::generate(&group));
    measure("p256-sign", || {
        let (key, data) = (key.clone().map_err(failure)?, Buffers::new(32));
        Ok(move |_| EcdsaSig::sign(&data.input, &key).map(drop).map_err(failure))
    });
    measure("random-32", || {
        let mut bytes = [0; 32];
        Ok(move |_| rand_bytes(&mut bytes).map_err(failure))
    });
    measure("sha256-64", || {
        let (mut context, mut data) = (MdCtx::new().map_err(failure)?, Buffers::new(64));
        Ok(move |_| {
            context.digest_init(Md::sha256()).map_err(failure)?;
            context.digest_update(&data.input).map_err(failure)?;
            context.digest_final(&mut data.output).map(drop).map_err(failure)
        })
    });
}

fn gcm(name: &str, bytes: usize) {
    measure(name, || {
        let (mut context, mut data) = (keyed(Cipher::aes_256_gcm())?, Buffers::new(bytes));
        let (mut iv, mut tag) = ([0; 12], [0; 16]);
        Ok(move |call: u64| {
            iv[..8].copy_from_slice(&call.to_le_bytes());
            encrypt(&mut context, &iv, &mut data, Some(&mut tag))
        })
    });
}

fn keyed(cipher: &CipherRef) -> Result<CipherCtx, Failure> {
    let mut context = CipherCtx::new().map_err(failure)?;
    context.encrypt_init(Some(cipher), Some(&[7; 32]), None).map_err(failure)?;
    Ok(context)
}

fn encrypt(
    context: &mut CipherCtx,
    iv: &[u8],
    data: &mut Buffers,
    tag: Option<&mut [u8]>,
) -> Result<(), Failure> {
    context.encrypt_init(None, None, Some(iv)).map_err(failure)?;
    let n = context.cipher_update(&data.input, Some(&mut data.output)).map_err(failure)?;
    context.cipher_final(&mut data.output[n..]).map_err(failure)?;
    tag.map_or(Ok(()), |tag| context.tag(tag)).map_err(failure)
}

fn failure(error: ErrorStack) -> Failure {
    error.to_string()
}
