//! What AWS-LC has and its safe interface lacks: the one file of crypto with unsafe code.
//!
//! Digests whose state can be told and set again; Ed25519 with contexts; key encapsulation. Called by: crypto's other files, never from outside.

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl_sys as aws_lc;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use zeroize::{Zeroize, Zeroizing};

/// MD5 or a digest of SHA-1 or SHA-2: its context and its three functions.
pub(super) trait Sha: Send + 'static {
    type Context: Words;
    const BYTES: usize;
    const INIT: unsafe extern "C" fn(*mut Self::Context) -> i32;
    const UPDATE: unsafe extern "C" fn(*mut Self::Context, *const std::ffi::c_void, usize) -> i32;
    const FINAL: unsafe extern "C" fn(*mut u8, *mut Self::Context) -> i32;
}

/// A context of AWS-LC that is plain data: chaining words, a count of bits, a block in the making.
pub(super) trait Words: Copy + Send {
    const BLOCK_BYTES: usize;
    /// Bytes of the chaining words and the count.
    const HEAD_BYTES: usize;
    const ZERO: Self;
    fn save(&self, head: &mut [u8], block: &mut [u8]);
    /// Takes over what `save` gave of a context that was set up alike. `None` if it is no such thing.
    fn restore(&mut self, head: &[u8], block: &[u8]) -> Option<()>;
}

macro_rules! words {
    ($context:ident, $word:ty, $words:literal, $block:ident: $block_bytes:literal, $zero:expr) => {
        impl Words for aws_lc::$context {
            const BLOCK_BYTES: usize = $block_bytes;
            const HEAD_BYTES: usize = ($words + 2) * size_of::<$word>();
            const ZERO: Self = $zero;

            fn save(&self, head: &mut [u8], block: &mut [u8]) {
                let words = self.h.iter().chain([&self.Nl, &self.Nh]);
                for (place, word) in head.chunks_exact_mut(size_of::<$word>()).zip(words) {
                    place.copy_from_slice(&word.to_le_bytes());
                }
                // Behind the bytes that count lies what is left of earlier blocks: not part of the state.
                block.fill(0);
                block[..self.num as usize].copy_from_slice(&self.$block[..self.num as usize]);
            }

            fn restore(&mut self, head: &[u8], block: &[u8]) -> Option<()> {
                let mut words = head
                    .as_chunks::<{ size_of::<$word>() }>()
                    .0
                    .iter()
                    .map(|word| <$word>::from_le_bytes(*word));
                for place in &mut self.h {
                    *place = words.next()?;
                }
                (self.Nl, self.Nh) = (words.next()?, words.next()?);
                if self.Nl % 8 != 0 {
                    return None;
                }
                self.num = (self.Nl / 8 % $block_bytes) as u32;
                self.$block.copy_from_slice(block);
                Some(())
            }
        }
    };
}

words!(MD5_CTX, u32, 4, data: 64, aws_lc::MD5_CTX { h: [0; 4], Nl: 0, Nh: 0, data: [0; 64], num: 0 });
words!(SHA_CTX, u32, 5, data: 64, aws_lc::SHA_CTX { h: [0; 5], Nl: 0, Nh: 0, data: [0; 64], num: 0 });
words!(SHA256_CTX, u32, 8, data: 64, aws_lc::SHA256_CTX {
    h: [0; 8], Nl: 0, Nh: 0, data: [0; 64], num: 0, md_len: 0
});
words!(SHA512_CTX, u64, 8, p: 128, aws_lc::SHA512_CTX {
    h: [0; 8], Nl: 0, Nh: 0, p: [0; 128], num: 0, md_len: 0
});

macro_rules! sha {
    ($($name:ident: $context:ident, $bytes:literal, $init:ident, $update:ident, $final:ident;)+) => {
        $(
            pub struct $name;
            impl Sha for $name {
                type Context = aws_lc::$context;
                const BYTES: usize = $bytes;
                const INIT: unsafe extern "C" fn(*mut Self::Context) -> i32 = aws_lc::$init;
                const UPDATE: unsafe extern "C" fn(*mut Self::Context, *const std::ffi::c_void, usize) -> i32 =
                    aws_lc::$update;
                const FINAL: unsafe extern "C" fn(*mut u8, *mut Self::Context) -> i32 = aws_lc::$final;
            }
        )+
    };
}

