//! A good parameter for every mechanism, laid out as C programs do, and what is wrong with others like it.
//!
//! A form of parameter that is not here fails the test: the form with its sample is all that a new mechanism needs.

use super::uses::Use;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::{Mechanism as MechanismRow, MessageShape, ParamShape};

/// A mechanism's parameter.
pub enum Sample {
    None,
    Bytes(Vec<u8>),
    Structure(Vec<Word>),
}

/// Eight bytes of a structure.
pub enum Word {
    Number(u64),
    /// A pointer to bytes whose length stands in another word.
    Pointer(Vec<u8>),
}

use Word::{Number, Pointer};

/// What a sample says beside its bytes.
pub struct Form {
    pub sample: Sample,
    /// The code of no parameter at all; of a parameter of zeros; of one of 0xff, its pointers null.
    pub missing: CK_RV,
    pub zeros: CK_RV,
    pub ones: CK_RV,
}

const INVALID: CK_RV = CKR_MECHANISM_PARAM_INVALID;

/// Nothing but the sample, or ones like it, is good.
fn only(sample: Sample) -> Form {
    Form { sample, missing: INVALID, zeros: INVALID, ones: INVALID }
}

/// Any bytes of that length are good.
fn any(bytes: usize, missing: CK_RV) -> Form {
    Form { sample: Sample::Bytes(vec![9; bytes]), missing, zeros: CKR_OK, ones: CKR_OK }
}

pub fn form(row: &MechanismRow, used: &Use) -> Form {
    match row.message {
        // Messages bring their own: one at the start is only looked at for its length.
        Some(shape) if used.is_of_messages() => any(message_bytes(shape), CKR_OK),
        _ => of_mechanism(row),
    }
}

fn message_bytes(shape: MessageShape) -> usize {
    match shape {
        MessageShape::Gcm => size_of::<CK_GCM_MESSAGE_PARAMS>(),
        MessageShape::Ccm => size_of::<CK_CCM_MESSAGE_PARAMS>(),
        MessageShape::ChaCha20Poly1305 => size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>(),
    }
}

fn of_mechanism(row: &MechanismRow) -> Form {
    match row.params {
        ParamShape::None => Form { missing: CKR_OK, ..only(Sample::None) },
        ParamShape::Iv(bytes) => any(bytes, INVALID),
        ParamShape::OptionalIv(bytes) => any(bytes, CKR_OK),
        ParamShape::Ctr => only(structure([Number(64), Number(1), Number(2)])),
        ParamShape::MacLength => only(structure([Number(4)])),
        ParamShape::Gcm | ParamShape::Gmac => {
            let iv = [Pointer(vec![9; 12]), Number(12), Number(96)];
            let aad =
                if row.params == ParamShape::Gmac { [Number(0), Number(0)] } else { [bytes(3), Number(3)] };
            only(structure(iv.into_iter().chain(aad).chain([Number(128)])))
        }
        ParamShape::Pss => {
            let (hash, mgf, bytes) = hash_of(row);
            only(structure([Number(hash), Number(mgf), Number(bytes)]))
        }
        ParamShape::Ccm => {
            // As long as a wrapped AES key.
            let nonce = [Number(32), Pointer(vec![9; 12]), Number(12)];
            only(structure(nonce.into_iter().chain([bytes(3), Number(3), Number(16)])))
        }
        ParamShape::ChaCha20 => only(structure([bytes(4), Number(32), bytes(12), Number(96)])),
        ParamShape::ChaCha20Poly1305 => only(structure([bytes(12), Number(96), bytes(3), Number(3)])),
        #[allow(unreachable_patterns)]
        shape => panic!("what is a good parameter of {}? The sweep has no sample of {shape:?}", row.name),
    }
}

fn bytes(count: usize) -> Word {
    Pointer(vec![9; count])
}

fn structure(words: impl IntoIterator<Item = Word>) -> Sample {
    Sample::Structure(words.into_iter().collect())
}

/// The hash that a mechanism of RSA's has in its name, else SHA-256; its mask generation function; its length.
fn hash_of(row: &MechanismRow) -> (u64, u64, u64) {
    const HASHES: &[(&str, u64, u64, u64)] = &[
        ("_SHA1_", CKM_SHA_1, CKG_MGF1_SHA1, 20),
        ("_SHA224_", CKM_SHA224, CKG_MGF1_SHA224, 28),
        ("_SHA384_", CKM_SHA384, CKG_MGF1_SHA384, 48),
        ("_SHA512_", CKM_SHA512, CKG_MGF1_SHA512, 64),
        ("_SHA3_224_", CKM_SHA3_224, CKG_MGF1_SHA3_224, 28),
        ("_SHA3_256_", CKM_SHA3_256, CKG_MGF1_SHA3_256, 32),
        ("_SHA3_384_", CKM_SHA3_384, CKG_MGF1_SHA3_384, 48),
        ("_SHA3_512_", CKM_SHA3_512, CKG_MGF1_SHA3_512, 64),
    ];
    let found = HASHES.iter().find(|hash| row.name.contains(hash.0));
    found.map_or((CKM_SHA256, CKG_MGF1_SHA256, 32), |(_, hash, mgf, bytes)| (*hash, *mgf, *bytes))
}

/// A parameter as it lies in memory.
pub struct Laid {
    memory: Vec<u64>,
    pub length: usize,
    /// The words that are pointers to something.
    pub pointers: Vec<usize>,
    _behind: Vec<Vec<u8>>,
}

impl Laid {
    pub fn pointer(&self) -> CK_VOID_PTR {
        if self.length == 0 { std::ptr::null_mut() } else { self.any_pointer() }
    }

    /// Not null, even where there is nothing.
    pub fn any_pointer(&self) -> CK_VOID_PTR {
        self.memory.as_ptr().cast_mut().cast()
    }

    /// The same with all bytes these, but for the pointers, which are null.
    pub fn filled(&self, byte: u8) -> Laid {
        let mut memory = vec![u64::from_ne_bytes([byte; 8]); self.memory.len()];
        self.pointers.iter().for_each(|at| memory[*at] = 0);
        Laid { memory, length: self.length, pointers: Vec::new(), _behind: Vec::new() }
    }

    /// The same with this pointer null.
    pub fn without(&self, pointer: usize) -> Laid {
        let mut memory = self.memory.clone();
        memory[pointer] = 0;
        Laid { memory, length: self.length, pointers: Vec::new(), _behind: Vec::new() }
    }
}

impl Sample {
    /// With room for more, which the caller may tell.
    pub fn lay(self) -> Laid {
        let mut laid = Laid { memory: Vec::new(), length: 0, pointers: Vec::new(), _behind: Vec::new() };
        match self {
            Sample::None => {}
            Sample::Bytes(bytes) => {
                laid.length = bytes.len();
                for chunk in bytes.chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    laid.memory.push(u64::from_ne_bytes(word));
                }
            }
            Sample::Structure(words) => {
                laid.length = words.len() * 8;
                for word in words {
                    laid.memory.push(match word {
                        Number(number) => number,
                        Pointer(bytes) => {
                            laid.pointers.push(laid.memory.len());
                            let address = bytes.as_ptr() as u64;
                            laid._behind.push(bytes);
                            address
                        }
                    });
                }
            }
        }
        laid.memory.push(0);
        laid
    }
}
