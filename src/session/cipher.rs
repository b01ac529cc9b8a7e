//! Encryption and decryption (PKCS#11 3.0 sec. 5.8 and 5.10).

use super::ivs::LateIv;
use super::operation::{Engine, Outcome, Step};
use super::{Output, Session, WriteIv};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Cipher, Direction, Mechanism, Params};
use crate::profile::{IvSource, Limits};
use cryptoki_sys::{CKA_DECRYPT, CKA_ENCRYPT};

impl Session {
    /// C_EncryptInit, C_DecryptInit. `write_iv`: where an IV goes that the library makes, once the data are encrypted.
    /// Errors: `OperationActive`, `KeyHandleInvalid`, the mechanism's.
    pub fn cipher_init(
        &self,
        direction: Direction,
        mechanism: &'static Mechanism,
        params: impl FnOnce() -> Result<Params, Error>,
        key: u64,
        write_iv: Option<WriteIv>,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        let place = state.cipher(direction);
        place.must_be_idle()?;
        let make = mechanism.cipher.ok_or(MechanismError::Invalid(mechanism.id))?;
        if let Some(engine) = place.spare(mechanism, key) {
            let mut params = params()?;
            self.settle(mechanism, direction, &mut params)?;
            if engine.restart(&params)? {
                place.start();
                state.late_iv = LateIv::new(&params, write_iv);
                return Ok(());
            }
            place.clear();
            return Err(Error::Internal(format!("{} does not restart", mechanism.name)));
        }
        let usage = if direction == Direction::Encrypt { CKA_ENCRYPT } else { CKA_DECRYPT };
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let (opened, allowed) = (self.usable_key(&held, mechanism, usage)?, held.object.flag(usage));
        let mut params = params()?;
        self.settle(mechanism, direction, &mut params)?;
        let work = make(opened, &params, direction)?;
        place.start_with(Engine { work, mechanism, key: Some((key, held)) });
        if !allowed {
            place.refuse();
        }
        state.late_iv = LateIv::new(&params, write_iv);
        Ok(())
    }

    /// What the profile has to say about parameters. In their place: they are large, and this is the hot path.
    fn settle(&self, mechanism: &Mechanism, direction: Direction, params: &mut Params) -> Result<(), Error> {
        mechanism.check_hashes(params)?;
        if direction == Direction::Encrypt && mechanism.limits.iv != IvSource::Caller {
            *params = self.with_own_iv(mechanism, std::mem::replace(params, Params::None))?;
        }
        Ok(())
    }

    /// C_Encrypt, C_Decrypt. `io` are the caller's buffers, or what was wrong with them: that ends the operation.
    pub fn cipher_one_shot(
        &self,
        direction: Direction,
        io: Result<(&[u8], Output<'_>), Error>,
    ) -> Result<Outcome, Error> {
        let mut state = self.state();
        let place = state.cipher(direction);
        let limits = place.limits();
        let asks = io.as_ref().is_ok_and(|(_, output)| output.asks());
        let done = place.run_or_ask(Step::OneShot, asks, |engine| {
            let (input, output) = io?;
            check_size(&limits, direction, input.len(), engine)?;
            match output {
                Output::Query => Ok(Outcome::Size(engine.one_shot_len(input.len())?)),
                Output::Buffer(output) => Ok(Outcome::Written(engine.one_shot(input, output)?)),
            }
        });
        if direction == Direction::Encrypt
            && let Ok(Outcome::Written(_)) = done
            && let Some(iv) = state.late_iv.take()
        {
            iv.tell();
        }
        done
    }

    /// C_EncryptUpdate, C_DecryptUpdate
    pub fn cipher_update(
        &self,
        direction: Direction,
        io: Result<(&[u8], Output<'_>), Error>,
    ) -> Result<Outcome, Error> {
        let mut state = self.state();
        let place = state.cipher(direction);
        let limits = place.limits();
        let asks = io.as_ref().is_ok_and(|(_, output)| output.asks());
        place.run_or_ask(Step::Update, asks, |engine| {
            let (input, output) = io?;
            if input.len() > limits.data_bytes {
                return Err(too_long(direction, input.len()));
            }
            match output {
                Output::Query => Ok(Outcome::Size(engine.update_len(input.len())?)),
                Output::Buffer(output) => Ok(Outcome::Written(engine.update(input, output)?)),
            }
        })
    }

    /// C_EncryptFinal, C_DecryptFinal
    pub fn cipher_final(
        &self,
        direction: Direction,
        output: Result<Output<'_>, Error>,
    ) -> Result<Outcome, Error> {
        let asks = output.as_ref().is_ok_and(Output::asks);
        self.state().cipher(direction).run_or_ask(Step::Final, asks, |engine| match output? {
            Output::Query => Ok(Outcome::Size(engine.finish_len()?)),
            Output::Buffer(output) => Ok(Outcome::Written(engine.finish(output)?)),
        })
    }
}

/// The limit is one of the data: what is encrypted may be longer by a tag and an IV. Errors: `DataLen`,
/// `EncryptedDataLen`.
#[inline]
fn check_size(
    limits: &Limits,
    direction: Direction,
    input_bytes: usize,
    engine: &dyn Cipher,
) -> Result<(), Error> {
    if input_bytes <= limits.data_bytes {
        return Ok(());
    }
    match direction {
        Direction::Decrypt if engine.one_shot_len(input_bytes)? <= limits.data_bytes => Ok(()),
        _ => Err(too_long(direction, input_bytes)),
    }
}

fn too_long(direction: Direction, bytes: usize) -> Error {
    match direction {
        Direction::Encrypt => MechanismError::DataLen { bytes }.into(),
        Direction::Decrypt => MechanismError::EncryptedDataLen { bytes }.into(),
    }
}
