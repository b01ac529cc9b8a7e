//! Messages encrypted or decrypted one after the other under one key (PKCS#11 3.0 sec. 5.9 and 5.11).
//!
//! A process lasts from C_MessageEncryptInit to C_MessageEncryptFinal; an error ends the message that it happens in, and
//! the process takes the next one. Nothing leaves a decryption before its tag is verified: in parts, all of it comes
//! from the last call.

use super::message_nonces::Nonce;
use super::operation::Outcome;
use super::{Output, Session, State, held::Held};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Cipher, Direction, Mechanism, MessageParams, MessageShape};
use cryptoki_sys::{CKA_DECRYPT, CKA_ENCRYPT};
use std::sync::Arc;

/// A process of messages in one direction.
pub(super) struct Process {
    pub mechanism: &'static Mechanism,
    shape: MessageShape,
    held: Arc<Held>,
    /// Made with the first message's parameter.
    engine: Option<Box<dyn Cipher>>,
    message: Option<Progress>,
}

/// A message between its first and its last part.
#[derive(Clone, Copy)]
struct Progress {
    tag_bytes: usize,
    given: usize,
    written: usize,
}

/// A message's parameter with the tag that a decryption verifies, as api reads them.
pub struct Given {
    pub params: MessageParams,
    pub tag: Vec<u8>,
}

/// What api writes back into a message's parameter.
#[derive(Default)]
pub struct Made {
    pub nonce: Option<Nonce>,
    pub tag: Option<Vec<u8>>,
}

impl State {
    pub(super) fn process(&mut self, direction: Direction) -> &mut Option<Process> {
        match direction {
            Direction::Encrypt => &mut self.message_encrypt,
            Direction::Decrypt => &mut self.message_decrypt,
        }
    }

    /// Errors: `OperationNotInitialized`, also where the key is gone.
    fn active_process(&mut self, direction: Direction) -> Result<&mut Process, CallError> {
        let place = self.process(direction);
        place.take_if(|process| process.held.is_gone());
        place.as_mut().ok_or(CallError::OperationNotInitialized)
    }
}

impl Session {
    /// C_MessageEncryptInit, C_MessageDecryptInit
    pub fn message_init(
        &self,
        direction: Direction,
        mechanism: &'static Mechanism,
        key: u64,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        if state.active_process(direction).is_ok() {
            return Err(CallError::OperationActive.into());
        }
        let shape = mechanism.message.ok_or(MechanismError::Invalid(mechanism.id))?;
        let usage = if direction == Direction::Encrypt { CKA_ENCRYPT } else { CKA_DECRYPT };
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        self.usable_key(&held, mechanism, usage)?;
        let process = Process { mechanism, shape, held, engine: None, message: None };
        *state.process(direction) = Some(process);
        Ok(())
    }

