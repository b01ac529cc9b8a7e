//! Parameters of single messages (PKCS#11 3.0 sec. 5.9 and 5.11): nonce and tag apart from the data.
//!
//! Messages run on the engines of encryption in parts: `Params` are made here for each message anew. Made by api,
//! completed by session, which makes nonces.

use super::Params;
use smallvec::SmallVec;

/// The form of a message's parameter as the C interface brings it. A row that has one takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageShape {
    /// CK_GCM_MESSAGE_PARAMS
    Gcm,
    /// CK_CCM_MESSAGE_PARAMS
    Ccm,
    /// CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS
    ChaCha20Poly1305,
}

/// Who makes the part of a nonce that is not fixed: CK_GENERATOR_FUNCTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// CKG_NO_GENERATE: the caller, all of it.
    Caller,
    /// CKG_GENERATE: the token, so that it never makes one twice.
    Unique,
    /// CKG_GENERATE_COUNTER
    Counter,
    /// CKG_GENERATE_RANDOM
    Random,
    /// CKG_GENERATE_COUNTER_XOR
    CounterXor,
}

/// A message's parameter, parsed and owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageParams {
    /// As the caller gives it; a generator keeps its first `fixed_bits`.
    pub nonce: SmallVec<[u8; 24]>,
    pub fixed_bits: usize,
    pub generator: Generator,
    pub tag_bytes: usize,
    /// The length of the message, where the parameter says it: CCM begins with it.
    pub data_bytes: u64,
}

impl MessageShape {
    /// What the mechanism's engine takes for a message with this nonce. The engine checks it.
    pub fn params(self, message: &MessageParams, nonce: &[u8], aad: &[u8]) -> Params {
        match self {
            MessageShape::Gcm => Params::Gcm {
                iv: SmallVec::from_slice(nonce),
                aad: aad.to_vec(),
                tag_bits: 8 * message.tag_bytes as u64,
            },
            MessageShape::Ccm => Params::Ccm {
                data_bytes: message.data_bytes,
                nonce: SmallVec::from_slice(nonce),
                aad: aad.to_vec(),
                code_bytes: message.tag_bytes as u64,
            },
            MessageShape::ChaCha20Poly1305 => {
                Params::ChaCha20Poly1305 { nonce: SmallVec::from_slice(nonce), aad: aad.to_vec() }
            }
        }
    }
}