sha! {
    OfMd5: MD5_CTX, 16, MD5_Init, MD5_Update, MD5_Final;
    OfSha1: SHA_CTX, 20, SHA1_Init, SHA1_Update, SHA1_Final;
    OfSha224: SHA256_CTX, 28, SHA224_Init, SHA224_Update, SHA224_Final;
    OfSha256: SHA256_CTX, 32, SHA256_Init, SHA256_Update, SHA256_Final;
    OfSha384: SHA512_CTX, 48, SHA384_Init, SHA384_Update, SHA384_Final;
    OfSha512: SHA512_CTX, 64, SHA512_Init, SHA512_Update, SHA512_Final;
    OfSha512_224: SHA512_CTX, 28, SHA512_224_Init, SHA512_224_Update, SHA512_224_Final;
    OfSha512_256: SHA512_CTX, 32, SHA512_256_Init, SHA512_256_Update, SHA512_256_Final;
}

/// MD5, SHA-1 or SHA-2 in progress, set up.
pub(super) struct ShaContext<S: Sha>(S::Context);

impl<S: Sha> ShaContext<S> {
    pub(super) const STATE_BYTES: usize = S::Context::HEAD_BYTES + S::Context::BLOCK_BYTES;

    pub(super) fn new() -> Self {
        let mut made = Self(S::Context::ZERO);
        made.reset();
        made
    }

    pub(super) fn reset(&mut self) {
        // SAFETY: a context of this digest, which the function fills; it cannot fail.
        unsafe { S::INIT(&mut self.0) };
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        // SAFETY: a context that was set up, and so many readable bytes; it cannot fail.
        unsafe { S::UPDATE(&mut self.0, data.as_ptr().cast(), data.len()) };
    }

    /// Writes the digest and is as new. Panics unless `out` has `S::BYTES` bytes.
    pub(super) fn finish(&mut self, out: &mut [u8]) {
        assert_eq!(out.len(), S::BYTES);
        // SAFETY: a context that was set up, and room for the digest; it cannot fail.
        unsafe { S::FINAL(out.as_mut_ptr(), &mut self.0) };
        self.reset();
    }

    pub(super) fn save(&self) -> Zeroizing<Vec<u8>> {
        let mut state = Zeroizing::new(vec![0; Self::STATE_BYTES]);
        let (head, block) = state.split_at_mut(S::Context::HEAD_BYTES);
        self.0.save(head, block);
        state
    }

    pub(super) fn restore(state: &[u8]) -> Option<Self> {
        if state.len() != Self::STATE_BYTES {
            return None;
        }
        let mut made = Self::new();
        let (head, block) = state.split_at(S::Context::HEAD_BYTES);
        made.0.restore(head, block)?;
        Some(made)
    }
}

impl<S: Sha> Drop for ShaContext<S> {
    /// C_DigestKey digests keys. black_box keeps the write from being optimized away.
    fn drop(&mut self) {
        self.0 = S::Context::ZERO;
        std::hint::black_box(&self.0);
    }
}

/// A digest of SHA-3.
pub(super) trait Sha3: Send + 'static {
    const BYTES: usize;
    const METHOD: unsafe extern "C" fn() -> *const aws_lc::EVP_MD;
}

macro_rules! sha3 {
    ($($name:ident: $bytes:literal, $method:ident;)+) => {
        $(
            pub struct $name;
            impl Sha3 for $name {
                const BYTES: usize = $bytes;
                const METHOD: unsafe extern "C" fn() -> *const aws_lc::EVP_MD = aws_lc::$method;
            }
        )+
    };
}

sha3! {
    OfSha3_224: 28, EVP_sha3_224;
    OfSha3_256: 32, EVP_sha3_256;
    OfSha3_384: 48, EVP_sha3_384;
    OfSha3_512: 64, EVP_sha3_512;
}

/// What the data pointer of a SHA-3 context leads to: crypto/fipsmodule/sha/internal.h of AWS-LC, which no public
/// header shows. The assertion below stops the build on any other version than the one that was read.
#[repr(C)]
struct Keccak {
    lanes: [u64; 25],
    block_bytes: usize,
    digest_bytes: usize,
    buffered: usize,
    buffer: [u8; 168],
    padding: u8,
    phase: u8,
}

const _: () = assert!(
    matches!(aws_lc::AWSLC_VERSION_NUMBER_STRING, b"1.73.0\0"),
    "another AWS-LC: compare its keccak_ctx_st with Keccak, then name its version here"
);

/// SHA-3 in progress, set up.
pub(super) struct Sha3Context<S> {
    ctx: NonNull<aws_lc::EVP_MD_CTX>,
    _of: PhantomData<S>,
}

// SAFETY: the context belongs to this value alone, and AWS-LC keeps nothing of it by thread.
unsafe impl<S: Send> Send for Sha3Context<S> {}

impl<S: Sha3> Sha3Context<S> {
    const LANE_BYTES: usize = 25 * size_of::<u64>();
    /// Lanes, the number of buffered bytes, the buffer.
    pub(super) const STATE_BYTES: usize = Self::LANE_BYTES + 1 + 168;
    const BLOCK_BYTES: usize = 200 - 2 * S::BYTES;

