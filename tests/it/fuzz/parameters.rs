//! Parameters of mechanisms that are good ones with words changed.
//!
//! Every pointer leads to far more than any number beside it says that is not beyond all memory: so whatever the
//! library believes, it reads what is there.

use super::Choices;
use crate::sweep::samples::{Sample, Word};
use cryptoki_sys::*;

/// Bytes behind every pointer.
const SPAN: usize = 32 << 10;
/// As a length of bytes, all but the last two are within `SPAN`; as a count of structures, the library refuses more
/// than fit.
const NUMBERS: [u64; 56] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    12,
    13,
    15,
    16,
    17,
    20,
    24,
    28,
    31,
    32,
    33,
    40,
    48,
    63,
    64,
    65,
    96,
    100,
    104,
    112,
    120,
    127,
    128,
    129,
    192,
    255,
    256,
    257,
    384,
    512,
    521,
    1024,
    0x0100,
    0x0101,
    0x0102,
    CKM_SHA_1,
    CKM_SHA256,
    CKM_SHA512,
    CKM_SHA3_256,
    CKM_SHA256_HMAC,
    CKM_SHA3_512_HMAC,
    CKM_AES_CMAC,
    CKM_DES3_CMAC,
    4096,
    1 << 63,
    u64::MAX,
];
/// Handles of session objects are beyond this, and so beyond all memory.
const HANDLES: u64 = 1 << 60;

/// A mechanism, and what its parameter leads to.
pub struct Given {
    words: Vec<u64>,
    length: usize,
    is_null: bool,
    _behind: Vec<Box<[u64]>>,
}

impl Given {
    /// The sample, changed or not.
    pub fn of(sample: Sample, keys: &[CK_OBJECT_HANDLE], choices: &mut Choices) -> Given {
        let mut behind = Vec::new();
        let (mut words, mut length) = match sample {
            Sample::None => (Vec::new(), 0),
            Sample::Bytes(bytes) => {
                let bytes = if choices.one_in(4) { choices.spoilt(bytes) } else { bytes };
                (words_of(&bytes), bytes.len())
            }
            Sample::Structure(words) => {
                let words = laid(words, keys, choices, &mut behind);
                let length = 8 * words.len();
                (words, length)
            }
        };
        if choices.one_in(24) {
            // No structure has such a length: its pointers are not looked at.
            length = 8 * choices.below(10) + 1 + choices.below(7);
            words = vec![u64::from(choices.byte()); length.div_ceil(8)];
        }
        words.push(0);
        Given { words, length, is_null: length == 0 || choices.one_in(48), _behind: behind }
    }

    pub fn mechanism(&self, kind: CK_MECHANISM_TYPE) -> CK_MECHANISM {
        let pointer = if self.is_null { std::ptr::null_mut() } else { self.words.as_ptr().cast_mut().cast() };
        CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: self.length as CK_ULONG }
    }
}

fn words_of(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

fn laid(
    words: Vec<Word>,
    keys: &[CK_OBJECT_HANDLE],
    choices: &mut Choices,
    behind: &mut Vec<Box<[u64]>>,
) -> Vec<u64> {
    let mut lead_to = |words: Vec<u64>, choices: &mut Choices| {
        if choices.one_in(24) {
            return 0;
        }
        let mut block = vec![0; SPAN / 8];
        block[..words.len()].copy_from_slice(&words);
        behind.push(block.into_boxed_slice());
        behind.last().expect("as above").as_ptr() as u64
    };
    let mut result = Vec::new();
    let mut lists = Vec::new();
    for word in words {
        result.push(match word {
            Word::Number(number) if number >= HANDLES && choices.one_in(4) => *choices.pick(keys),
            // A zero may be a pointer that is null.
            Word::Number(number) if (1..HANDLES).contains(&number) && choices.one_in(5) => {
                *choices.pick(&NUMBERS)
            }
            Word::Number(number) => number,
            Word::Pointer(bytes) => {
                let bytes = if choices.one_in(3) { choices.spoilt(bytes) } else { bytes };
                lead_to(words_of(&bytes), choices)
            }
            Word::List(words) => {
                lists.push((result.len(), words));
                0
            }
        });
    }
    for (at, words) in lists {
        let words = laid(words, keys, choices, behind);
        let mut block = vec![0; SPAN / 8];
        block[..words.len()].copy_from_slice(&words);
        behind.push(block.into_boxed_slice());
        result[at] = behind.last().expect("as above").as_ptr() as u64;
    }
    result
}
