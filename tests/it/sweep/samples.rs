//! A good parameter for every mechanism, laid out as C programs do, and what is wrong with others like it.
//!
//! A form of parameter that is not here fails the test: the form with its sample is all that a new mechanism needs.

use super::uses::Use;
use super::world::World;
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
    /// A pointer to structures whose count stands in another word.
    List(Vec<Word>),
}

use Word::{List, Number, Pointer};

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
pub fn only(sample: Sample) -> Form {
    Form { sample, missing: INVALID, zeros: INVALID, ones: INVALID }
}

/// Any bytes of that length are good.
fn any(bytes: usize, missing: CK_RV) -> Form {
    Form { sample: Sample::Bytes(vec![9; bytes]), missing, zeros: CKR_OK, ones: CKR_OK }
}

pub fn form(world: &World, row: &MechanismRow, used: &Use) -> Form {
    match row.message {
        // Messages bring their own: one at the start is only looked at for its length.
        Some(shape) if used.is_of_messages() => any(message_bytes(shape), CKR_OK),
        _ => of_mechanism(world, row),
    }
}

fn message_bytes(shape: MessageShape) -> usize {
    match shape {
        MessageShape::Gcm => size_of::<CK_GCM_MESSAGE_PARAMS>(),
        MessageShape::Ccm => size_of::<CK_CCM_MESSAGE_PARAMS>(),
        MessageShape::ChaCha20Poly1305 => size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>(),
    }
}

fn of_mechanism(world: &World, row: &MechanismRow) -> Form {
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
        ParamShape::Oaep => only(structure(oaep())),
        ParamShape::RsaAes => only(structure([Number(256), List(oaep().into())])),
        ParamShape::Ccm => {
            // As long as a wrapped AES key.
            let nonce = [Number(32), Pointer(vec![9; 12]), Number(12)];
            only(structure(nonce.into_iter().chain([bytes(3), Number(3), Number(16)])))
        }
        ParamShape::ChaCha20 => only(structure([bytes(4), Number(32), bytes(12), Number(96)])),
        ParamShape::ChaCha20Poly1305 => only(structure([bytes(12), Number(96), bytes(3), Number(3)])),
        // No data at all can be put before or behind a key; nothing else can be made of them.
        ParamShape::DerivationData => {
            let joins = matches!(row.id, CKM_CONCATENATE_BASE_AND_DATA | CKM_CONCATENATE_DATA_AND_BASE);
            let zeros = if joins { CKR_OK } else { INVALID };
            Form { zeros, ..only(structure([bytes(16), Number(16)])) }
        }
        ParamShape::DerivationDataIv(iv_bytes) => {
            let iv = (0..iv_bytes / 8).map(|_| Number(9));
            only(structure(iv.chain([bytes(32), Number(32)])))
        }
        ParamShape::KeyHandle => Form {
            zeros: CKR_KEY_HANDLE_INVALID,
            ones: CKR_KEY_HANDLE_INVALID,
            ..only(structure([Number(world.secret)]))
        },
        ParamShape::FirstBit => Form { zeros: CKR_OK, ..only(structure([Number(8)])) },
        ParamShape::Hkdf => {
            // Both to be extracted and expanded: two bytes that are CK_TRUE.
            let salt = [Number(0x0101), Number(CKM_SHA256), Number(CKF_HKDF_SALT_DATA), bytes(8), Number(8)];
            only(structure(salt.into_iter().chain([Number(0), bytes(4), Number(4)])))
        }
        ParamShape::Sp800108 | ParamShape::Sp800108Feedback => {
            let iv =
                [Number(16), bytes(16)].into_iter().filter(|_| row.params == ParamShape::Sp800108Feedback);
            let counter =
                if row.id == CKM_SP800_108_COUNTER_KDF { counter() } else { [Number(0), Number(0)] };
            let inputs = [Number(CKM_SHA256_HMAC), Number(2), List(inputs(counter))];
            only(structure(inputs.into_iter().chain(iv).chain([Number(0), Number(0)])))
        }
        ParamShape::Sp800108CloudHsm => {
            only(structure([Number(CKM_SHA256_HMAC), Number(2), List(inputs(counter()))]))
        }
        ParamShape::Pbkdf2 => {
            let salt = [Number(CKZ_SALT_SPECIFIED), bytes(8), Number(8), Number(100)];
            let prf = [Number(CKP_PKCS5_PBKD2_HMAC_SHA256), Number(0), Number(0)];
            only(structure(salt.into_iter().chain(prf).chain([bytes(8), Number(8)])))
        }
        // Zeros are no context.
        ParamShape::SignContext => Form {
            missing: CKR_OK,
            zeros: CKR_OK,
            ..only(structure([Number(CKH_HEDGE_REQUIRED), bytes(4), Number(4)]))
        },
        ParamShape::HashSignContext => {
            only(structure([Number(CKH_HEDGE_REQUIRED), bytes(4), Number(4), Number(CKM_SHA256)]))
        }
        // Ed25519ctx; none is Ed25519.
        ParamShape::Eddsa => Form { missing: CKR_OK, ..only(structure([Number(0), Number(4), bytes(4)])) },
        ParamShape::Ecdh => {
            let shared = [Number(CKD_SHA256_KDF), Number(5), bytes(5)];
            only(structure(shared.into_iter().chain([Number(65), Pointer(BASE_POINT.to_vec())])))
        }
        ParamShape::EcdhWrap => only(structure([Number(256), Number(CKD_SHA256_KDF), Number(5), bytes(5)])),
        #[allow(unreachable_patterns)]
        shape => panic!("what is a good parameter of {}? The sweep has no sample of {shape:?}", row.name),
    }
}

