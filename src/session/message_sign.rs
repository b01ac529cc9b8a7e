//! Messages signed or verified one after the other under one key (PKCS#11 3.0 sec. 5.14 and 5.16).
//!
//! As `messages`: a process lasts from its C_xxxInit to its C_xxxFinal, an error ends the message only.

use super::operation::Outcome;
use super::{Output, Session, State, held::Held};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Mechanism, Params, Sign};
use cryptoki_sys::{CKA_ALWAYS_AUTHENTICATE, CKA_SIGN, CKA_VERIFY};
use std::sync::Arc;

/// Which of the two processes a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Sign,
    Verify,
}

/// A process of messages that are signed or verified.
pub(super) struct SignProcess {
    mechanism: &'static Mechanism,
    params: Params,
    held: Arc<Held>,
    engine: Option<Box<dyn Sign>>,
    in_message: bool,
    /// The next message, or the one in parts, needs a login of its own (CKA_ALWAYS_AUTHENTICATE).
    waits: bool,
}

impl State {
    pub(super) fn sign_process(&mut self, half: Signing) -> &mut Option<SignProcess> {
        match half {
            Signing::Sign => &mut self.message_sign,
            Signing::Verify => &mut self.message_verify,
        }
    }

    /// Errors: `OperationNotInitialized`, also where the key is gone.
    fn active_sign_process(&mut self, half: Signing) -> Result<&mut SignProcess, CallError> {
        let place = self.sign_process(half);
        place.take_if(|process| process.is_stale());
        place.as_mut().ok_or(CallError::OperationNotInitialized)
    }
}

impl Session {
    /// C_MessageSignInit, C_MessageVerifyInit
    pub fn message_sign_init(
        &self,
        half: Signing,
        mechanism: &'static Mechanism,
        params: Params,
        key: u64,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        if state.active_sign_process(half).is_ok() {
            return Err(CallError::OperationActive.into());
        }
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let mut process =
            SignProcess { mechanism, params, held, engine: None, in_message: false, waits: false };
        process.engine = Some(self.sign_engine(half, &process)?);
        process.end_message();
        *state.sign_process(half) = Some(process);
        Ok(())
    }

    fn sign_engine(&self, half: Signing, process: &SignProcess) -> Result<Box<dyn Sign>, Error> {
        let mechanism = process.mechanism;
        let make = mechanism.sign.ok_or(MechanismError::Invalid(mechanism.id))?;
        let usage = if half == Signing::Sign { CKA_SIGN } else { CKA_VERIFY };
        make(self.usable_key(&process.held, mechanism, usage)?, &process.params)
    }

    /// C_SignMessage. The message's own parameter is api's to check: there is none that any mechanism takes.
    pub fn sign_message(&self, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        let mut state = self.state();
        let asks = io.as_ref().is_ok_and(|(_, output)| output.asks());
        let process = self.whole_message(&mut state, Signing::Sign, asks)?;
        let done =
            io.and_then(|(data, output)| process.finish(data, output, |engine, data| engine.whole(data)));
        process.ended_by(&done);
        done
    }

    /// C_VerifyMessage: `io` are the data and the signature. Errors: `SignatureInvalid`, `SignatureLen`.
    pub fn verify_message(&self, io: Result<(&[u8], &[u8]), Error>) -> Result<(), Error> {
        let mut state = self.state();
        let process = self.whole_message(&mut state, Signing::Verify, false)?;
        let (data, signature) = io?;
        process.work(|engine| {
            engine.whole(data)?;
            engine.verify(signature)
        })
    }

    /// C_SignMessageBegin, C_VerifyMessageBegin
    pub fn sign_message_begin(&self, half: Signing, parameter: Result<(), Error>) -> Result<(), Error> {
        let mut state = self.state();
        let process = state.active_sign_process(half)?;
        if process.in_message {
            return Err(CallError::OperationActive.into());
        }
        parameter?;
        process.must_not_wait()?;
        self.begin_signed(process, half)?;
        process.in_message = true;
        Ok(())
    }

    /// C_SignMessageNext without a place for the signature's length, C_VerifyMessageNext without a signature.
    pub fn sign_message_part(&self, half: Signing, data: Result<&[u8], Error>) -> Result<(), Error> {
        let mut state = self.state();
        let process = state.message_begun(half)?;
        let fed = data.and_then(|data| process.work(|engine| engine.update(data)));
        if fed.is_err() {
            process.end_message();
        }
        fed
    }