    /// `None` where there is no memory.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: gives a new context, or null.
        let ctx = NonNull::new(unsafe { aws_lc::EVP_MD_CTX_new() })?;
        let mut made = Self { ctx, _of: PhantomData };
        made.reset().then_some(made)
    }

    /// `false` where there is no memory.
    pub(super) fn reset(&mut self) -> bool {
        // SAFETY: a live context, and a static method.
        unsafe { aws_lc::EVP_DigestInit_ex(self.ctx.as_ptr(), S::METHOD(), null_mut()) == 1 }
    }

    pub(super) fn update(&mut self, data: &[u8]) -> bool {
        // SAFETY: a context that was set up, and so many readable bytes.
        unsafe { aws_lc::EVP_DigestUpdate(self.ctx.as_ptr(), data.as_ptr().cast(), data.len()) == 1 }
    }

    /// Writes the digest and is as new. Panics unless `out` has `S::BYTES` bytes.
    pub(super) fn finish(&mut self, out: &mut [u8]) -> bool {
        assert_eq!(out.len(), S::BYTES);
        // SAFETY: a context that was set up, and room for the digest; null: its length is known.
        let done =
            unsafe { aws_lc::EVP_DigestFinal_ex(self.ctx.as_ptr(), out.as_mut_ptr(), null_mut()) == 1 };
        self.reset() && done
    }

    /// The plain data of the context, if it is what is expected: set up, absorbing.
    fn keccak(&self) -> Option<NonNull<Keccak>> {
        // SAFETY: a live context.
        let keccak = NonNull::new(unsafe { self.ctx.as_ref() }.md_data.cast::<Keccak>())?;
        // SAFETY: a SHA-3 context that was set up has this in its data, in the version that is asserted.
        let fresh = unsafe { keccak.as_ref() };
        let fits = fresh.block_bytes == Self::BLOCK_BYTES && fresh.digest_bytes == S::BYTES;
        (fits && fresh.buffered < Self::BLOCK_BYTES && fresh.phase == 0).then_some(keccak)
    }

    pub(super) fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        // SAFETY: `keccak` gives what is there, and `self` is not changed meanwhile.
        let keccak = unsafe { self.keccak()?.as_ref() };
        let mut state = Zeroizing::new(Vec::with_capacity(Self::STATE_BYTES));
        keccak.lanes.iter().for_each(|lane| state.extend_from_slice(&lane.to_le_bytes()));
        state.push(keccak.buffered as u8);
        state.extend_from_slice(&keccak.buffer[..keccak.buffered]);
        state.resize(Self::STATE_BYTES, 0);
        Some(state)
    }

    pub(super) fn restore(state: &[u8]) -> Option<Self> {
        let (lanes, rest) = state.split_at_checked(Self::LANE_BYTES)?;
        let (&buffered, buffer) = rest.split_first()?;
        if state.len() != Self::STATE_BYTES || usize::from(buffered) >= Self::BLOCK_BYTES {
            return None;
        }
        let made = Self::new()?;
        // SAFETY: `keccak` gives what is there, and nobody else has `made`.
        let keccak = unsafe { made.keccak()?.as_mut() };
        for (place, lane) in keccak.lanes.iter_mut().zip(lanes.as_chunks::<8>().0) {
            *place = u64::from_le_bytes(*lane);
        }
        keccak.buffered = buffered.into();
        keccak.buffer.copy_from_slice(buffer);
        Some(made)
    }
}

impl<S> Drop for Sha3Context<S> {
    /// C_DigestKey digests keys, and AWS-LC frees a digest's data without wiping what is in it.
    fn drop(&mut self) {
        // SAFETY: a live context, which is freed once; its data is a Keccak where there is any.
        unsafe {
            if let Some(mut keccak) = NonNull::new(self.ctx.as_ref().md_data.cast::<Keccak>()) {
                keccak.as_mut().lanes.zeroize();
                keccak.as_mut().buffer.zeroize();
            }
            aws_lc::EVP_MD_CTX_free(self.ctx.as_ptr());
        }
    }
}

/// Which of the three schemes of RFC 8032 sec. 5.1, each with what it signs.
#[derive(Clone, Copy)]
pub(super) enum Ed25519<'a> {
    Pure(&'a [u8]),
    /// The context has 1 to 255 bytes.
    Context(&'a [u8], &'a [u8]),
    /// SHA-512 of the message, and a context of 0 to 255 bytes.
    Prehashed(&'a [u8; 64], &'a [u8]),
}