/// CK_RSA_PKCS_OAEP_PARAMS with a label.
fn oaep() -> [Word; 5] {
    [Number(CKM_SHA256), Number(CKG_MGF1_SHA256), Number(CKZ_DATA_SPECIFIED), bytes(5), Number(5)]
}

/// Two pieces of input of SP 800-108: what is counted, and a label.
fn inputs([counter, counter_bytes]: [Word; 2]) -> Vec<Word> {
    let counted = [Number(CK_SP800_108_ITERATION_VARIABLE), counter, counter_bytes];
    counted.into_iter().chain([Number(CK_SP800_108_BYTE_ARRAY), bytes(5), Number(5)]).collect()
}

/// CK_SP800_108_COUNTER_FORMAT of 32 bits, big-endian, and its length.
fn counter() -> [Word; 2] {
    [Pointer([0, 32].map(u64::to_ne_bytes).concat()), Number(16)]
}

/// The base point of P-256 (SEC 2, sec. 2.4.2), uncompressed: a public key.
#[rustfmt::skip]
const BASE_POINT: [u8; 65] = [
    4,
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

pub fn bytes(count: usize) -> Word {
    Pointer(vec![9; count])
}

pub fn structure(words: impl IntoIterator<Item = Word>) -> Sample {
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
#[derive(Default)]
pub struct Laid {
    memory: Vec<u64>,
    pub length: usize,
    /// The words that are pointers to something, and what lies there.
    pointers: Vec<(usize, Behind)>,
}

enum Behind {
    /// They are only kept.
    Bytes {
        _bytes: Vec<u8>,
    },
    Structures(Laid),
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
        self.pointers.iter().for_each(|(at, _)| memory[*at] = 0);
        Laid { memory, length: self.length, pointers: Vec::new() }
    }

    /// For each pointer, how it is reached and the same with it null. What it led to must outlive them.
    pub fn with_nulls(&self) -> Vec<(String, Laid)> {
        let mut all = Vec::new();
        for (at, behind) in &self.pointers {
            let mut with = |what: String, address: u64, behind: Option<Laid>| {
                let mut memory = self.memory.clone();
                memory[*at] = address;
                let pointers = behind.into_iter().map(|laid| (*at, Behind::Structures(laid))).collect();
                all.push((what, Laid { memory, length: self.length, pointers }));
            };
            with(format!("word {at}"), 0, None);
            if let Behind::Structures(laid) = behind {
                for (what, laid) in laid.with_nulls() {
                    with(format!("word {at}, {what}"), laid.any_pointer() as u64, Some(laid));
                }
            }
        }
        all
    }
}

impl Sample {
    /// With room for more, which the caller may tell.
    pub fn lay(self) -> Laid {
        match self {
            Sample::None => Laid { memory: vec![0], ..Laid::default() },
            Sample::Bytes(bytes) => {
                let mut memory = vec![0; bytes.len() / 8 + 1];
                for (at, byte) in bytes.iter().enumerate() {
                    memory[at / 8] |= u64::from(*byte) << (at % 8 * 8);
                }
                Laid { memory, length: bytes.len(), ..Laid::default() }
            }
            Sample::Structure(words) => lay(words),
        }
    }
}

fn lay(words: Vec<Word>) -> Laid {
    let mut laid = Laid { length: words.len() * 8, ..Laid::default() };
    for (at, word) in words.into_iter().enumerate() {
        let (address, behind) = match word {
            Number(number) => (number, None),
            Pointer(bytes) => (bytes.as_ptr() as u64, Some(Behind::Bytes { _bytes: bytes })),
            List(words) => {
                let list = lay(words);
                (list.any_pointer() as u64, Some(Behind::Structures(list)))
            }
        };
        laid.memory.push(address);
        laid.pointers.extend(behind.map(|behind| (at, behind)));
    }
    laid.memory.push(0);
    laid
}
