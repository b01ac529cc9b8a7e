//! Encryption and decryption (PKCS#11 3.0 sec. 5.8 and 5.10).

use super::operation::{Engine, Outcome, Step};
use super::{Output, Session};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Direction, Mechanism, Params};
use cryptoki_sys::{CKA_DECRYPT, CKA_ENCRYPT};

impl Session {
    /// C_EncryptInit, C_DecryptInit. Errors: `OperationActive`, `KeyHandleInvalid`, the mechanism's.
    pub fn cipher_init(
        &self,
        direction: Direction,
        mechanism: &'static Mechanism,
        params: impl FnOnce() -> Result<Params, Error>,
        key: u64,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        let place = state.cipher(direction);
        place.must_be_idle()?;
        let make = mechanism.cipher.ok_or(MechanismError::Invalid(mechanism.id))?;
        if let Some(engine) = place.spare(mechanism, key) {
            if engine.restart(&params()?)? {
                place.start();
                return Ok(());
            }
            place.clear();
            return Err(Error::Internal(format!("{} does not restart", mechanism.name)));
        }
        let usage = if direction == Direction::Encrypt { CKA_ENCRYPT } else { CKA_DECRYPT };
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let work = make(self.usable_key(&held, mechanism, usage)?, &params()?, direction)?;
        place.start_with(Engine { work, mechanism, key: Some((key, held)) });
        Ok(())
    }

    /// C_Encrypt, C_Decrypt. `io` are the caller's buffers, or what was wrong with them: that ends the operation.
    pub fn cipher_one_shot(
        &self,
        direction: Direction,
        io: Result<(&[u8], Output<'_>), Error>,
    ) -> Result<Outcome, Error> {
        self.state().cipher(direction).run(Step::OneShot, |engine| match io? {
            (input, Output::Query) => Ok(Outcome::Size(engine.one_shot_len(input.len())?)),
            (input, Output::Buffer(output)) => Ok(Outcome::Written(engine.one_shot(input, output)?)),
        })
    }

    /// C_EncryptUpdate, C_DecryptUpdate
    pub fn cipher_update(
        &self,
        direction: Direction,
        io: Result<(&[u8], Output<'_>), Error>,
    ) -> Result<Outcome, Error> {
        self.state().cipher(direction).run(Step::Update, |engine| match io? {
            (input, Output::Query) => Ok(Outcome::Size(engine.update_len(input.len())?)),
            (input, Output::Buffer(output)) => Ok(Outcome::Written(engine.update(input, output)?)),
        })
    }

    /// C_EncryptFinal, C_DecryptFinal
    pub fn cipher_final(
        &self,
        direction: Direction,
        output: Result<Output<'_>, Error>,
    ) -> Result<Outcome, Error> {
        self.state().cipher(direction).run(Step::Final, |engine| match output? {
            Output::Query => Ok(Outcome::Size(engine.finish_len()?)),
            Output::Buffer(output) => Ok(Outcome::Written(engine.finish(output)?)),
        })
    }
}
