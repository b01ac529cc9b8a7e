//! The HSMs: each has a bounded queue, and threads that each own one session on it.
//!
//! PKCS#11 calls block and cannot be called off. So no call is ever made on a thread that serves connections: work goes
//! to a queue, and the request waits for its outcome no longer than its deadline. A thread whose call hangs stays away until it
//! ends; an HSM that has one gets no more work than its other threads take, and none where all of them hang.

use crate::failure::Failure;
use crate::xks_proxy::settings::HsmGroupSettings;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The HSMs of one configuration, by group.
pub struct Hsms {
    _groups: Vec<HsmGroupSettings>,
}

/// What an HSM is asked to do with a key.
pub enum Work {
    Describe,
    Encrypt {
        plaintext: Zeroizing<Vec<u8>>,
        /// What the HSM authenticates.
        aad: Vec<u8>,
        /// The digest over these and the outputs is made, and then the outputs are decrypted for a trial.
        cdiv: Option<CdivInput>,
    },
    Decrypt {
        ciphertext: Vec<u8>,
        iv: Vec<u8>,
        tag: Vec<u8>,
        /// Tried one after the other.
        aads: Vec<Vec<u8>>,
    },
}

/// What ciphertextDataIntegrityValue covers beside IV, ciphertext and tag (reference/xks-proxy.md sec. 5).
pub struct CdivInput {
    pub aad: Vec<u8>,
    pub ciphertext_metadata: Vec<u8>,
}

pub enum Outcome {
    Facts(KeyFacts),
    Sealed(Sealed),
    Plaintext(Zeroizing<Vec<u8>>),
}

pub struct Sealed {
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
    pub iv: Vec<u8>,
    /// 16 bytes.
    pub tag: Vec<u8>,
    /// SHA-256, before base64.
    pub cdiv: Option<[u8; 32]>,
}

/// What the HSM knows of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// CKK without its prefix: `AES`, `RSA`.
    pub key_type: String,
    pub bits: u64,
    pub can_encrypt: bool,
    pub can_decrypt: bool,
    pub can_sign: bool,
    pub can_verify: bool,
    pub can_wrap: bool,
    pub can_unwrap: bool,
    pub can_derive: bool,
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HsmFailure {
    #[error("no key of this name")]
    NoKey,
    #[error("{0} keys of this name")]
    NotUnique(usize),
    /// CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT
    #[error("the key does not allow this: {0}")]
    NotPermitted(String),
    /// Ciphertext, IV, tag or aad is not what was made.
    #[error("the ciphertext, or what is authenticated with it, was changed")]
    Mismatch,
    /// The module takes no such lengths.
    #[error("the module does not take this: {0}")]
    Unsupported(String),
    /// No HSM could begin it in time.
    #[error("all HSMs are busy")]
    Busy,
    /// It was begun, and did not end in time.
    #[error("no answer of {0} in time")]
    TimedOut(String),
    /// No HSM works.
    #[error("no HSM works: {0}")]
    Unavailable(String),
    /// Anything else, by function and CKR code: no secret.
    #[error("{0}")]
    Failed(String),
}

/// How a piece of work went.
pub struct Done {
    pub outcome: Result<Outcome, HsmFailure>,
    /// The HSM that did it, or tried last.
    pub hsm: Option<Arc<str>>,
    /// Waiting for a thread.
    pub queued: Duration,
    /// In the module.
    pub worked: Duration,
}

/// One HSM, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsmStatus {
    /// `<group>/<serial>`
    pub id: Arc<str>,
    pub group: String,
    /// Manufacturer and model of the token.
    pub model: String,
    pub health: HealthStatus,
    /// Why it is not ACTIVE.
    pub trouble: String,
    /// Of its threads, how many hang in a call.
    pub hanging: usize,
    pub sessions: usize,
    pub queued: usize,
    pub operations: u64,
    pub failures: u64,
    /// Since the last probe that ended well.
    pub probed: Option<Duration>,
}

/// healthStatus of GetHealthStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    Active,
    /// It serves, but not well: some calls fail or hang, or the probe is late.
    Degraded,
    Unavailable,
}

impl Hsms {
    /// Starts threads, which open sessions and log in. Does not wait for HSMs: those that do not work now may later. `earlier`: of
    /// these, groups whose settings are the same are taken over as they are. Errors: a module that cannot be loaded.
    pub fn start(_groups: &[HsmGroupSettings], _earlier: Option<&Hsms>) -> Result<Arc<Self>, Failure> {
        unimplemented!()
    }

    /// Does work with the key of this external key id, in the first of these groups (by their place in the settings) that has an
    /// HSM for it, moving on to other HSMs where one fails or does not answer; never longer than until `deadline`.
    pub async fn run(&self, _groups: &[usize], _key_id: &str, _work: Work, _deadline: Instant) -> Done {
        unimplemented!()
    }

    /// Encrypts and decrypts with the probe's key, on each HSM; what `status` tells follows. Called by the prober's thread.
    pub fn probe(&self) {
        unimplemented!()
    }

    /// Whether a key of this name, which is the probe's, is in one of the groups.
    pub fn is_probe(&self, _groups: &[usize], _key_id: &str) -> bool {
        unimplemented!()
    }

    pub fn status(&self) -> Vec<HsmStatus> {
        unimplemented!()
    }

    /// Ends the threads that can be ended, and logs out.
    pub fn stop(&self) {
        unimplemented!()
    }
}
