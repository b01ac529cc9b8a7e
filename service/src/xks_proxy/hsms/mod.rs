//! The HSMs: each has a bounded queue, and threads that each own one session on it.
//!
//! PKCS#11 calls block and cannot be called off. So no call is ever made on a thread that serves connections: work goes
//! to a queue, and the request waits for its outcome no longer than its deadline. A thread whose call hangs stays away until it
//! ends; an HSM that has one gets no more work than its other threads take, and none where all of them hang.

//!
//! | module | owns |
//! | --- | --- |
//! | `run` | the course of a request: which HSM, when another one, when it is given up |
//! | `group` | the HSMs of a group, as tokens come and go |
//! | `hsm`, `vitals` | one HSM, and how well it works |
//! | `line` | its queue, and what its threads do next |
//! | `worker`, `work`, `keys` | a thread with its session; AES-GCM; which object is which key |
//! | `access`, `modules` | module and login |
//! | `ticket`, `fail` | what passes between those who wait and those who work |
//! | `probe` | whether each HSM encrypts and decrypts |

mod access;
mod fail;
mod group;
mod hsm;
mod keys;
mod line;
mod listing;
mod modules;
mod probe;
mod run;
#[cfg(test)]
pub mod tests;
mod ticket;
mod vitals;
mod work;
mod worker;

use crate::failure::Failure;
use crate::xks_proxy::log;
use crate::xks_proxy::settings::HsmGroupSettings;
use group::Group;
use run::Course;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ticket::Job;
use zeroize::Zeroizing;

/// How long `stop` waits for threads.
const STOPPING: Duration = Duration::from_secs(5);

/// The HSMs of one configuration, by group.
pub struct Hsms {
    groups: Vec<Arc<Group>>,
    /// Whose turn it is among HSMs that have equally much to do.
    turn: AtomicUsize,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// As the token tells them; empty where it was not asked yet.
    pub manufacturer: String,
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
    pub fn start(groups: &[HsmGroupSettings], earlier: Option<&Hsms>) -> Result<Arc<Self>, Failure> {
        let group = |settings: &HsmGroupSettings| {
            let same = earlier.and_then(|earlier| earlier.group(settings));
            match same {
                Some(group) => {
                    group.access.forgive();
                    Ok(group)
                }
                None => Group::start(settings.clone()),
            }
        };
        let groups = groups.iter().map(group).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self { groups, turn: AtomicUsize::new(0) }))
    }

    fn group(&self, settings: &HsmGroupSettings) -> Option<Arc<Group>> {
        self.groups.iter().find(|group| group.access.settings == *settings).cloned()
    }

    /// Does work with the key of this external key id, in the first of these groups (by their place in the settings) that has an
    /// HSM for it, moving on to other HSMs where one fails or does not answer; never longer than until `deadline`.
    pub async fn run(&self, groups: &[usize], key_id: &str, work: Work, deadline: Instant) -> Done {
        let groups = groups.iter().filter_map(|place| self.groups.get(*place)).map(|group| &**group);
        let job = Job::Work { key_id: key_id.into(), work };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Course::new(groups.collect(), job, deadline, turn).run().await
    }

    /// Encrypts and decrypts with the probe's key, on each HSM; what `status` tells follows. Called by the prober's thread.
    pub fn probe(&self) {
        probe::all(&self.groups);
    }

    /// Whether a key of this name, which is the probe's, is in one of the groups.
    pub fn is_probe(&self, groups: &[usize], key_id: &str) -> bool {
        groups.iter().filter_map(|place| self.groups.get(*place)).any(|group| group.access.is_probe(key_id))
    }

    /// Of each HSM. A group that has none yet is told as if it were one. Asks no HSM.
    pub fn status(&self) -> Vec<HsmStatus> {
        self.groups.iter().flat_map(|group| group.status()).collect()
    }

    /// Of the HSMs of these groups.
    pub fn status_of(&self, groups: &[usize]) -> Vec<HsmStatus> {
        groups.iter().filter_map(|place| self.groups.get(*place)).flat_map(|group| group.status()).collect()
    }

    /// The external key ids of the AES-256 keys of a group (by its place in the settings) but the probe's, sorted; one that two keys have
    /// is there twice. Blocks: it is for people who ask. Errors: no HSM can be asked.
    pub fn aes_256_keys(&self, group: usize) -> Result<Vec<String>, HsmFailure> {
        self.groups.get(group).map_or(Ok(Vec::new()), |group| listing::aes_256_keys(group))
    }

    /// Ends the threads that can be ended, and logs out. Groups that a later `start` took over end too: it is for the end of
    /// the process. Others end when they are dropped.
    pub fn stop(&self) {
        self.groups.iter().for_each(|group| group.stop());
        let until = Instant::now() + STOPPING;
        while Instant::now() < until && !self.groups.iter().all(|group| group.has_ended()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