    /// C_SignMessageNext with the last part.
    pub fn sign_message_last(&self, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        let mut state = self.state();
        let process = state.message_begun(Signing::Sign)?;
        let done =
            io.and_then(|(data, output)| process.finish(data, output, |engine, data| engine.update(data)));
        process.ended_by(&done);
        done
    }

    /// C_VerifyMessageNext with the last part and the signature.
    pub fn verify_message_last(&self, io: Result<(&[u8], &[u8]), Error>) -> Result<(), Error> {
        let mut state = self.state();
        let process = state.message_begun(Signing::Verify)?;
        process.in_message = false;
        let (data, signature) = io?;
        process.work(|engine| {
            engine.update(data)?;
            engine.verify(signature)
        })
    }

    /// C_MessageSignFinal, C_MessageVerifyFinal. Errors: `OperationActive` amid a message.
    pub fn message_sign_final(&self, half: Signing) -> Result<(), Error> {
        let mut state = self.state();
        if state.active_sign_process(half)?.in_message {
            return Err(CallError::OperationActive.into());
        }
        *state.sign_process(half) = None;
        Ok(())
    }

    /// Begins a message that one call processes. Errors: `OperationActive` amid another.
    fn whole_message<'s>(
        &self,
        state: &'s mut State,
        half: Signing,
        asks: bool,
    ) -> Result<&'s mut SignProcess, Error> {
        let process = state.active_sign_process(half)?;
        if process.in_message {
            return Err(CallError::OperationActive.into());
        }
        if !asks {
            process.must_not_wait()?;
        }
        self.begin_signed(process, half)?;
        Ok(process)
    }

    fn begin_signed(&self, process: &mut SignProcess, half: Signing) -> Result<(), Error> {
        let restarted = match &mut process.engine {
            Some(engine) => engine.restart(&process.params)?,
            None => false,
        };
        if !restarted {
            process.engine = Some(self.sign_engine(half, process)?);
        }
        Ok(())
    }
}

impl State {
    fn message_begun(&mut self, half: Signing) -> Result<&mut SignProcess, CallError> {
        let process = self.active_sign_process(half)?;
        if process.in_message { Ok(process) } else { Err(CallError::OperationNotInitialized) }
    }
}

impl SignProcess {
    pub(super) fn is_stale(&self) -> bool {
        self.held.is_gone()
    }

    pub(super) fn waits_for_login(&self) -> bool {
        self.waits && !self.is_stale()
    }

    pub(super) fn authenticate(&mut self) {
        self.waits = false;
    }

    /// Errors: `NotLoggedIn`, if nobody logged in for this message.
    fn must_not_wait(&self) -> Result<(), CallError> {
        if self.waits { Err(CallError::NotLoggedIn) } else { Ok(()) }
    }

    fn end_message(&mut self) {
        self.in_message = false;
        self.waits = self.held.object.flag(CKA_ALWAYS_AUTHENTICATE);
    }

    /// Ends the message, unless the call only asked for the size or had too little room.
    fn ended_by(&mut self, done: &Result<Outcome, Error>) {
        if !matches!(done, Ok(Outcome::Size(_)) | Err(Error::BufferTooSmall { .. })) {
            self.end_message();
        }
    }

    fn finish(
        &mut self,
        data: &[u8],
        output: Output<'_>,
        feed: impl FnOnce(&mut dyn Sign, &[u8]) -> Result<(), Error>,
    ) -> Result<Outcome, Error> {
        self.work(|engine| {
            let needed = engine.output_len();
            match output {
                Output::Query => Ok(Outcome::Size(needed)),
                Output::Buffer(output) if output.len() < needed => Err(Error::BufferTooSmall { needed }),
                Output::Buffer(output) => {
                    feed(engine, data)?;
                    Ok(Outcome::Written(engine.sign(output)?))
                }
            }
        })
    }

    /// An engine that failed may be in any state: the next message gets another.
    fn work<R>(&mut self, body: impl FnOnce(&mut dyn Sign) -> Result<R, Error>) -> Result<R, Error> {
        let engine = self.engine.as_mut().ok_or(CallError::OperationNotInitialized)?;
        let done = body(&mut **engine);
        if !matches!(done, Ok(_) | Err(Error::BufferTooSmall { .. })) {
            self.engine = None;
        }
        done
    }
}