    /// C_EncryptMessage, C_DecryptMessage. `given` reads the parameter.
    pub fn message_one_shot(
        &self,
        direction: Direction,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        aad: Result<&[u8], Error>,
        io: Result<(&[u8], Output<'_>), Error>,
    ) -> Result<(Outcome, Made), Error> {
        let mut state = self.state();
        let process = state.active_process(direction)?;
        if process.message.is_some() {
            return Err(CallError::OperationActive.into());
        }
        let (given, aad, (input, output)) = (given(process.shape)?, aad?, io?);
        let output = match output {
            Output::Query => return Ok((Outcome::Size(input.len()), Made::default())),
            Output::Buffer(output) if output.len() < input.len() => {
                return Err(Error::BufferTooSmall { needed: input.len() });
            }
            Output::Buffer(output) => output,
        };
        let nonce = self.begin(process, direction, &given.params, aad)?;
        let (written, tag) = process.last_part(direction, input, output, &given.tag)?;
        Ok((Outcome::Written(written), Made { nonce, tag }))
    }

    /// C_EncryptMessageBegin, C_DecryptMessageBegin
    pub fn message_begin(
        &self,
        direction: Direction,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        aad: Result<&[u8], Error>,
    ) -> Result<Made, Error> {
        let mut state = self.state();
        let process = state.active_process(direction)?;
        if process.message.is_some() {
            return Err(CallError::OperationActive.into());
        }
        let nonce = self.begin(process, direction, &given(process.shape)?.params, aad?)?;
        Ok(Made { nonce, tag: None })
    }

    /// C_EncryptMessageNext, C_DecryptMessageNext: the last part if `last`.
    pub fn message_next(
        &self,
        direction: Direction,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        io: Result<(&[u8], Output<'_>), Error>,
        last: bool,
    ) -> Result<(Outcome, Made), Error> {
        let mut state = self.state();
        let process = state.active_process(direction)?;
        let progress = process.message.ok_or(CallError::OperationNotInitialized)?;
        let done = process.next(direction, given, io, last);
        match &done {
            Ok((Outcome::Size(_), _)) | Err(Error::BufferTooSmall { .. }) => process.message = Some(progress),
            Ok(_) if !last => {}
            _ => process.message = None,
        }
        done
    }

    /// C_MessageEncryptFinal, C_MessageDecryptFinal. Errors: `OperationActive` amid a message.
    pub fn message_final(&self, direction: Direction) -> Result<(), Error> {
        let mut state = self.state();
        if state.active_process(direction)?.message.is_some() {
            return Err(CallError::OperationActive.into());
        }
        *state.process(direction) = None;
        Ok(())
    }

    /// Begins a message; gives its nonce where it was made.
    fn begin(
        &self,
        process: &mut Process,
        direction: Direction,
        params: &MessageParams,
        aad: &[u8],
    ) -> Result<Option<Nonce>, Error> {
        let nonce = match direction {
            Direction::Encrypt => self.nonce(&process.held, params)?,
            Direction::Decrypt => params.nonce.clone(),
        };
        let whole = process.shape.params(params, &nonce, aad);
        let restarted = match &mut process.engine {
            Some(engine) => engine.restart(&whole)?,
            None => false,
        };
        if !restarted {
            let make = process.mechanism.cipher.ok_or(MechanismError::Invalid(process.mechanism.id))?;
            let usage = if direction == Direction::Encrypt { CKA_ENCRYPT } else { CKA_DECRYPT };
            let key = self.usable_key(&process.held, process.mechanism, usage)?;
            process.engine = Some(make(key, &whole, direction)?);
        }
        process.message = Some(Progress { tag_bytes: params.tag_bytes, given: 0, written: 0 });
        Ok(Some(nonce).filter(|_| direction == Direction::Encrypt))
    }
}

impl Process {
    pub(super) fn is_stale(&self) -> bool {
        self.held.is_gone()
    }

    fn next(
        &mut self,
        direction: Direction,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        io: Result<(&[u8], Output<'_>), Error>,
        last: bool,
    ) -> Result<(Outcome, Made), Error> {
        let (given, (input, output)) = (given(self.shape)?, io?);
        let needed = self.needed(input.len(), last)?;
        let output = match output {
            Output::Query => return Ok((Outcome::Size(needed), Made::default())),
            Output::Buffer(output) => output.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?,
        };
        if last {
            let (written, tag) = self.last_part(direction, input, output, &given.tag)?;
            return Ok((Outcome::Written(written), Made { nonce: None, tag }));
        }
        let (engine, message) = self.begun()?;
        let written = engine.update(input, output)?;
        (message.given, message.written) = (message.given + input.len(), message.written + written);
        Ok((Outcome::Written(written), Made::default()))
    }

    /// What a part gives: the last one all that was held back.
    fn needed(&mut self, input_bytes: usize, last: bool) -> Result<usize, Error> {
        let (engine, message) = self.begun()?;
        if !last {
            return engine.update_len(input_bytes);
        }
        Ok((message.given - message.written).saturating_add(input_bytes))
    }

    /// Ends the message: the tag comes apart from the data.
    fn last_part(
        &mut self,
        direction: Direction,
        input: &[u8],
        output: &mut [u8],
        tag: &[u8],
    ) -> Result<(usize, Option<Vec<u8>>), Error> {
        let (engine, Progress { tag_bytes, .. }) = self.begun()?;
        let tag_bytes = *tag_bytes;
        let done = match direction {
            Direction::Encrypt => encrypt_last(&mut **engine, input, output, tag_bytes),
            Direction::Decrypt => decrypt_last(&mut **engine, input, output, tag),
        };
        self.message = None;
        if matches!(done, Err(Error::Internal(_))) {
            self.engine = None;
        }
        done
    }

    fn begun(&mut self) -> Result<(&mut Box<dyn Cipher>, &mut Progress), CallError> {
        self.engine.as_mut().zip(self.message.as_mut()).ok_or(CallError::OperationNotInitialized)
    }
}

pub(super) fn encrypt_last(
    engine: &mut dyn Cipher,
    input: &[u8],
    output: &mut [u8],
    tag_bytes: usize,
) -> Result<(usize, Option<Vec<u8>>), Error> {
    let begun = engine.update(input, output)?;
    let mut rest = vec![0; engine.finish_len()?];
    let bytes = engine.finish(&mut rest)?;
    let (data, tag) = rest[..bytes]
        .split_at_checked(bytes.saturating_sub(tag_bytes))
        .filter(|(_, tag)| tag.len() == tag_bytes)
        .ok_or_else(|| Error::Internal("a cipher gave no tag".into()))?;
    output[begun..begun + data.len()].copy_from_slice(data);
    Ok((begun + data.len(), Some(tag.to_vec())))
}

pub(super) fn decrypt_last(
    engine: &mut dyn Cipher,
    input: &[u8],
    output: &mut [u8],
    tag: &[u8],
) -> Result<(usize, Option<Vec<u8>>), Error> {
    engine.update(input, &mut [])?;
    engine.update(tag, &mut [])?;
    let written = engine.finish(output).map_err(|error| match error {
        Error::Mechanism(MechanismError::EncryptedDataInvalid) => MechanismError::NotAuthentic.into(),
        error => error,
    })?;
    Ok((written, None))
}
