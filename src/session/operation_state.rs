//! The state of a digest, saved and set again (PKCS#11 3.0 sec. 5.6.5 and 5.6.6).
//!
//! A state may have keys in it, which C_DigestKey took in: so it leaves only sealed, under a key that this process
//! keeps for this token, and is good for sessions of the same kind under the same login. It is a version, a nonce,
//! and sealed: the mechanism, whether parts were given, and the state of the digest.

use super::operation::{Engine, Outcome};
use super::{Operations, Output, Session, SessionState, State};
use crate::crypto::seal::{self, NONCE_BYTES, SealKey, TAG_BYTES};
use crate::error::{CallError, Error};
use crate::mechanism::{Params, table};
use once_cell::sync::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Mechanism, and whether parts were given.
const HEAD_BYTES: usize = 9;
const SEALED_FROM: usize = 1 + NONCE_BYTES;
const FRAME_BYTES: usize = SEALED_FROM + HEAD_BYTES + TAG_BYTES;

/// What seals the states of one token's operations in this process.
#[derive(Default)]
pub struct StateSeal {
    key: OnceCell<SealKey>,
    /// States that were sealed: each has its number as nonce.
    count: AtomicU64,
}

impl StateSeal {
    fn key(&self) -> Result<&SealKey, Error> {
        self.key.get_or_try_init(|| Ok(SealKey::new(&*seal::random_key()?)))
    }

    fn next_nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce[4..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        nonce
    }
}

impl Session {
    /// C_GetOperationState. Errors: `OperationNotInitialized`, `StateUnsaveable` where anything but a digest is active.
    pub fn operation_state(&self, output: Output<'_>) -> Result<Outcome, Error> {
        let aad = self.state_owner();
        let state = self.state();
        let (engine, in_parts) = state.savable()?;
        let needed = FRAME_BYTES + engine.work.state_len().ok_or(CallError::StateUnsaveable)?;
        let output = match output {
            Output::Query => return Ok(Outcome::Size(needed)),
            Output::Buffer(output) => output.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?,
        };
        let digest = engine.work.save().ok_or(CallError::StateUnsaveable)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(HEAD_BYTES + digest.len()));
        plain.extend_from_slice(&engine.mechanism.id.to_le_bytes());
        plain.push(in_parts.into());
        plain.extend_from_slice(&digest);

        let (seal, nonce) = (&self.slot.states, self.slot.states.next_nonce());
        let mut sealed = [&[VERSION][..], &nonce].concat();
        seal.key()?.seal(&nonce, &aad, &plain, &mut sealed)?;
        output.copy_from_slice(&sealed);
        Ok(Outcome::Written(needed))
    }

    /// C_SetOperationState: what was active in the session ends. Errors: `SavedStateInvalid`, `KeyNotNeeded`; then
    /// nothing changed.
    pub fn set_operation_state(&self, saved: &[u8], keys: [u64; 2]) -> Result<(), Error> {
        let (engine, in_parts) = self.resumed(saved)?;
        if keys != [0; 2] {
            return Err(CallError::KeyNotNeeded.into());
        }
        self.cancel(Operations::all());
        self.state().digest.resume_with(engine, in_parts);
        Ok(())
    }

    fn resumed(&self, saved: &[u8]) -> Result<(Engine<dyn crate::mechanism::Digest>, bool), Error> {
        let invalid = || Error::from(CallError::SavedStateInvalid);
        let (frame, sealed) = saved.split_at_checked(SEALED_FROM).ok_or_else(invalid)?;
        let (version, nonce) = frame.split_first().ok_or_else(invalid)?;
        let nonce = nonce.try_into().map_err(|_| invalid())?;
        if *version != VERSION {
            return Err(invalid());
        }
        let plain = self.slot.states.key()?.open(nonce, &self.state_owner(), sealed).ok_or_else(invalid)?;
        let (head, digest) = plain.split_first_chunk::<HEAD_BYTES>().ok_or_else(invalid)?;
        let (id, in_parts) = (head[..8].try_into().map(u64::from_le_bytes), head[8] == 1);
        let mechanism = table::find(id.map_err(|_| invalid())?).ok_or_else(invalid)?;
        let mut work = mechanism.digest.ok_or_else(invalid)?(&Params::None)?;
        if !work.restore(digest) {
            return Err(invalid());
        }
        Ok((Engine { work, mechanism, key: None }, in_parts))
    }

    /// What a state is bound to beside the token: the state of its session, and the login.
    fn state_owner(&self) -> [u8; 10] {
        let mut owner = [0; 10];
        owner[0] = VERSION;
        owner[1] = match self.session_state() {
            SessionState::ReadOnlyPublic => 0,
            SessionState::ReadOnlyUser => 1,
            SessionState::ReadWritePublic => 2,
            SessionState::ReadWriteUser => 3,
            SessionState::ReadWriteSecurityOfficer => 4,
        };
        owner[2..].copy_from_slice(&self.slot.term().0.to_le_bytes());
        owner
    }
}

impl State {
    fn savable(&self) -> Result<(&Engine<dyn crate::mechanism::Digest>, bool), CallError> {
        if self.works_beside_digest() {
            return Err(CallError::StateUnsaveable);
        }
        self.digest.active().ok_or(CallError::OperationNotInitialized)
    }
}