/// `key` is the seed with the public key behind it. `None`: the context's length does not fit.
pub(super) fn ed25519_sign(what: Ed25519<'_>, key: &[u8; 64]) -> Option<[u8; 64]> {
    let (mut out, key) = ([0; 64], key.as_ptr());
    let to = out.as_mut_ptr();
    // SAFETY: a signature and a key of 64 bytes, a digest of as many; messages and contexts of the lengths given.
    let done = unsafe {
        match what {
            Ed25519::Pure(data) => aws_lc::ED25519_sign(to, data.as_ptr(), data.len(), key),
            Ed25519::Context(data, context) => {
                aws_lc::ED25519ctx_sign(to, data.as_ptr(), data.len(), key, context.as_ptr(), context.len())
            }
            Ed25519::Prehashed(digest, context) => {
                aws_lc::ED25519ph_sign_digest(to, digest.as_ptr(), key, context.as_ptr(), context.len())
            }
        }
    };
    (done == 1).then_some(out)
}

pub(super) fn ed25519_verify(what: Ed25519<'_>, key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let (key, signature) = (key.as_ptr(), signature.as_ptr());
    // SAFETY: a signature of 64 and a key of 32 bytes, a digest of 64; messages and contexts of the lengths given.
    let done = unsafe {
        match what {
            Ed25519::Pure(data) => aws_lc::ED25519_verify(data.as_ptr(), data.len(), signature, key),
            Ed25519::Context(data, context) => {
                let (context, context_bytes) = (context.as_ptr(), context.len());
                aws_lc::ED25519ctx_verify(data.as_ptr(), data.len(), signature, key, context, context_bytes)
            }
            Ed25519::Prehashed(digest, context) => {
                let (context, context_bytes) = (context.as_ptr(), context.len());
                aws_lc::ED25519ph_verify_digest(digest.as_ptr(), signature, key, context, context_bytes)
            }
        }
    };
    done == 1
}

/// A key for encapsulation from both its halves; `None` where they do not have the lengths of this kind.
pub(super) fn kem_pair(nid: i32, public: &[u8], private: &[u8]) -> Option<PKey<Private>> {
    let (public_bytes, private_bytes) = (public.len(), private.len());
    // SAFETY: both are as long as is said; what comes back is a new key, or null.
    unsafe {
        let key = aws_lc::EVP_PKEY_kem_new_raw_key(
            nid,
            public.as_ptr(),
            public_bytes,
            private.as_ptr(),
            private_bytes,
        );
        NonNull::new(key).map(|key| PKey::from_ptr(key.as_ptr()))
    }
}

/// Whether the halves of a key for encapsulation belong together: a secret is encapsulated and decapsulated.
pub(super) fn kem_pair_is_sound(key: &PKeyRef<Private>) -> bool {
    // SAFETY: a live key, which is not changed.
    unsafe { aws_lc::EVP_PKEY_kem_check_key(key.as_ptr()) == 1 }
}

/// The ciphertext and the secret, which have these lengths; `None` if the public key is not valid.
pub(super) fn encapsulate(
    key: &PKeyRef<Public>,
    (ciphertext_bytes, secret_bytes): (usize, usize),
) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let (mut ciphertext, mut secret) = (vec![0; ciphertext_bytes], Zeroizing::new(vec![0; secret_bytes]));
    let (mut written, mut secret_written) = (ciphertext_bytes, secret_bytes);
    let ctx = PkeyCtx::new(key).ok()?;
    // SAFETY: a live context of the key, and room of the lengths given, which the function compares with its own.
    let done = unsafe {
        aws_lc::EVP_PKEY_encapsulate(
            ctx.as_ptr(),
            ciphertext.as_mut_ptr(),
            &mut written,
            secret.as_mut_ptr(),
            &mut secret_written,
        )
    };
    let whole = (written, secret_written) == (ciphertext_bytes, secret_bytes);
    (done == 1 && whole).then_some((ciphertext, secret))
}

/// The secret, which has this length; `None` where the ciphertext has the wrong length.
pub(super) fn decapsulate(
    key: &PKeyRef<Private>,
    ciphertext: &[u8],
    secret_bytes: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let (mut secret, mut written) = (Zeroizing::new(vec![0; secret_bytes]), secret_bytes);
    let ctx = PkeyCtx::new(key).ok()?;
    // SAFETY: a live context of the key, room of the length given, and a ciphertext of its length; the function
    // compares both with its own.
    let done = unsafe {
        aws_lc::EVP_PKEY_decapsulate(
            ctx.as_ptr(),
            secret.as_mut_ptr(),
            &mut written,
            ciphertext.as_ptr(),
            ciphertext.len(),
        )
    };
    (done == 1 && written == secret_bytes).then_some(secret)
}
