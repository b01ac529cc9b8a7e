//! `cargo bench --bench mechanisms`: what a mechanism's operation takes beside the same work on bare AWS-LC.
//!
//! An operation is `restart` and a one-shot call through the table's trait objects: the hot path of C_EncryptInit
//! with C_Encrypt, of C_DigestInit with C_Digest, and so on. Each row is the best of several runs.

use cryptoki_sys::*;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use smallvec::SmallVec;
use std::hint::black_box;
use std::time::Instant;
use vhsm_pkcs11::mechanism::{Direction, Key, Params, table};
use vhsm_pkcs11::object::Secret;

const KEY: [u8; 32] = [7; 32];
const IV: [u8; 12] = [9; 12];

fn main() {
    println!("{:<30} {:>12} {:>12} {:>7}", "", "vhsm ns", "AWS-LC ns", "ratio");
    for bytes in [32, 4096, 1 << 20] {
        let ours = best(bytes, gcm(bytes, Direction::Encrypt));
        report(&format!("gcm encrypt {bytes}"), ours, Some(best(bytes, raw_gcm(bytes))));
    }
    for bytes in [32, 4096, 1 << 20] {
        report(&format!("gcm decrypt {bytes}"), best(bytes, gcm(bytes, Direction::Decrypt)), None);
    }
    for bytes in [32, 4096] {
        let params = Params::Ccm {
            data_bytes: bytes as u64,
            nonce: SmallVec::from_slice(&IV),
            aad: Vec::new(),
            code_bytes: 16,
        };
        report(&format!("ccm encrypt {bytes}"), best(bytes, encryption(CKM_AES_CCM, params, bytes)), None);
        let params = Params::ChaCha20Poly1305 { nonce: SmallVec::from_slice(&IV), aad: Vec::new() };
        let ours = best(bytes, encryption(CKM_CHACHA20_POLY1305, params, bytes));
        report(&format!("chacha20-poly1305 {bytes}"), ours, None);
    }
    for bytes in [64, 4096] {
        let data = vec![1; bytes];
        let raw = best(bytes, || {
            black_box(openssl::sha::sha256(black_box(&data)));
        });
        report(&format!("sha256 {bytes}"), best(bytes, digest(CKM_SHA256, bytes)), Some(raw));
    }
    report("sha3-256 64", best(64, digest(CKM_SHA3_256, 64)), None);
    report("sha512/256 64", best(64, digest(CKM_SHA512_256, 64)), None);
    for (name, id) in
        [("hmac sha256 64", CKM_SHA256_HMAC), ("hmac sha512 64", CKM_SHA512_HMAC), ("cmac 64", CKM_AES_CMAC)]
    {
        report(name, best(64, mac(id, 64)), None);
    }
    for (name, id) in [("cbc encrypt 4096", CKM_AES_CBC), ("cbc-pad encrypt 4096", CKM_AES_CBC_PAD)] {
        report(
            name,
            best(4096, encryption(id, Params::Iv(SmallVec::from_slice(&[3; 16])), 4096)),
            Some(best(4096, raw_cbc())),
        );
    }
    let make = table::find(CKM_AES_KEY_GEN).and_then(|row| row.generate).expect("a row that generates");
    let raw = best(32, || openssl::rand::rand_bytes(black_box(&mut [0; 32])).expect("random bytes"));
    report("aes-256 key", best(32, || drop(black_box(make(&Params::None, 32)))), Some(raw));
    let mut ids = [CKM_AES_GCM, CKM_SHA256, CKM_SHA3_512_HMAC_GENERAL, CKM_RSA_PKCS].iter().cycle();
    report(
        "look-up of a row",
        best(1, || {
            black_box(table::find(black_box(*ids.next().unwrap())));
        }),
        None,
    );
}

fn report(name: &str, ours: f64, raw: Option<f64>) {
    match raw {
        Some(raw) => println!("{name:<30} {ours:>12.1} {raw:>12.1} {:>7.2}", raw / ours),
        None => println!("{name:<30} {ours:>12.1}"),
    }
}

/// Nanoseconds of one call, in the best of five runs of some 50 ms.
fn best(bytes: usize, mut call: impl FnMut()) -> f64 {
    let calls = (50_000_000 / (100 + bytes)).max(20);
    let mut run = || {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / calls as f64
    };
    (0..5).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn gcm(bytes: usize, way: Direction) -> impl FnMut() {
    let params = Params::Gcm { iv: SmallVec::from_slice(&IV), aad: Vec::new(), tag_bits: 128 };
    let make = table::find(CKM_AES_GCM).and_then(|row| row.cipher).expect("a row that encrypts");
    let mut cipher = make(Key::Secret(&Secret::new(KEY)), &params, Direction::Encrypt).expect("a cipher");
    let mut sealed = vec![0; bytes + 16];
    cipher.one_shot(&vec![1; bytes], &mut sealed).expect("encrypted");
    let input = if way == Direction::Encrypt { vec![1; bytes] } else { sealed.clone() };
    let mut cipher = make(Key::Secret(&Secret::new(KEY)), &params, way).expect("a cipher");
    move || {
        cipher.restart(black_box(&params)).expect("restarted");
        cipher.one_shot(black_box(&input), black_box(&mut sealed)).expect("right");
    }
}

fn raw_gcm(bytes: usize) -> impl FnMut() {
    let mut ctx = CipherCtx::new().expect("a context");
    ctx.encrypt_init(Some(Cipher::aes_256_gcm()), Some(&KEY), None).expect("a key");
    let (input, mut output, mut tag) = (vec![1; bytes], vec![0; bytes], [0; 16]);
    move || {
        ctx.encrypt_init(None, None, Some(black_box(&IV))).expect("an IV");
        ctx.cipher_update(black_box(&input), Some(black_box(&mut output))).expect("encrypted");
        ctx.cipher_final(&mut []).expect("ended");
        ctx.tag(black_box(&mut tag)).expect("a tag");
    }
}

fn encryption(id: CK_MECHANISM_TYPE, params: Params, bytes: usize) -> impl FnMut() {
    let make = table::find(id).and_then(|row| row.cipher).expect("a row that encrypts");
    let mut cipher = make(Key::Secret(&Secret::new(KEY)), &params, Direction::Encrypt).expect("a cipher");
    let (input, mut output) = (vec![1; bytes], vec![0; bytes + 16]);
    move || {
        cipher.restart(black_box(&params)).expect("restarted");
        cipher.one_shot(black_box(&input), black_box(&mut output)).expect("encrypted");
    }
}

fn raw_cbc() -> impl FnMut() {
    let mut ctx = CipherCtx::new().expect("a context");
    ctx.encrypt_init(Some(Cipher::aes_256_cbc()), Some(&KEY), Some(&[3; 16])).expect("a key");
    ctx.set_padding(false);
    let (input, mut output) = (vec![1; 4096], vec![0; 4096 + 16]);
    move || {
        ctx.encrypt_init(None, None, Some(black_box(&[3; 16]))).expect("an IV");
        ctx.cipher_update(black_box(&input), Some(black_box(&mut output))).expect("encrypted");
    }
}

fn digest(id: CK_MECHANISM_TYPE, bytes: usize) -> impl FnMut() {
    let make = table::find(id).and_then(|row| row.digest).expect("a row that digests");
    let mut digest = make(&Params::None).expect("a digest");
    let (data, mut output) = (vec![1; bytes], [0; 64]);
    move || {
        digest.restart().expect("restarted");
        digest.update(black_box(&data)).expect("digested");
        digest.finish(black_box(&mut output)).expect("ended");
    }
}

fn mac(id: CK_MECHANISM_TYPE, bytes: usize) -> impl FnMut() {
    let make = table::find(id).and_then(|row| row.sign).expect("a row that signs");
    let mut sign = make(Key::Secret(&Secret::new(KEY)), &Params::None).expect("a MAC");
    let (data, mut output) = (vec![1; bytes], [0; 64]);
    move || {
        sign.restart(black_box(&Params::None)).expect("restarted");
        sign.update(black_box(&data)).expect("digested");
        sign.sign(black_box(&mut output)).expect("signed");
    }
}
